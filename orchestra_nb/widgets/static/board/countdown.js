/* The clock of a card: computed from the deadline, below everything that is clicked. Its line is always
   there; only its words change. */

/**
 * What happens by itself when the time is over.
 * @param {any} d
 */
function takenText(d) {
  return d.purpose === "form" ? "then the run starts as filled in" : `then ${d.recommend} is taken`;
}

/**
 * What a decision's clock says now.
 * @typedef {object} ClockState
 * @property {"" | "warn60" | "warn30" | "held" | "touched" | "free"} kind
 * @property {number | null} left seconds, where there is a clock
 * @property {string} time
 * @property {string} then
 */

/**
 * @param {any} d
 * @param {number} now the run's t
 * @param {number} [busy] how many agents are at work
 * @returns {ClockState}
 */
function clockState(d, now, busy = 1) {
  const waiting = `Waiting for you.${busy ? " The other agents keep running." : ""}`;
  if (d.held === "hold") return { kind: "held", left: null, time: "Held", then: waiting };
  if (d.held) {
    const left = d.remaining ?? 0;
    const more = d.heldUntil !== null && d.heldUntil > now ? clockText(d.heldUntil - now) : "";
    const then = {
      typing: "Clock paused while you type.",
      pause: "Clock paused with the run.",
      asleep: "Clock paused: this machine was asleep.",
    }[/** @type {"typing" | "pause" | "asleep"} */ (d.held)] ||
      `Clock paused while you are here${more ? `, for ${more} more at most` : ""}.`;
    return { kind: "touched", left, time: d.remaining == null ? "–" : clockText(left), then };
  }
  if (d.deadline === null) return { kind: "free", left: null, time: "No clock", then: waiting };
  const left = Math.max(0, d.deadline - now);
  const taken = takenText(d);
  const time = clockText(left);
  // A warning that comes with the card itself would say nothing.
  if (left <= 30 && d.timeout > 30) {
    return { kind: "warn30", left, time, then: `Under 30 seconds, ${taken}.` };
  }
  if (left <= 60 && d.timeout > 60) {
    return { kind: "warn60", left, time, then: `Under 1 minute, ${taken}.` };
  }
  return { kind: "", left, time, then: `left, ${taken}. Touching this pauses the clock.` };
}

class Countdown {
  constructor() {
    this.fill = h("i.fill");
    this.time = h("b.time");
    this.then = h("span.then.grow");
    this.sum = h("span.sum");
    this.el = h("div.countdown", {},
      h("div.track", { "aria-hidden": "true" }, this.fill),
      h("div.clockline", {},
        h("span.mark", { "aria-hidden": "true" }, ["timeout", "warn", "human", "still"].map(glyph)),
        this.time, this.then, this.sum));
  }

  /**
   * @param {any} d
   * @param {ClockState} state
   * @param {string} instead a sentence that takes the place of the usual one
   */
  update(d, state, instead) {
    dress(this.el, `countdown ${state.kind}${instead ? " instead" : ""}`);
    const share = state.left === null ? Number(state.kind === "held") : state.left / d.timeout;
    const scale = `scaleX(${Math.min(1, share).toFixed(4)})`;
    if (this.fill.style.transform !== scale) this.fill.style.transform = scale;
    write(this.time, state.time);
    tell(this.then, instead || state.then);
    tell(this.sum, d.sum);
  }
}
