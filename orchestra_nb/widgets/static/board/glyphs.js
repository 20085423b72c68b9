/* Status is shape and word; colour only repeats it. */

const RING = "M8 2.5a5.5 5.5 0 1 1 0 11a5.5 5.5 0 1 1 0-11z";
const DISC = "M8 1.8a6.2 6.2 0 1 1 0 12.4a6.2 6.2 0 1 1 0-12.4z";

/**
 * Pairs of how and what: f = filled, s = stroked, d = dashed, k = cut out in the ground's colour.
 * @type {Record<string, string[]>}
 */
const GLYPHS = {
  pending: ["d", RING],
  ready: ["d", RING],
  running: ["s", RING, "f", "M8 2.5a5.5 5.5 0 0 1 0 11z"],
  rate: ["s", RING, "s", "M6.3 6v4M9.7 6v4"],
  human: ["s", "M8 1.9l6.1 6.1-6.1 6.1L1.9 8z", "s", "M6.6 6.3v3.4M9.4 6.3v3.4"],
  stalled: ["d", RING, "s", "M6.3 6.5a1.7 1.7 0 1 1 2.5 1.5c-.6.3-.8.6-.8 1.1M8 11v.3"],
  retry: ["s", "M13 8a5 5 0 1 1-1.6-3.7M11.8 1.8v2.8H9"],
  done: ["f", DISC, "k", "M5.1 8.2l2.1 2.1 3.8-4.4"],
  skipped: ["s", "M3.5 4.2l3.8 3.8-3.8 3.8M8.5 4.2l3.8 3.8-3.8 3.8"],
  cancelled: ["s", RING, "s", "M5.4 8h5.2"],
  failed: [
    "f", "M5.4 1.8h5.2l3.6 3.6v5.2l-3.6 3.6h-5.2l-3.6-3.6v-5.2z",
    "k", "M5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4",
  ],
  paused: ["f", DISC, "k", "M6.3 5.4v5.2M9.7 5.4v5.2"],
  stopped: ["f", DISC, "k", "M6 6h4v4H6z"],
  open: ["f", "M8 1.4l6.6 6.6-6.6 6.6L1.4 8z"],
  timeout: ["s", RING, "s", "M8 4.9v3.3l2.3 1.5"],
  warn: ["f", "M8 1.6l6.8 12.2H1.2z", "k", "M8 6v3.7M8 11.7v.3"],
  user: [
    "f", "M8 2.2a2.7 2.7 0 1 1 0 5.4a2.7 2.7 0 1 1 0-5.4z" +
      "M2.8 13.8c0-3 2.3-4.8 5.2-4.8s5.2 1.8 5.2 4.8z",
  ],
  remote: ["s", "M2.5 8h7M6.8 5.2L9.6 8l-2.8 2.8M12.8 3v10"],
  policy: ["s", "M3 4.5h10M3 8h10M3 11.5h6"],
  still: ["s", "M6 4v8M10 4v8"],
  quiet: ["s", "M8 4.8a3.2 3.2 0 1 1 0 6.4a3.2 3.2 0 1 1 0-6.4z"],
  lost: ["s", RING, "s", "M4.2 11.8l7.6-7.6"],
  finding: ["f", "M8 5.6a2.4 2.4 0 1 1 0 4.8a2.4 2.4 0 1 1 0-4.8z"],
  more: ["f", "M3.5 6.7a1.3 1.3 0 1 1 0 2.6a1.3 1.3 0 1 1 0-2.6z" +
    "M8 6.7a1.3 1.3 0 1 1 0 2.6a1.3 1.3 0 1 1 0-2.6zM12.5 6.7a1.3 1.3 0 1 1 0 2.6a1.3 1.3 0 1 1 0-2.6z"],
  edit: ["s", "M3 13l.8-3.2 6.9-6.9 2.4 2.4-6.9 6.9zM9.2 4.4l2.4 2.4"],
  up: ["f", "M2.3 7.2h2.4v6.1H2.3zM5.8 7.1l2.3-4.9c1.1 0 1.7.8 1.5 1.8l-.4 2.1h3.2c.9 0 1.5.8 1.3 1.7" +
    "l-.9 4.3c-.2.7-.7 1.2-1.4 1.2H5.8z"],
  down: ["f", "M2.3 8.8h2.4V2.7H2.3zM5.8 8.9l2.3 4.9c1.1 0 1.7-.8 1.5-1.8l-.4-2.1h3.2c.9 0 1.5-.8 1.3-1.7" +
    "l-.9-4.3c-.2-.7-.7-1.2-1.4-1.2H5.8z"],
  close: ["s", "M4.5 4.5l7 7M11.5 4.5l-7 7"],
};
GLYPHS.slot = GLYPHS.budget = GLYPHS.rate;
GLYPHS.autopilot = GLYPHS.budgeted = GLYPHS.agent = GLYPHS.policy;
GLYPHS.interrupted = GLYPHS.stopped;
GLYPHS.completed = GLYPHS.done;
GLYPHS.asking = GLYPHS.open;

/**
 * @param {string} name
 * @returns {SVGSVGElement}
 */
function glyph(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "glyph");
  drawGlyph(svg, name);
  return svg;
}

/**
 * @param {SVGSVGElement} svg
 * @param {string} name
 */
function drawGlyph(svg, name) {
  if (svg.dataset.name === name) return;
  svg.dataset.name = name;
  const parts = GLYPHS[name] || GLYPHS.quiet;
  const paths = [];
  for (let i = 0; i < parts.length; i += 2) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", parts[i]);
    path.setAttribute("d", parts[i + 1]);
    paths.push(path);
  }
  svg.replaceChildren(...paths);
}
