// Two pictures are chosen by clicking them (or Enter on them), then compared: `c`, or the button.
// Without this script the same pictures are links to the candidate's own page.
const tray = document.getElementById("tray");
const place = "picked " + location.pathname;
const many = 2;
let picked = read();

function read() {
  try { return JSON.parse(sessionStorage.getItem(place)) || []; } catch { return []; }
}

function keep() {
  try { sessionStorage.setItem(place, JSON.stringify(picked)); } catch { /* only until it is left */ }
}

function toggle(link) {
  const id = link.dataset.pick;
  const picture = link.querySelector("img, image");
  const at = picked.findIndex((one) => one.id === id);
  if (at >= 0) picked.splice(at, 1);
  else {
    picked.push({ id, href: link.getAttribute("href"),
      picture: picture?.getAttribute("src") ?? picture?.getAttribute("href") ?? "" });
    picked = picked.slice(-many);
  }
  keep();
  show();
}

function chip(one, number) {
  const link = document.createElement("a");
  link.href = one.href;
  link.title = "A closer look";
  if (one.picture) {
    const image = document.createElement("img");
    Object.assign(image, { src: one.picture, alt: "", width: 44, height: 44 });
    link.append(image);
  }
  link.append(`${number ? "Right" : "Left"}: ${one.id}`);
  return link;
}

function show() {
  for (const link of document.querySelectorAll("[data-pick]")) {
    const on = picked.some((one) => one.id === link.dataset.pick);
    link.classList.toggle("picked", on);
    link.setAttribute("aria-pressed", String(on));
    link.setAttribute("role", "button");
  }
  tray.hidden = picked.length === 0;
  document.body.classList.toggle("with-tray", !tray.hidden);
  tray.querySelector(".chosen").replaceChildren(...picked.map(chip));
  tray.querySelector(".hint").textContent =
    picked.length < many ? "Choose a second picture, or look closer at this one" : "";
  const compare = tray.querySelector("[data-role=compare]");
  compare.hidden = picked.length < many;
  const ids = picked.map((one) => "id=" + encodeURIComponent(one.id)).join("&");
  compare.href = `${tray.dataset.compare}?${ids}`;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-pick]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  toggle(link);
});
document.addEventListener("keydown", (event) => {
  const link = event.target.closest?.("[data-pick]");
  if (link && event.key === " ") { event.preventDefault(); toggle(link); }
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches?.("input, select")) return;
  if (event.key === "c" && picked.length === many) tray.querySelector("[data-role=compare]").click();
  if (event.key === "Escape" && picked.length) { picked = []; keep(); show(); }
});
tray.querySelector("[data-role=clear]").addEventListener("click", () => { picked = []; keep(); show(); });
document.addEventListener("renewed", show);
show();
