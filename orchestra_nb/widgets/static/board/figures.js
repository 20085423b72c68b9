/* Time and cost as bullet bars: band = the likely range, line = what was expected, bar = what is. */

/**
 * A duration in few words: "45 s", "12 min", "2 h 05 min".
 * @param {number} seconds
 */
function aboutText(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/**
 * A range in few words; the unit stands once: "9 to 17 min".
 * @param {number} low
 * @param {number} high
 */
function rangeText(low, high) {
  const [a, b] = [aboutText(low), aboutText(high)];
  const [own, other] = [a, b].map((text) => /^(\d+) (s|min)$/.exec(text));
  return own && other && own[2] === other[2] ? `${own[1]} to ${b}` : `${a} to ${b}`;
}

/**
 * One figure as it is drawn; values in one unit.
 * @typedef {object} Figure
 * @property {string} name
 * @property {string} value
 * @property {string} said
 * @property {number} actual
 * @property {number | null} line
 * @property {[number, number] | null} band
 * @property {boolean} over
 */

/**
 * @param {any} time of a checkpoint's detail
 * @returns {Figure}
 */
function timeFigure(time) {
  const { actual_s: actual, expected_s: expected, low_s: low, high_s: high } = time;
  /** @type {[number, number] | null} */
  const band = low != null && high != null ? [low, high] : null;
  const over = expected != null && actual > (high ?? expected);
  let said = "no estimate";
  if (expected != null) {
    said = `${over ? "over the expected" : "expected"} ${aboutText(expected)}`;
    if (band) said += ` (${rangeText(low, high)})`;
  }
  return { name: "Time", value: spanText(actual), said, actual, line: expected, band, over };
}

/**
 * @param {any} cost of a checkpoint's detail
 * @returns {Figure}
 */
function costFigure({ usd, budget_usd: budget, unknown }) {
  const part = unknown ? `; ${count(unknown, "exchange")} of unknown cost` : "";
  let value = moneyText(usd);
  if (unknown) value = usd ? `at least ${value}` : "unknown";
  const said = (budget != null ? `of ${moneyText(budget)} budget` : "no budget") + part;
  return {
    name: "Cost", value, said, actual: usd, line: budget, band: null,
    over: budget != null && usd > budget,
  };
}

/**
 * @param {Figure} f
 * @returns {any[]} cells of a row
 */
function bullet(f) {
  const most = Math.max(f.actual, f.line ?? 0, f.band ? f.band[1] : 0) * 1.12;
  const at = (/** @type {number} */ value) => `${(100 * value / (most || 1)).toFixed(2)}%`;
  const bar = h("i.now");
  bar.style.width = at(f.actual);
  let band = null;
  if (f.band) {
    band = h("i.band");
    band.style.left = at(f.band[0]);
    band.style.width = at(f.band[1] - f.band[0]);
  }
  let line = null;
  if (f.line != null) {
    line = h("i.line");
    line.style.left = at(f.line);
  }
  const scale = f.line != null && h(`div.scale${f.over ? ".over" : ""}`, { "aria-hidden": "true" },
    band, bar, line);
  return [h("dt", {}, f.name), h("dd", {}, f.value),
    h("dd.how", {}, scale, h("span.sub", { title: f.said }, f.said))];
}

/**
 * Time, cost and what is left.
 * @param {any} detail of a checkpoint
 * @returns {HTMLElement}
 */
function figuresOf(detail) {
  const rows = [];
  if (detail.time) rows.push(...bullet(timeFigure(detail.time)));
  if (detail.cost) rows.push(...bullet(costFigure(detail.cost)));
  if (detail.left_s != null) {
    rows.push(h("dt", {}, "Left"), h("dd.both", {}, leftText(detail.left_s)));
  }
  return h("dl.figures", {}, rows);
}
