/* Whether somebody is at a card, as the engine hears of it: it holds the clock, the browser never does. */

const TOUCH_S = 5;
const TYPING_S = 2;
const SHOWN_S = 10;

/**
 * Whether keys pressed in there write something.
 * @param {EventTarget | null} target
 */
function writes(target) {
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement ||
    (target instanceof HTMLInputElement && !/^(radio|checkbox|button)$/.test(target.type));
}

class Presence {
  /** @param {Card} card */
  constructor(card) {
    this.card = card;
    this.clock = card.context.clock;
    this.touchedAt = -Infinity;
    this.typedAt = -Infinity;
    this.typingSentAt = -Infinity;
    this.inView = false;
    this.shown = 0;
    this.shownSent = 0;
    this.seenAt = /** @type {number | null} */ (null);
    this.shownSentAt = this.clock.source();
  }

  /** Something was written. */
  typed() {
    this.typedAt = this.clock.source();
  }

  /** Tell the engine that somebody is here. */
  touch() {
    const { card } = this;
    if (document.visibilityState === "hidden" || !card.context.live()) return;
    const now = this.clock.source();
    if (this.typedAt > this.typingSentAt && now - this.typingSentAt >= TYPING_S) {
      this.typingSentAt = this.touchedAt = now;
      card.command({ command: "touch", typing: true }, false);
      return;
    }
    if (now - this.touchedAt < TOUCH_S) return;
    const here = card.el.matches(":focus-within, :has(:is(.option, .field):hover)");
    if (!here || card.sent !== null) return;
    this.touchedAt = now;
    card.command({ command: "touch", typing: false }, false);
  }

  /**
   * Count the seconds for which the card was on a visible page.
   * @param {ClockState} state
   */
  count(state) {
    const now = this.clock.source();
    const visible = this.inView && document.visibilityState === "visible";
    if (this.seenAt !== null) this.shown += Math.min(2, now - this.seenAt);
    this.seenAt = visible ? now : null;
    const fresh = this.shown - this.shownSent;
    const first = this.shownSent === 0 && fresh >= 1;
    const last = state.left !== null && state.left < 1.2 && fresh > 0.5 && state.kind !== "touched";
    if (first || last || (fresh > 0.5 && now - this.shownSentAt >= SHOWN_S)) this.tell();
  }

  /** Say how long it was shown since that was last said. */
  tell() {
    const fresh = this.shown - this.shownSent;
    if (fresh < 0.05 || !this.card.context.live()) return;
    this.shownSentAt = this.clock.source();
    this.shownSent = this.shown;
    this.card.command({ command: "shown", seconds: Math.round(fresh * 10) / 10 });
  }
}
