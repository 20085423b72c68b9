/* The host's theme is measured, not asked: right in JupyterLab, VS Code, marimo, Voilà and any theme. */

/**
 * Measure the ground behind the board and say light or dark.
 * @param {HTMLElement} el the root
 */
function measureTheme(el) {
  const canvas = h("canvas", { width: 1, height: 1 });
  const g = canvas.getContext("2d", { willReadFrequently: true });
  if (!g) return;
  const chain = [];
  for (let e = el.parentElement; e; e = e.parentElement) {
    chain.unshift(getComputedStyle(e).backgroundColor);
  }
  const named = getComputedStyle(el).getPropertyValue("--jp-layout-color0");
  for (const color of ["#fff", ...chain, named || "transparent"]) {
    g.fillStyle = color;
    g.fillRect(0, 0, 1, 1);
  }
  const [r, gr, b] = g.getImageData(0, 0, 1, 1).data;
  attr(el, "data-theme", r * 299 + gr * 587 + b * 114 < 128000 ? "dark" : "light");
  el.style.setProperty("--own-bg", `rgb(${r} ${gr} ${b})`); // used where the host names no colours
}

/**
 * Measure again whenever the host may have changed its theme.
 * @param {HTMLElement} el
 * @param {() => void} then
 * @returns {() => void} ends it
 */
function watchTheme(el, then) {
  const again = () => {
    measureTheme(el);
    then();
  };
  /** @type {ReturnType<typeof setTimeout>[]} */
  let timers = [];
  // A host changes an attribute first and loads the theme's stylesheet after it.
  const soon = () => {
    timers.forEach(clearTimeout);
    timers = [0, 150, 600, 2000].map((ms) => setTimeout(again, ms));
  };
  const seen = new MutationObserver(soon);
  for (const node of [document.documentElement, document.body]) {
    seen.observe(node, { attributes: true });
  }
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", soon);
  soon();
  return () => {
    timers.forEach(clearTimeout);
    seen.disconnect();
    dark.removeEventListener("change", soon);
  };
}
