// A page that goes on: each event brings the HTML that takes the place of `#now`.
const now = document.getElementById("now");

function put(html) {
  const focused = document.activeElement;
  const pick = now.contains(focused) ? focused.dataset.pick : undefined;
  const link = now.contains(focused) ? focused.getAttribute("href") : null;
  now.innerHTML = html; // made by the server, where every text is escaped
  const next = [...now.querySelectorAll("a")].find((a) =>
    pick !== undefined ? a.dataset.pick === pick : link !== null && a.getAttribute("href") === link);
  next?.focus({ preventScroll: true });
  document.dispatchEvent(new CustomEvent("renewed"));
}

if (now?.dataset.events) {
  const source = new EventSource(now.dataset.events);
  source.addEventListener("update", (event) => put(event.data));
  source.addEventListener("ended", () => { source.close(); location.reload(); });
  addEventListener("pagehide", () => source.close());
}
