/* The decision card. The recommendation is preselected: agreeing is one click, anything else two, a
   stray click decides nothing. */

const OTHER = "other";
const TOUCH_S = 5;
const TYPING_S = 2;
const SHOWN_S = 10;
const STILL_S = 3;

class Card {
  /**
   * @param {any} decision
   * @param {Context} context
   */
  constructor(decision, context) {
    this.context = context;
    this.d = decision;
    this.name = uuid();
    /** @type {string | null} id of the answer under way */
    this.sent = null;
    this.sentAt = 0;
    this.refused = "";
    this.said = "";
    this.touchedAt = -Infinity;
    this.typedAt = -Infinity;
    this.typingSentAt = -Infinity;
    this.inView = false;
    this.shown = 0;
    this.shownSent = 0;
    this.seenAt = /** @type {number | null} */ (null);
    this.shownSentAt = context.clock.source();
    const d = decision;
    this.glyph = glyph("open");
    this.why = h("span.sub");
    this.asked = h("p.sub.asked");
    this.note = h("input", {
      type: "text", id: `${this.name}n`, maxLength: 2000, autocomplete: "off",
      placeholder: "optional; goes to the agents with your answer",
    });
    this.rows = d.options.map((/** @type {string[]} */ o) => this.option(o));
    this.other = d.other ? this.otherRow() : null;
    const all = this.other ? [...this.rows, this.other] : this.rows;
    this.options = h("div.options", { role: "radiogroup", "aria-label": d.title },
      all.map((/** @type {any} */ row) => row.el));
    this.label = h("span.label");
    this.buttonTime = h("span.bt", { "aria-hidden": "true" });
    this.buttonFill = h("i.bf", { "aria-hidden": "true" });
    this.confirm = h("button.btn.main.wide", { type: "button", onclick: () => this.answer() },
      this.buttonFill, this.label, this.buttonTime);
    this.more = button("+5 min", "", {
      title: "Five minutes more", onclick: () => this.command({ command: "extend", seconds: 300 }),
    });
    this.hold = button("Wait for me", "switch", {
      title: "No timeout for this one",
      onclick: () => this.command({ command: "hold", on: this.d.held !== "hold" }),
    });
    this.countdown = new Countdown();
    const words = h("p.context", {}, d.context);
    if (d.context.length > 900) words.tabIndex = 0;
    const hint = `1 to ${Math.min(9, all.length)} choose, Enter confirms, Esc leaves`;
    this.el = h("div.card", { role: "group", "aria-label": d.title, tabIndex: -1 },
      h("div.cardhead", {}, h("span.s-open", {}, this.glyph), h("h3", { title: d.title }, d.title),
        this.why),
      d.context && words, this.asked, this.options,
      h("div.note", {}, h("label", { htmlFor: this.note.id }, "Note"), this.note),
      h("div.actions", {}, this.confirm, h("span.sub.grow.hint", {}, hint), this.more, this.hold),
      this.countdown.el);
    this.el.addEventListener("keydown", (/** @type {KeyboardEvent} */ e) => this.key(e));
    this.el.addEventListener("input", () => this.picked());
    const chosen = this.rows.find((/** @type {any} */ row) => row.key === d.recommend);
    if (chosen) chosen.radio.checked = true;
    this.ready = false;
    this.words = "";
    this.picked();
    this.update(decision);
  }

  /** @param {string[]} option key, name, description */
  option([key, name, description]) {
    const recommended = key === this.d.recommend;
    const radio = h("input", { type: "radio", name: this.name, value: key });
    const because = recommended && this.d.because ? `Because: ${this.d.because}` : "";
    const small = [description, because].filter(Boolean).join(". ").replace(/([.!?])\. /g, "$1 ");
    const time = h("span.ot", { "aria-hidden": "true" });
    const fill = h("i.of", { "aria-hidden": "true" });
    const el = h(`label.option${recommended ? ".recommended" : ""}`, {}, fill, radio,
      h("kbd", {}, key),
      h("span.text", {}, h("b", {}, name), recommended && h("span.rec", {}, "Recommended"),
        small && h("small", {}, small)), time);
    return { key, name, radio, el, time, fill };
  }

  otherRow() {
    const radio = h("input", { type: "radio", name: this.name, value: OTHER });
    const input = h("input", {
      type: "text", maxLength: 2000, autocomplete: "off", placeholder: "in your own words",
      "aria-label": "Other: your own words",
    });
    input.addEventListener("input", () => {
      if (input.value) radio.checked = true;
    });
    const el = h("label.option.other", {}, h("i"), radio, h("kbd", {}, "…"),
      h("span.free", {}, h("b", {}, "Other…"), input), h("span.ot"));
    return { key: OTHER, name: "Other…", radio, el, input };
  }

  /** The chosen row, or undefined. */
  choice() {
    const all = this.other ? [...this.rows, this.other] : this.rows;
    return all.find((/** @type {any} */ row) => row.radio.checked);
  }

  /** Write what Confirm would do. */
  picked() {
    const chosen = this.choice();
    const words = this.other ? this.other.input.value.trim() : "";
    let label = "Choose an option";
    if (chosen) label = `Confirm ${chosen.key} · ${chosen.name}`;
    if (chosen === this.other && chosen) label = words ? `Confirm “${words}”` : "Say what instead";
    this.ready = Boolean(chosen) && (chosen !== this.other || words !== "");
    this.words = label;
    this.refused = "";
    this.face();
  }

  /** Label and state of the button; its width never changes. */
  face() {
    const sending = this.sent !== null;
    tell(this.label, sending ? "Sending…" : this.words);
    if (this.confirm.disabled !== (sending || !this.ready || !this.context.live())) {
      this.confirm.disabled = !this.confirm.disabled;
    }
  }

  /** @param {any} decision */
  update(decision) {
    this.d = decision;
    drawGlyph(this.glyph, decision.held === "hold" ? "human" : "open");
    write(this.why, decision.why);
    attr(this.hold, "aria-pressed", String(decision.held === "hold"));
    const clockless = decision.deadline === null && !decision.held;
    this.more.disabled = clockless || decision.held === "hold" || !this.context.live();
    this.hold.disabled = clockless || !this.context.live();
    this.face();
  }

  /**
   * Who asked, who waits, who does not.
   * @param {number} busy
   */
  askedText(busy) {
    const { asker, waiting, first } = this.d;
    const parts = [];
    if (waiting) {
      const more = waiting > 1 ? ` and ${(waiting - 1).toLocaleString("en")} more wait` : " waits";
      parts.push(`${first}${more} for this`);
    }
    if (busy === 1) parts.push("1 agent keeps running");
    else if (busy) parts.push(`${busy.toLocaleString("en")} agents keep running`);
    else parts.push(`${parts.length ? "nothing" : "Nothing"} else runs`);
    return `${asker ? `Asked by ${asker}. ` : ""}${parts.join("; ")}.`;
  }

  /**
   * @param {number} now the run's t
   * @param {number} busy
   */
  tick(now, busy) {
    const d = this.d;
    const state = clockState(d, now);
    tell(this.asked, this.askedText(busy));
    const still = this.sent !== null && this.context.clock.source() - this.sentAt > STILL_S
      ? "Still sending. The kernel is busy; your answer counts when it arrives in time." : "";
    this.countdown.update(d, state, this.refused || still);
    const chosen = this.choice();
    const own = chosen && chosen.key === d.recommend && this.sent === null;
    const timed = state.left !== null && d.recommend !== null;
    const share = timed ? Math.min(1, (state.left ?? 0) / d.timeout) : 1;
    const scale = `scaleX(${share.toFixed(4)})`;
    write(this.buttonTime, timed && own ? ` · ${state.time}` : "");
    const inside = own ? scale : "scaleX(1)";
    if (this.buttonFill.style.transform !== inside) this.buttonFill.style.transform = inside;
    for (const row of this.rows) {
      const here = timed && !own && row.key === d.recommend;
      write(row.time, here ? state.time : "");
      row.el.classList.toggle("timed", here);
      if (here && row.fill.style.transform !== scale) row.fill.style.transform = scale;
    }
    this.warn(state);
    this.touch();
    this.count(state);
  }

  /** @param {ClockState} state */
  warn(state) {
    if (state.kind !== "warn60" && state.kind !== "warn30") return;
    if (this.said === state.kind) return;
    this.said = state.kind;
    this.context.speak(
      `${this.d.title}: ${state.kind.slice(4)} seconds left, then ${this.d.recommend} is taken.`);
  }

  /** Tell the engine that somebody is here: it holds the clock, this never does. */
  touch() {
    if (document.visibilityState === "hidden" || !this.context.live()) return;
    const now = this.context.clock.source();
    if (this.typedAt > this.typingSentAt && now - this.typingSentAt >= TYPING_S) {
      this.typingSentAt = this.touchedAt = now;
      this.command({ command: "touch", typing: true }, false);
      return;
    }
    if (now - this.touchedAt < TOUCH_S) return;
    const here = this.el.matches(":focus-within, :has(.option:hover)");
    if (!here || this.sent !== null) return;
    this.touchedAt = now;
    this.command({ command: "touch", typing: false }, false);
  }

  /** @param {boolean} inView */
  see(inView) {
    this.inView = inView;
  }

  /**
   * Count the seconds for which the card was on a visible page.
   * @param {ClockState} state
   */
  count(state) {
    const now = this.context.clock.source();
    const visible = this.inView && document.visibilityState === "visible";
    if (this.seenAt !== null) this.shown += Math.min(2, now - this.seenAt);
    this.seenAt = visible ? now : null;
    const fresh = this.shown - this.shownSent;
    const first = this.shownSent === 0 && fresh >= 1;
    const last = state.left !== null && state.left < 1.2 && fresh > 0.5 && state.kind !== "touched";
    if (first || last || (fresh > 0.5 && now - this.shownSentAt >= SHOWN_S)) this.tellShown();
  }

  tellShown() {
    const fresh = this.shown - this.shownSent;
    if (fresh < 0.05 || !this.context.live()) return;
    this.shownSentAt = this.context.clock.source();
    this.shownSent = this.shown;
    this.command({ command: "shown", seconds: Math.round(fresh * 10) / 10 });
  }

  /**
   * @param {any} body
   * @param {boolean} [repeat]
   */
  command(body, repeat = true) {
    return this.context.wire.command({ ...body, decision: this.d.id }, repeat);
  }

  answer() {
    const chosen = this.choice();
    if (!chosen || !this.ready || this.sent !== null || !this.context.live()) return;
    this.tellShown();
    this.sentAt = this.context.clock.source();
    this.refused = "";
    this.sent = this.command({
      command: "answer",
      option: chosen.key,
      text: this.other && chosen === this.other ? this.other.input.value.trim() : null,
      note: this.note.value.trim() || null,
    });
    this.face();
  }

  /**
   * The engine's word on an answer of this card.
   * @param {any} reply
   * @returns {boolean} whether it was this card's
   */
  replied(reply) {
    if (reply.id !== this.sent) return false;
    if (!reply.ok) {
      this.sent = null;
      this.refused = reply.text;
      this.face();
    }
    return true;
  }

  /** @param {KeyboardEvent} e */
  key(e) {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const target = /** @type {any} */ (e.target);
    const typing = target.type === "text";
    if (typing && e.key.length === 1) this.typedAt = this.context.clock.source();
    if (typing && (e.key === "Backspace" || e.key === "Delete")) {
      this.typedAt = this.context.clock.source();
    }
    const all = this.other ? [...this.rows, this.other] : this.rows;
    const row = typing ? null : all[Number(e.key) - 1];
    if (row) {
      e.preventDefault();
      row.radio.checked = true;
      ("input" in row ? row.input : row.radio).focus();
      this.picked();
    } else if (e.key === "Enter" && target.tagName !== "BUTTON" && !e.isComposing) {
      e.preventDefault();
      this.answer();
    } else if (e.key === "Escape") {
      target.blur();
    }
  }
}
