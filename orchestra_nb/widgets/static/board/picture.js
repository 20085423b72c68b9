/* What the board knows of the run: a snapshot and the deltas since. Folds nothing itself. */

/** @typedef {[string, number, number | null]} Span kind, from, to; the run's t */
/**
 * A task as it is drawn; times are the run's t.
 * @typedef {object} Row
 * @property {string} status
 * @property {string} text
 * @property {number | null} at when it last said something
 * @property {number | null} until when a wait is expected to end
 * @property {number | null} started
 * @property {number | null} ended
 * @property {number} attempt
 * @property {Span[]} spans
 * @property {string} marks what can be done by hand, and what was; see rows.py
 */
/** @typedef {Record<string, number>} Counts how many of each status */

const OVER = new Set(["done", "failed", "skipped", "cancelled"]);
const RUN_OVER = new Set(["completed", "failed", "stopped", "interrupted"]);
const MOST_FINDINGS = 200;

/**
 * @param {any[]} list a row as it travels; see rows.py
 * @returns {Row}
 */
function readRow([, status, text, at, until, started, ended, attempt, spans, marks = ""]) {
  return { status, text, at, until, started, ended, attempt, spans, marks };
}

/** The title the engine gives a checkpoint: "Checkpoint after phase 1, Research". */
const CHECKPOINT = /^Checkpoint after phase (\d+), /;

/** @param {string} name of a node */
function shortName(name) {
  const found = CHECKPOINT.exec(name);
  return found ? `checkpoint ${found[1]}` : name;
}

class Picture {
  constructor() {
    this.seq = -1;
    this.now = 0;
    /** @type {any} */
    this.run = null;
    /** @type {any} */
    this.totals = {};
    /** @type {string[]} */
    this.phases = [];
    /** @type {any} columns by node */
    this.nodes = { name: [], kind: [], phase: [], needs: [], gates: [], expected: [], shown: [] };
    /** @type {Row[]} by node */
    this.rows = [];
    /** @type {number[]} nodes that are tasks, in the order of their rows */
    this.tasks = [];
    /** @type {number[][]} nodes of each phase */
    this.members = [];
    /** @type {Map<string, any>} in the order in which they opened */
    this.decisions = new Map();
    /** @type {any[]} */
    this.findings = [];
    /** @type {any} */
    this.over = null;
    /** @type {Set<number>} rows that changed since they were last drawn */
    this.dirty = new Set();
  }

  get ended() {
    return RUN_OVER.has(this.totals.status) && this.totals.ended !== null;
  }

  /** The form before the run while it is open, else null. */
  get form() {
    for (const d of this.decisions.values()) {
      if (d.purpose === "form" && !d.outcome && !d.withdrawn && !this.ended) return d;
    }
    return null;
  }

  /** @param {any} s a snapshot */
  load(s) {
    const fresh = !this.run || this.run.id !== s.run.id;
    this.seq = s.seq;
    this.now = s.now;
    this.run = s.run;
    this.totals = s.totals;
    this.phases = s.phases;
    this.over = s.over;
    this.findings = s.findings;
    this.rows = [];
    this.grow(s.tasks);
    for (const row of s.rows) this.rows[row[0]] = readRow(row);
    this.decisions = new Map(s.decisions.map((/** @type {any} */ d) => [d.id, d]));
    this.dirty = new Set(this.tasks);
    return fresh;
  }

  /**
   * Take the plan's nodes; those that are new wait.
   * @param {any} nodes columns
   */
  grow(nodes) {
    this.nodes = nodes;
    for (let i = this.rows.length; i < nodes.name.length; i++) {
      this.rows.push(readRow([0, "pending", "", null, null, null, null, 0, [], "sw"]));
    }
    this.tasks = nodes.shown;
    this.members = this.phases.map(() => []);
    nodes.phase.forEach((/** @type {number} */ phase, /** @type {number} */ i) =>
      this.members[phase].push(i));
  }

  /**
   * @param {any} d a delta
   * @returns {boolean} false: something before it was missed
   */
  apply(d) {
    if (d.seq <= this.seq && d.base !== this.seq) return true;
    if (d.base !== this.seq) return false;
    this.seq = d.seq;
    this.now = d.now;
    if (d.totals) this.totals = d.totals;
    if (d.level) this.run = { ...this.run, level: d.level[0], levelName: d.level[1] };
    if (d.tasks) this.grow(d.tasks);
    for (const row of d.rows || []) {
      this.rows[row[0]] = readRow(row);
      if (!this.nodes.kind[row[0]]) this.dirty.add(row[0]);
    }
    for (const one of d.decisions || []) this.decisions.set(one.id, one);
    if (d.findings) this.findings = [...this.findings, ...d.findings].slice(-MOST_FINDINGS);
    if (d.over !== undefined) this.over = d.over;
    return true;
  }

  /**
   * A task's status as it is shown: long silence makes a running one "stalled".
   * @param {number} i
   * @param {number} now
   */
  status(i, now) {
    const row = this.rows[i];
    if (row.status !== "running" || row.at === null || this.ended) return row.status;
    const limit = quietLimit(this.nodes.expected[i], row.text !== "");
    return now - row.at >= limit ? "stalled" : "running";
  }

  /**
   * How many tasks are in each status, in all and by phase: one pass.
   * @param {number} now
   */
  tally(now) {
    /** @type {Counts} */
    const all = {};
    /** @type {Counts[]} */
    const phases = this.phases.map(() => ({}));
    for (const i of this.tasks) {
      const status = this.status(i, now);
      const phase = phases[this.nodes.phase[i]];
      all[status] = (all[status] || 0) + 1;
      phase[status] = (phase[status] || 0) + 1;
    }
    return { all, phases };
  }

  /**
   * Decisions somebody can still answer: soonest first, held ones and those with no clock last. One
   * whose clock only stands still for a while keeps its place.
   */
  open() {
    const still = (/** @type {any} */ d) =>
      (d.held && d.held !== "hold" && d.remaining !== null ? this.now + d.remaining : Infinity);
    const key = (/** @type {any} */ d) => d.deadline ?? still(d);
    return [...this.decisions.values()]
      .filter((d) => !d.outcome && !d.withdrawn)
      .sort((a, b) => (key(a) === key(b) ? a.opened - b.opened : key(a) - key(b)));
  }

  /**
   * What a pending task still waits for: "after uiux-expert".
   * @param {number} i
   */
  afterText(i) {
    const { name, needs, gates } = this.nodes;
    const missing = (/** @type {number} */ n) => !OVER.has(this.rows[n].status);
    const all = [
      ...needs[i].filter(missing).map((/** @type {number} */ n) => shortName(name[n])),
      ...gates[i].filter((/** @type {number} */ g) => this.members[g].some(missing))
        .map((/** @type {number} */ g) => this.phases[g]),
    ];
    // A checkpoint stands after its phase: to wait for it is to wait for both.
    const passed = needs[i].filter((/** @type {number} */ n) => missing(n) && CHECKPOINT.test(name[n]))
      .map((/** @type {number} */ n) => this.phases[this.nodes.phase[n]]);
    const names = all.filter((one, n) => !passed.includes(one) && all.indexOf(one) === n);
    if (!names.length) return "";
    const shown = names.slice(0, 3).join(", ");
    return `after ${shown}${names.length > 3 ? ` and ${names.length - 3} more` : ""}`;
  }

  /**
   * Words and aside of a task's row.
   * @param {number} i
   * @param {number} now
   * @param {number} busy how many tasks are at work
   * @returns {{ status: string, text: string, aside: string }}
   */
  say(i, now, busy) {
    const { text, at, until, started, ended } = this.rows[i];
    const status = this.status(i, now);
    const age = at === null || this.ended ? "" : ageText(now - at);
    const next = until !== null && until > now ? `next try in ${clockText(until - now)}` : "";
    const paused = this.totals.status === "paused";
    const took = started !== null && ended !== null ? spanText(ended - started) : "";
    switch (status) {
      case "pending":
        return { status, text: this.ended ? "" : this.afterText(i), aside: "" };
      case "ready":
        if (this.ended) return { status: "pending", text: "", aside: "" };
        if (paused) return { status: "pending", text: "held: run is paused", aside: "" };
        if (busy < this.run.slots) return { status: "pending", text: "starting", aside: "" };
        return { status: "slot", text: `${busy} of ${this.run.slots} busy`, aside: age };
      case "stalled":
        return { status, text: text ? `last: ${text}` : "no message yet", aside: age };
      case "rate":
      case "budget":
        return { status, text: next || text, aside: age };
      case "retry":
        return { status, text: next ? `${next}: ${text}` : text, aside: age };
      case "done":
      case "failed":
      case "cancelled":
        return { status, text, aside: took };
      case "skipped":
        return { status, text, aside: "" };
      default:
        return { status, text, aside: age };
    }
  }
}
