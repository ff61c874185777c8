// The tree is made larger and smaller, and moved about by dragging.
const steps = [0.35, 0.5, 0.7, 1, 1.4, 2, 2.8];
let level = 3;
let kept = { left: 0, top: 0 };

function parts() {
  const canvas = document.querySelector(".canvas");
  return { canvas, svg: canvas?.querySelector("svg.tree") };
}

function draw(x, y) {
  const { canvas, svg } = parts();
  if (!svg) return;
  const before = Number(svg.getAttribute("width"));
  const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  const factor = steps[level];
  svg.setAttribute("width", width * factor);
  svg.setAttribute("height", height * factor);
  const ratio = (width * factor) / before;
  canvas.scrollLeft = (canvas.scrollLeft + x) * ratio - x;
  canvas.scrollTop = (canvas.scrollTop + y) * ratio - y;
}

function zoom(by, x, y) {
  const { canvas, svg } = parts();
  if (!svg) return;
  x ??= canvas.clientWidth / 2;
  y ??= canvas.clientHeight / 2;
  if (by) level = Math.min(steps.length - 1, Math.max(0, level + by));
  else {
    const width = Number(svg.getAttribute("viewBox").split(" ")[2]);
    level = steps.findLastIndex((step, n) => n === 0 || (step <= 1 && width * step <= canvas.clientWidth));
  }
  draw(x, y);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-zoom]");
  if (button) zoom(Number(button.dataset.zoom));
});
document.addEventListener("keydown", (event) => {
  if (!event.target.closest?.(".canvas") || event.ctrlKey || event.metaKey) return;
  if (event.key === "+" || event.key === "=") zoom(1);
  else if (event.key === "-") zoom(-1);
  else if (event.key === "0") zoom(0);
});
document.addEventListener("wheel", (event) => {
  const canvas = event.target.closest?.(".canvas");
  if (!canvas || !event.ctrlKey) return;
  event.preventDefault();
  const box = canvas.getBoundingClientRect();
  zoom(event.deltaY < 0 ? 1 : -1, event.clientX - box.left, event.clientY - box.top);
}, { passive: false });

let drag = null;
document.addEventListener("pointerdown", (event) => {
  const canvas = event.target.closest?.(".canvas");
  if (!canvas || event.pointerType !== "mouse" || event.button) return;
  drag = { canvas, x: event.clientX, y: event.clientY, left: canvas.scrollLeft, top: canvas.scrollTop, far: false };
});
document.addEventListener("pointermove", (event) => {
  if (!drag) return;
  const [x, y] = [event.clientX - drag.x, event.clientY - drag.y];
  drag.far ||= Math.hypot(x, y) > 5;
  if (drag.far) {
    drag.canvas.scrollLeft = drag.left - x;
    drag.canvas.scrollTop = drag.top - y;
  }
});
document.addEventListener("pointerup", () => {
  if (drag?.far) addEventListener("click", stop, { capture: true, once: true });
  if (drag?.far) setTimeout(() => removeEventListener("click", stop, { capture: true }));
  drag = null;
});
function stop(event) { event.preventDefault(); event.stopPropagation(); }
document.addEventListener("dragstart", (event) => { if (event.target.closest?.(".canvas")) event.preventDefault(); });

document.addEventListener("scroll", (event) => {
  if (event.target.classList?.contains("canvas")) kept = { left: event.target.scrollLeft, top: event.target.scrollTop };
}, true);
function ready() {
  const controls = document.querySelector(".zoom");
  if (controls) controls.hidden = false;
  const { canvas } = parts();
  const at = { ...kept };
  if (level !== 3) draw(0, 0);
  if (canvas) { canvas.scrollLeft = at.left; canvas.scrollTop = at.top; }
}
document.addEventListener("renewed", ready);
ready();
