/* Words and figures. */

/** @type {Record<string, string>} */
const WORDS = {
  pending: "Pending", ready: "Pending", running: "Running", rate: "Rate limit",
  human: "Waits for you", slot: "No free slot", budget: "Budget", stalled: "Stalled?",
  retry: "Retrying", done: "Done", skipped: "Skipped", cancelled: "Cancelled", failed: "Failed",
};
/** @type {Record<string, string>} */
const RUN_WORDS = {
  running: "Running", paused: "Paused", completed: "Done", failed: "Failed", stopped: "Stopped",
  interrupted: "Interrupted", asking: "Questions",
};
/** The order in which bars and counts name the statuses. */
const ORDER = [
  "done", "failed", "running", "stalled", "retry", "rate", "human", "slot", "budget", "skipped",
  "cancelled", "ready", "pending",
];
const STOP_TITLE = "Ends within 2 s; calls in flight are lost";

/**
 * A count of things: "1 task", "2,000 tasks".
 * @param {number} n
 * @param {string} one
 * @param {string} [many]
 */
function count(n, one, many = `${one}s`) {
  return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
}

/**
 * Time left, rounded up: 0:00 means over.
 * @param {number} seconds
 */
function clockText(seconds) {
  return spanText(Math.ceil(seconds - 0.001));
}

/**
 * Time passed: 7:24, 1:02:03.
 * @param {number} seconds
 */
function spanText(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  return minutes < 60
    ? `${minutes}:${two(whole % 60)}`
    : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}

/**
 * How old a sign of life is, in steps that don't flicker.
 * @param {number} seconds
 */
function ageText(seconds) {
  if (seconds < 10) return "now";
  if (seconds < 30) return "10 s";
  if (seconds < 60) return "30 s";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h`;
}

/**
 * What is left at least, never promised to be all.
 * @param {number | null} seconds
 */
function leftText(seconds) {
  if (seconds == null) return "–";
  if (seconds < 60) return `at least ${Math.max(1, Math.round(seconds / 10) * 10)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `at least ${minutes} min`;
  return `at least ${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** @param {number} n */
function tokensText(n) {
  if (n < 1000) return String(n);
  if (n < 9950) return `${(n / 1000).toFixed(1)} k`;
  if (n < 999500) return `${Math.round(n / 1000)} k`;
  return `${(n / 1e6).toFixed(2)} M`;
}

/** @param {number} usd */
function moneyText(usd) {
  if (usd > 0 && usd < 0.005) return "under $0.01";
  return `$${usd.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

/**
 * A duration as it is spoken: "10 minutes", "45 seconds".
 * @param {number} seconds
 */
function spokenText(seconds) {
  if (seconds < 90) return count(Math.round(seconds), "second");
  return count(Math.round(seconds / 60), "minute");
}

/**
 * @param {Record<string, number>} counts
 * @returns {string} "4 done, 3 running, 5 pending"
 */
function countsText(counts) {
  const merged = { ...counts, pending: (counts.pending || 0) + (counts.ready || 0), ready: 0 };
  return ORDER.filter((s) => merged[/** @type {"ready"} */ (s)])
    .map((s) => `${merged[/** @type {"ready"} */ (s)].toLocaleString("en")} ${WORDS[s].toLowerCase()}`)
    .join(", ");
}

/**
 * Time of day where the run is, whatever the browser's own zone.
 * @param {{ wall: number, zone: number }} run
 * @param {number} t the run's t
 */
function timeOfDay(run, t) {
  return new Date((run.wall + run.zone + t) * 1000).toISOString().slice(11, 16);
}

/**
 * Second line of the head: what the run is.
 * @param {{ id: string, level: number, levelName: string, mode: string, wall: number,
 *   zone: number, origin?: string }} run
 */
function runLine(run) {
  const day = new Date((run.wall + run.zone) * 1000).toISOString().slice(0, 10);
  const name = run.id.replace(/^\d{8}T\d{6}Z-/, "").replace(/-[0-9a-f]{4}$/, "");
  return [
    run.origin, `Level ${run.level}`, run.levelName, run.mode,
    `run ${day} ${timeOfDay(run, 0)} ${name}`,
  ].filter(Boolean).join(" · ");
}

/**
 * The seconds after which a silent agent may be stalled.
 * @param {number | null} expected
 * @param {boolean} spoke whether it has said anything yet
 */
function quietLimit(expected, spoke) {
  return Math.max(120, (expected || 0) * (spoke ? 0.5 : 1.2));
}
