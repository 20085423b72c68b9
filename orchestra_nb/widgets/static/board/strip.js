/* The canvas strip: one lane an agent or a slot, waits hatched by cause. */

const LANE_H = 26;
const AXIS_H = 26;
const SLOT_AXIS_H = 18;

/**
 * @typedef {object} Lane
 * @property {Span[]} spans
 * @property {string} status as it is shown
 * @property {number | null} quietSince since when a stalled one has been silent
 * @property {[number, number] | undefined} expected
 */

/**
 * @param {CanvasRenderingContext2D} g
 * @param {string} color
 * @param {string} kind
 */
function hatch(g, color, kind) {
  const tile = h("canvas", { width: 6, height: 6 });
  const t = tile.getContext("2d");
  t.strokeStyle = t.fillStyle = color;
  t.lineWidth = 1.5;
  t.globalAlpha = 0.25;
  t.fillRect(0, 0, 6, 6);
  t.globalAlpha = 1;
  t.beginPath();
  const lines = kind === "human"
    ? [[-1, 7, 7, -1], [-4, 4, 4, -4], [2, 10, 10, 2]]
    : kind === "rate" || kind === "budget" ? [[1.5, 0, 1.5, 6], [4.5, 0, 4.5, 6]] : [];
  for (const [x0, y0, x1, y1] of lines) {
    t.moveTo(x0, y0);
    t.lineTo(x1, y1);
  }
  t.stroke();
  if (kind === "slot") {
    t.fillRect(1, 1, 2, 2);
    t.fillRect(4, 4, 2, 2);
  }
  return g.createPattern(tile, "repeat");
}

class Strip {
  constructor() {
    this.el = h("canvas.strip", { "aria-hidden": "true" });
    this.end = 0;
    /** @type {Record<string, any> | null} */
    this.colors = null;
  }

  /** Colours are read again at the next drawing. */
  forget() {
    this.colors = null;
  }

  /**
   * @param {CanvasRenderingContext2D} g
   * @returns {Record<string, any>}
   */
  palette(g) {
    if (this.colors) return this.colors;
    const css = getComputedStyle(this.el);
    const probe = h("i");
    this.el.parentElement.append(probe);
    const color = (/** @type {string} */ value) => {
      probe.style.color = value;
      return getComputedStyle(probe).color;
    };
    const names = ["--fg", "--fg2", "--bg", "--line", "--edge", "--accent", "--ok", "--fail", "--wait"];
    /** @type {Record<string, any>} */
    const colors = Object.fromEntries(names.map((n) => [n, color(`var(${n})`)]));
    colors.run = colors["--accent"];
    colors.fail = colors["--fail"];
    colors.done = colors["--ok"];
    colors.dim = color("color-mix(in srgb, var(--ok) 74%, var(--bg))");
    colors.dimFail = colors["--fail"];
    for (const kind of ["human", "rate", "slot", "budget"]) {
      colors[kind] = hatch(g, colors["--wait"], kind);
    }
    colors.font = `11px ${css.fontFamily}`;
    probe.remove();
    this.colors = colors;
    return colors;
  }

  /**
   * @param {Lane[]} lanes one a row, or one a task with its slot in `at`
   * @param {{ now: number, over: boolean, end: number, thin: boolean, pitch?: number,
   *   at?: number[], count?: number }} view
   */
  draw(lanes, view) {
    const canvas = this.el;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    if (!width || !height) return;
    const dpr = devicePixelRatio || 1;
    const wide = Math.round(width * dpr);
    const high = Math.round(height * dpr);
    if (canvas.width !== wide) canvas.width = wide;
    if (canvas.height !== high) canvas.height = high;
    const g = canvas.getContext("2d");
    const c = this.palette(g);
    g.setTransform(dpr, 0, 0, dpr, 0, 0);
    g.clearRect(0, 0, width, height);
    g.font = c.font;
    const axis = view.thin ? SLOT_AXIS_H : AXIS_H;
    const end = view.over ? Math.max(1, view.end) : (this.end = axisEnd(this.end, view.end));
    const x = (/** @type {number} */ t) => (Math.min(t, end) / end) * (width - 14) + 6;
    const pitch = view.thin ? (height - axis) / /** @type {number} */ (view.count)
      : view.pitch || LANE_H;
    this.marks(g, c, { ...view, end, axis, width, height, x });
    lanes.forEach((lane, i) => {
      const top = axis + (view.at ? view.at[i] : i) * pitch;
      this.lane(g, c, lane, { ...view, top, pitch, x });
    });
    if (!view.over) this.nowLine(g, c, x(view.now), axis, width, height);
  }

  /**
   * @param {CanvasRenderingContext2D} g
   * @param {any} c
   * @param {any} v
   */
  marks(g, c, v) {
    const step = tickStep(v.end, v.width - 14);
    for (let t = 0; t <= v.end; t += step) {
      const at = Math.round(v.x(t));
      g.fillStyle = c["--line"];
      g.fillRect(at, v.axis - 2, 1, v.height);
      const text = tickText(t);
      const half = g.measureText(text).width / 2;
      const hidden = !v.over && Math.abs(v.x(t) - v.x(v.now)) < 22 + half;
      if (hidden || at + half > v.width) continue;
      g.fillStyle = c["--fg2"];
      g.fillText(text, t ? at - half : Math.max(0, at - half), v.axis - 9);
    }
  }

  /**
   * @param {CanvasRenderingContext2D} g
   * @param {any} c
   * @param {Lane} lane
   * @param {any} v
   */
  lane(g, c, lane, v) {
    const small = v.pitch < 10;
    const tall = v.thin ? Math.min(10, Math.max(1, v.pitch - 0.8)) : 10;
    // A row of two lines has its bar on the first.
    const y = v.top + (Math.min(v.pitch, LANE_H) - tall) / 2;
    const done = lane.status === "done" || lane.status === "failed";
    for (const [kind, from, to] of lane.spans) {
      let until = to ?? v.now;
      if (lane.quietSince !== null && kind === "run" && to === null) {
        until = Math.max(from, lane.quietSince);
      }
      const left = v.x(from);
      const wide = Math.max(1.5, v.x(until) - left - (small ? 0.5 : 1));
      const join = small && kind === "rate"; // hatches of thin lanes join, else they read as dots
      g.fillStyle = kind !== "run" ? c[kind] : !done ? c.run : v.thin ? c.dim : c.done;
      g.fillRect(left, join ? v.top : y, wide, join ? v.pitch + 0.5 : tall);
      // A failure has a shape too: a taller end.
      if (kind === "fail" && !small) g.fillRect(v.x(until) - 3, y - 3, 2, tall + 6);
    }
    if (lane.quietSince !== null) {
      const left = v.x(lane.quietSince);
      g.strokeStyle = c["--wait"];
      g.lineWidth = 1.5;
      g.strokeRect(left + 0.5, y + 1, Math.max(2, v.x(v.now) - left - 1.5), Math.max(1, tall - 2));
      g.lineWidth = 1;
    }
    if (lane.expected && !v.over && !v.thin) {
      const from = v.x(Math.max(v.now, lane.expected[0]));
      const wide = Math.max(6, v.x(lane.expected[1]) - from);
      g.setLineDash([3, 3]);
      g.strokeStyle = c["--edge"];
      g.strokeRect(Math.round(from) + 1.5, Math.round(y) + 2.5, wide - 3, tall - 5);
      g.setLineDash([]);
    }
  }

  /**
   * @param {CanvasRenderingContext2D} g
   * @param {any} c
   * @param {number} at
   * @param {number} axis
   * @param {number} width
   * @param {number} height
   */
  nowLine(g, c, at, axis, width, height) {
    const wide = g.measureText("now").width + 10;
    const left = Math.min(width - wide, Math.max(0, at - wide / 2));
    g.fillStyle = c["--fg"];
    g.fillRect(Math.round(at), axis - 4, 1, height);
    g.fillRect(left, axis - 22, wide, 17);
    g.fillStyle = c["--bg"];
    g.fillText("now", left + 5, axis - 9.5);
  }
}

const LEGEND = [
  ["done", "done"], ["run", "working"], ["human", "waits for you"], ["rate", "rate limit"],
  ["slot", "no free slot"], ["quiet", "quiet: stalled?"], ["fail", "failed attempt"],
  ["expected", "expected"],
];

class Legend {
  constructor() {
    this.keys = LEGEND.map(([kind, text]) => ({ kind, el: h("span", {}, h(`i.key.k-${kind}`), text) }));
    this.el = h("p.legend", {}, this.keys.map((key) => key.el));
    this.filtered = false;
  }

  /**
   * When the run is over, only what there is to see. Before, all of them: nothing moves.
   * @param {Picture} p
   */
  update(p) {
    if (!p.ended || this.filtered) return;
    this.filtered = true;
    const seen = new Set(["done"]);
    for (const i of p.tasks) for (const span of p.rows[i].spans) seen.add(span[0]);
    seen.delete("run");
    for (const key of this.keys) key.el.hidden = !seen.has(key.kind);
  }
}
