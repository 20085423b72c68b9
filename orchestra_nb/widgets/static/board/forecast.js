/* Where the bars will probably go, and the axis they stand on. */

/**
 * When each unfinished task probably runs, from what it waits for and what it took before (P50).
 * @param {Picture} p
 * @param {number} now
 * @returns {Map<number, [number, number]>} node -> from, to; only those with an expected duration
 */
function forecast(p, now) {
  /** @type {Map<number, number>} */
  const ends = new Map();
  /** @type {Map<number, [number, number]>} */
  const found = new Map();
  const { needs, gates, expected, kind } = p.nodes;
  const end = (/** @type {number} */ i) => {
    const known = ends.get(i);
    if (known !== undefined) return known;
    const row = p.rows[i];
    ends.set(i, now);
    if (OVER.has(row.status)) return now;
    let from = now;
    if (row.started === null) {
      for (const n of needs[i]) from = Math.max(from, end(n));
      for (const g of gates[i]) for (const n of p.members[g]) from = Math.max(from, end(n));
    }
    const spent = row.started === null ? 0 : now - row.started;
    const to = from + (kind[i] ? 0 : Math.max(0, (expected[i] || 0) - spent));
    ends.set(i, to);
    if (!kind[i] && to > from) found.set(i, [from, to]);
    return to;
  };
  for (const i of p.tasks) end(i);
  return found;
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];

/**
 * The end of the time axis. It moves in rare big steps, so that the strip does not crawl.
 * @param {number} before the axis so far
 * @param {number} reach what has to fit
 */
function axisEnd(before, reach) {
  const want = Math.max(4, reach);
  if (want <= before && want > before * 0.55) return before;
  const step = STEPS.find((s) => s * 12 >= want) || 86400;
  return Math.ceil((want * (before ? 1.2 : 1.03)) / step) * step;
}

/**
 * Seconds between two marks of the axis.
 * @param {number} end
 * @param {number} width in pixels
 */
function tickStep(end, width) {
  return STEPS.find((s) => (s / end) * width > 46) || 86400;
}

/** @param {number} t */
function tickText(t) {
  if (t === 0) return "0";
  if (t < 60 || t % 60) return t < 60 ? `${t} s` : spanText(t);
  return t < 7200 ? `${t / 60} min` : `${+(t / 3600).toFixed(1)} h`;
}

/* Lanes by slot: a task takes the lowest lane that is free when it starts, and keeps it. */
class Lanes {
  /** @param {number} slots how many lanes there are from the first second */
  constructor(slots) {
    this.count = Math.max(1, Math.min(64, slots));
    /** @type {number[]} when each lane is free again; Infinity while one is at work */
    this.free = new Array(this.count).fill(-Infinity);
    /** @type {Map<number, number>} node -> lane */
    this.of = new Map();
  }

  /**
   * @param {Picture} p
   * @param {Iterable<number>} nodes rows that changed
   */
  take(p, nodes) {
    const begun = [];
    for (const i of nodes) {
      const row = p.rows[i];
      const lane = this.of.get(i);
      if (lane !== undefined) {
        if (row.ended !== null) this.free[lane] = Math.max(row.ended, this.real(lane));
      } else if (row.started !== null) {
        begun.push(i);
      }
    }
    begun.sort((a, b) =>
      (p.rows[a].started ?? 0) - (p.rows[b].started ?? 0));
    for (const i of begun) {
      const row = p.rows[i];
      const from = (row.started ?? 0) + 0.001;
      let lane = this.free.findIndex((t) => t <= from);
      if (lane < 0) lane = this.free.indexOf(Math.min(...this.free));
      this.of.set(i, lane);
      this.free[lane] = row.ended ?? Infinity;
    }
  }

  /** @param {number} lane */
  real(lane) {
    return this.free[lane] === Infinity ? -Infinity : this.free[lane];
  }
}
