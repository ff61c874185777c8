// What takes a while is asked for without leaving the page; without this script it is a plain link.
document.addEventListener("click", async (event) => {
  const link = event.target.closest("[data-ask]");
  if (!link) return;
  event.preventDefault();
  const place = document.getElementById(link.dataset.ask);
  place.setAttribute("aria-busy", "true");
  link.textContent = "Asking …";
  link.setAttribute("aria-disabled", "true");
  try {
    const answer = await fetch(link.href);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const found = page.getElementById(link.dataset.ask) ?? page.querySelector("h1");
    place.replaceChildren(...(found.tagName === "H1" ? [found.textContent] : found.childNodes));
  } catch {
    link.textContent = "The server does not answer. Again?";
    link.removeAttribute("aria-disabled");
  }
  place.removeAttribute("aria-busy");
});
