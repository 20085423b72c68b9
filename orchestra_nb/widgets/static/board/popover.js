/* A small box over the board, at the button that opened it. Nothing moves when it opens, nothing behind
   it is held up; Esc closes it and gives the focus back. One at a time. */

const POP_GAP = 2;
const POP_EDGE = 8;

class Popover {
  constructor() {
    this.el = h("div.pop", { hidden: true, tabIndex: -1 });
    /** @type {HTMLElement | null} the board, which it never leaves */
    this.ground = null;
    /** @type {HTMLElement | null} */
    this.anchor = null;
    this.closed = () => {};
    this.el.addEventListener("keydown", (/** @type {KeyboardEvent} */ e) => {
      if (e.key !== "Escape") return;
      e.stopPropagation();
      this.close();
    });
    // A button that is switched off while it sends takes the focus with it: the box keeps it.
    this.el.addEventListener("focusout", () => setTimeout(() => {
      if (this.anchor && document.activeElement === document.body) this.el.focus();
    }));
    this.outside = (/** @type {Event} */ e) => {
      const target = /** @type {Node} */ (e.target);
      if (!this.el.contains(target) && !this.anchor?.contains(target)) this.close(false);
    };
    // What it stands at may be scrolled away under it; a page that scrolls takes both along.
    this.scrolled = () => {
      if (Math.abs(this.stands() - this.stood) > 1) this.close(false);
    };
    this.stood = 0;
  }

  /** Where the button is in the board. */
  stands() {
    const top = (/** @type {HTMLElement | null} */ el) => el?.getBoundingClientRect().top || 0;
    return top(this.anchor) - top(this.ground);
  }

  /** @param {HTMLElement} anchor */
  at(anchor) {
    return this.anchor === anchor;
  }

  /**
   * @param {HTMLElement} anchor the button it belongs to
   * @param {HTMLElement} content
   * @param {HTMLElement} first what gets the focus
   * @param {() => void} [closed] called once when it closes
   */
  open(anchor, content, first, closed = () => {}) {
    this.close(false);
    this.anchor = anchor;
    this.closed = closed;
    attr(anchor, "aria-expanded", "true");
    this.el.replaceChildren(content);
    this.el.hidden = false;
    this.place();
    this.stood = this.stands();
    document.addEventListener("pointerdown", this.outside, true);
    document.addEventListener("scroll", this.scrolled, true);
    first.focus({ preventScroll: true });
  }

  /** Below the button, or above it where there is no room or nothing to see; always inside the board. */
  place() {
    if (!this.ground || !this.anchor) return;
    const ground = this.ground.getBoundingClientRect();
    const anchor = this.anchor.getBoundingClientRect();
    const { offsetWidth, offsetHeight } = this.el;
    const most = ground.height - offsetHeight - POP_EDGE;
    let top = anchor.bottom - ground.top + POP_GAP;
    const unseen = anchor.bottom + POP_GAP + offsetHeight > innerHeight;
    const roomAbove = anchor.top - POP_GAP - offsetHeight > 0;
    if (top > most || (unseen && roomAbove)) top = anchor.top - ground.top - offsetHeight - POP_GAP;
    const left = anchor.right - ground.left - offsetWidth;
    this.el.style.top = `${Math.round(Math.max(POP_EDGE, Math.min(most, top)))}px`;
    this.el.style.left = `${Math.round(Math.max(POP_EDGE, left))}px`;
  }

  /** @param {boolean} [back] whether the focus goes back to the button */
  close(back = true) {
    const { anchor, closed } = this;
    if (!anchor) return;
    this.anchor = null;
    this.closed = () => {};
    document.removeEventListener("pointerdown", this.outside, true);
    document.removeEventListener("scroll", this.scrolled, true);
    attr(anchor, "aria-expanded", "false");
    this.el.hidden = true;
    this.el.replaceChildren();
    closed();
    if (back && anchor.isConnected) anchor.focus({ preventScroll: true });
  }
}

/** A line of words in a box: what came of a click, or that it is still under way. */
class Said {
  constructor() {
    this.el = h("p.said", { role: "status", hidden: true });
    this.timer = /** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined);
  }

  /** @param {string} text */
  say(text) {
    clearTimeout(this.timer);
    dress(this.el, "said");
    this.el.hidden = !text;
    write(this.el, text);
  }

  /** Sent, not yet answered. */
  wait() {
    this.say("Sending…");
    this.timer = setTimeout(() => {
      this.say("Still sending. The kernel is busy; it counts when it arrives in time.");
    }, 1000 * STILL_S);
  }

  /** @param {string} text why it was refused */
  refuse(text) {
    this.say(text);
    dress(this.el, "said refused");
  }
}
