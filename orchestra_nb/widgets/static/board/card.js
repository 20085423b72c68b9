/* The decision card. The recommendation is preselected: agreeing is one click, anything else two, a
   stray click decides nothing. Other purposes extend it by the hooks below. */

const STILL_S = 3;
const SHIELD_MS = 600;
const LEFT_TO_YOU = "No recommendation: autopilot leaves this to you.";

/**
 * What Confirm would do.
 * @typedef {object} Verdict
 * @property {string} label
 * @property {boolean} ready
 */

class Card {
  /**
   * Makes the parts; a purpose makes its own after these, and ``build`` puts all together.
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
    this.presence = new Presence(this);
    this.glyph = glyph("open");
    this.why = h("span.sub");
    this.asked = h(`p.sub.asked${decision.asker && decision.waiting ? ".much" : ""}`);
    this.options = new Options(decision, this.name);
    this.note = new Note(`${this.name}n`, decision.purpose !== "decision");
    this.label = h("span.label");
    this.buttonTime = h("span.bt", { "aria-hidden": "true" });
    this.buttonFill = h("i.bf", { "aria-hidden": "true" });
    this.confirm = h("button.btn.main.wide", { type: "button", onclick: () => this.answer() },
      this.buttonFill, this.label, this.buttonTime);
    this.shielded = false;
    this.more = button("+5 min", "", {
      title: "Five minutes more", onclick: () => this.command({ command: "extend", seconds: 300 }),
    });
    this.hold = button("Wait for me", "switch", {
      title: "No timeout for this one",
      onclick: () => this.command({ command: "hold", on: this.d.held !== "hold" }),
    });
    // With no clock there is none to stop or to set back.
    this.more.hidden = this.hold.hidden = decision.timeout === null;
    this.countdown = new Countdown();
    this.el = h(`div.card.for-${decision.purpose}`,
      { role: "group", "aria-label": decision.title, tabIndex: -1 });
    /** @type {ClockState | null} as of the last tick */
    this.state = null;
    /** @type {Verdict} */
    this.judged = { label: "", ready: false };
  }

  /** Put the parts together; called once. */
  build() {
    const { title } = this.d;
    const context = this.story();
    const words = h("p.context", {}, context);
    if (context.length > 900) words.tabIndex = 0;
    this.el.append(...[
      h("div.cardhead", {}, h("span.s-open", {}, this.glyph), h("h3", { title }, title), this.why),
      context && words, this.asked, ...this.body(),
      h("div.actions", {}, this.confirm, this.extras(),
        h("span.sub.grow.hint", {}, this.hint()), this.more, this.hold),
      this.countdown.el,
    ].filter(Boolean));
    this.el.addEventListener("keydown", (/** @type {KeyboardEvent} */ e) => this.key(e));
    this.el.addEventListener("input", (/** @type {Event} */ e) => this.changed(e));
    this.picked();
    this.update(this.d);
    return this;
  }

  // Hooks: what a purpose may change.

  /** What one has to know, as text. */
  story() {
    return this.d.context;
  }

  /**
   * Everything between who asked and the buttons.
   * @returns {any[]}
   */
  body() {
    return [this.options.el, this.note.el];
  }

  /**
   * More buttons, beside Confirm.
   * @returns {any[]}
   */
  extras() {
    return [];
  }

  /** What keys do, said beside the buttons while focus is in the card. */
  hint() {
    return `${this.options.hint}, Enter confirms, Esc leaves`;
  }

  /** Where focus goes when somebody goes to the card. */
  first() {
    return this.options.chosen?.radio || this.options.all[0]?.radio || this.el;
  }

  /**
   * What Confirm would do now.
   * @returns {Verdict}
   */
  verdict() {
    const { chosen, words, other } = this.options;
    if (!chosen) return { label: "Choose an option", ready: false };
    if (chosen !== other) return { label: `Confirm ${chosen.key} · ${chosen.name}`, ready: true };
    return words ? { label: `Confirm “${words}”`, ready: true }
      : { label: "Say what instead", ready: false };
  }

  /**
   * What is sent besides the decision's id; called only while the verdict is ready.
   * @returns {{ option: string, text: string | null, note: string | null,
   *   values?: Record<string, any> }}
   */
  payload() {
    const { chosen, words } = this.options;
    return { option: chosen?.key || "", text: words || null, note: this.note.text || null };
  }

  /** Whether confirming now would do what happens by itself: then Confirm carries the time. */
  agrees() {
    return this.d.recommend !== null && this.options.chosen?.key === this.d.recommend;
  }

  /**
   * Show each fault beside its field.
   * @param {Record<string, string>} faults field -> message
   */
  faulted(faults) {
    this.note.fault.say(faults.note || "");
  }

  /** Something was chosen or written. */
  picked() {
    this.refused = "";
    this.judged = this.verdict();
    this.face();
    this.carry();
  }

  // The card itself.

  /** @param {Event} e */
  changed(e) {
    if (writes(e.target)) this.presence.typed();
    if (e.target === this.note.input) this.note.fault.say("");
    this.picked();
  }

  /** Label and state of the button; its width never changes. */
  face() {
    const { label, ready } = this.judged;
    const sending = this.sent !== null;
    tell(this.label, sending ? "Sending…" : label);
    const off = sending || !ready || !this.context.live();
    if (this.confirm.disabled !== off) this.confirm.disabled = off;
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
    const state = clockState(d, now, busy);
    tell(this.asked, this.askedText(busy));
    const still = this.sent !== null && this.context.clock.source() - this.sentAt > STILL_S
      ? "Still sending. The kernel is busy; your answer counts when it arrives in time." : "";
    const left = d.recommend === null && this.context.picture.totals.autopilot ? LEFT_TO_YOU : "";
    this.countdown.update(d, left ? { ...state, then: left } : state, this.refused || still);
    this.state = state;
    this.carry();
    this.warn(state);
    this.presence.touch();
    this.presence.count(state);
  }

  /** What will happen by itself carries the time: Confirm, or the recommended row. */
  carry() {
    const { d, state } = this;
    if (!state) return;
    const own = this.agrees() && this.sent === null;
    const timed = state.left !== null && d.recommend !== null;
    const share = timed ? Math.min(1, (state.left ?? 0) / d.timeout) : 1;
    const scale = `scaleX(${share.toFixed(4)})`;
    write(this.buttonTime, timed && own ? ` · ${state.time}` : "");
    const inside = own ? scale : "scaleX(1)";
    if (this.buttonFill.style.transform !== inside) this.buttonFill.style.transform = inside;
    this.options.tick(timed && !own, state.time, scale);
  }

  /** @param {ClockState} state */
  warn(state) {
    if (state.kind !== "warn60" && state.kind !== "warn30") return;
    if (this.said === state.kind) return;
    this.said = state.kind;
    this.context.speak(
      `${this.d.title}: ${state.kind.slice(4)} seconds left, ${takenText(this.d)}.`);
  }

  /**
   * @param {any} body
   * @param {boolean} [repeat]
   */
  command(body, repeat = true) {
    return this.context.wire.command({ ...body, decision: this.d.id }, repeat);
  }

  /** It has come up under the pointer: a click that was meant for what stood there is none on it. */
  shield() {
    const raised = (/** @type {boolean} */ on) => {
      this.shielded = on;
      attr(this.confirm, "aria-disabled", on ? "true" : null);
    };
    raised(true);
    setTimeout(() => raised(false), SHIELD_MS);
  }

  answer() {
    if (this.shielded || !this.judged.ready || this.sent !== null || !this.context.live()) return;
    this.presence.tell();
    this.sentAt = this.context.clock.source();
    this.refused = "";
    this.faulted({});
    this.sent = this.command({ command: "answer", ...this.payload() });
    this.face();
    this.carry();
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
      this.context.speak(reply.text);
      this.faulted(reply.faults || {});
      this.face();
    }
    return true;
  }

  /**
   * Whether Enter confirms there: not where it begins a line or presses a button.
   * @param {HTMLElement} target
   */
  enters(target) {
    return target === this.note.input || !/^(BUTTON|TEXTAREA|SELECT)$/.test(target.tagName);
  }

  /** @param {KeyboardEvent} e */
  key(e) {
    if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing) return;
    const target = /** @type {HTMLElement} */ (e.target);
    const typing = writes(target);
    if (typing && (e.key.length === 1 || e.key === "Backspace" || e.key === "Delete")) {
      this.presence.typed();
    }
    const row = typing || e.key.length !== 1 ? undefined : this.options.pressed(e.key);
    if (row) {
      e.preventDefault();
      row.radio.checked = true;
      (row.input || row.radio).focus();
      this.picked();
    } else if (e.key === "Enter" && this.enters(target) && !e.shiftKey) {
      e.preventDefault();
      // A key that is held down must not go on to confirm what comes next.
      if (!e.repeat) this.answer();
    } else if (e.key === "Escape") {
      target.blur();
    }
  }
}
