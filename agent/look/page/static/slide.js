// The slider uncovers more of one picture and less of the other.
const slider = document.getElementById("slider");
if (slider) {
  const range = slider.querySelector("input");
  const show = () => slider.style.setProperty("--at", `${range.value}%`);
  range.addEventListener("input", show);
  show();
}
