// One picture after the other: 1 to 5 answers, s skips, u takes the last answer back.
const root = document.getElementById("rating");
const { who, what, changes } = root.dataset;
const part = (role) => root.querySelector(`[data-role=${role}]`);
const buttons = [...root.querySelectorAll("[data-answer]")];
let state = null;
let busy = true;

function query(more = {}) {
  return new URLSearchParams({ who, what, ...more });
}

async function ask(url, options = {}) {
  busy = true;
  root.setAttribute("aria-busy", "true");
  show();
  try {
    const answer = await fetch(url, { ...options, headers: { ...options.headers, Accept: "application/json" } });
    const body = await answer.json();
    if (!answer.ok) throw new Error(body.error);
    state = body;
    part("message").textContent = "";
    return true;
  } catch (error) {
    part("message").textContent = error.message || "The server does not answer.";
    return false;
  } finally {
    busy = false;
    root.setAttribute("aria-busy", "false");
    show();
  }
}

function allowed(answer) {
  if (busy || !state) return false;
  return answer === "undo" ? state.can_undo : state.picture !== null;
}

async function give(answer) {
  if (!allowed(answer)) return;
  const before = state.expected;
  const done = await ask("/rate/answer", {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Pamela-Changes": changes },
    body: JSON.stringify({ who, what, picture: state.picture ?? "", answer }),
  });
  if (!done) return;
  const words = { skip: "Skipped.", undo: "Taken back." };
  part("last").textContent = words[answer] ??
    (before === null ? `You said ${answer}.` : `Predicted ${before.toFixed(1)}, you said ${answer}.`);
}

function show() {
  for (const button of buttons) {
    const answer = button.dataset.answer;
    button.disabled = !allowed(answer);
  }
  if (!state) return;
  const picture = part("picture");
  picture.hidden = state.picture === null;
  if (state.picture !== null) {
    const source = `/rate/picture?${query({ picture: state.picture })}`;
    if (picture.getAttribute("src") !== source) picture.src = source;
    picture.alt = state.prompt ? `A picture for: ${state.prompt}` : "A picture to rate";
  } else if (!part("message").textContent) {
    part("message").textContent = "That was all of them. Thank you!";
  }
  part("prompt").textContent = state.picture !== null && state.prompt ? `Asked for: ${state.prompt}` : "";
  part("given").textContent = state.given;
  part("left").textContent = state.left + (state.hidden ? ` of the first ${state.left + state.given}` : "");
  learned(state.points);
}

function learned(points) {
  const last = points.at(-1);
  if (!last) return;
  part("uncertainty").textContent = `± ${last.uncertainty.toFixed(2)}`;
  part("leftout").textContent = last.left_out === null ? "" :
    `Checked on your own ratings, each predicted from all the others: off by ${last.left_out.toFixed(2)} on average (${last.ratings} ratings).`;
  draw(points);
}

const SVG = "http://www.w3.org/2000/svg";
function make(name, attributes, text = "") {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  return element;
}

function draw(points) {
  const [left, right, top, bottom] = [40, 330, 12, 104];
  const first = points[0].ratings;
  const span = Math.max(5, points.at(-1).ratings - first);
  const most = Math.max(...points.map((point) => point.uncertainty)) * 1.1;
  const x = (ratings) => left + ((ratings - first) / span) * (right - left);
  const y = (value) => bottom - (value / most) * (bottom - top);
  const drawn = [];
  for (const share of [0, 0.5, 1]) {
    const value = most * share;
    drawn.push(make("line", { class: "grid", x1: left, x2: right, y1: y(value), y2: y(value) }));
    drawn.push(make("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, value.toFixed(2)));
  }
  drawn.push(make("text", { x: left, y: 124 }, `${first} ratings`));
  drawn.push(make("text", { x: right, y: 124, "text-anchor": "end" }, `${first + span}`));
  const line = points.map((point) => `${x(point.ratings)},${y(point.uncertainty)}`).join(" ");
  drawn.push(make("polyline", { class: "best-line", points: line }));
  for (const point of points)
    drawn.push(make("circle", { class: "dot kept", cx: x(point.ratings), cy: y(point.uncertainty), r: 3.5 }));
  part("chart").replaceChildren(...drawn);
}

for (const button of buttons) {
  const answer = button.dataset.answer;
  button.addEventListener("click", () => give(/\d/.test(answer) ? Number(answer) : answer));
}
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (/^[1-5]$/.test(event.key)) give(Number(event.key));
  else if (event.key === "s") give("skip");
  else if (event.key === "u") give("undo");
});
ask(`/rate/now?${query()}`);
