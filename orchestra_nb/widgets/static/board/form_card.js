/* The form before the run. One clock for the whole of it; what is filled in so far is told to the engine,
   which says what does not fit, and starts with it when the time is over. */

const DRAFT_MS = 300;

class FormCard extends Card {
  /**
   * @param {any} decision
   * @param {Context} context
   */
  constructor(decision, context) {
    super(decision, context);
    /** @type {Question[]} */
    const questions = decision.detail.questions || [];
    this.fields = questions.map((q, n) => new Field(q, `${this.name}q${n}`));
    /** @type {Map<string, Field>} */
    this.byId = new Map(this.fields.map((field) => [field.q.id, field]));
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.draftId = "";
    this.pressed = false;
    this.drafted = "{}";
    /** @type {Map<Field, string | string[]> | null} what stood there before the defaults */
    this.before = null;
    this.defaults = button("Use the defaults", "", { onclick: () => this.swap() });
    const draft = decision.draft || {};
    for (const field of this.fields) {
      if (field.q.id in draft) field.fill(draft[field.q.id]);
    }
    this.drafted = JSON.stringify(this.values);
    this.unfold();
    this.el.addEventListener("focusout", (/** @type {Event} */ e) => this.leave(e));
  }

  /** A fieldset for each group, in order. */
  body() {
    /** @type {{ group: string, fields: Field[] }[]} */
    const groups = [];
    for (const field of this.fields) {
      const { depth, group } = field.q;
      const last = groups[groups.length - 1];
      if (last && (depth || last.group === group)) last.fields.push(field);
      else groups.push({ group, fields: [field] });
    }
    return groups.map(({ group, fields }) => h("fieldset", {},
      h(`legend${group ? "" : ".sr"}`, {}, group || "Questions"), fields.map((field) => field.el)));
  }

  extras() {
    return [this.defaults];
  }

  hint() {
    return "Enter: next question, Esc leaves";
  }

  first() {
    return this.fields[0]?.first || this.confirm;
  }

  askedText() {
    return "";
  }

  /** Fields that are asked now. */
  get visible() {
    return this.fields.filter((field) => !field.el.hidden);
  }

  /** What differs from the defaults, of the questions that are asked now. */
  get values() {
    return Object.fromEntries(this.visible.filter((field) => field.filled)
      .map((field) => [field.q.id, field.raw]));
  }

  verdict() {
    const filled = this.visible.some((field) => field.filled);
    return { label: filled ? "Start as filled in" : "Start with the defaults", ready: true };
  }

  payload() {
    return { option: this.d.options[0][0], text: null, note: null, values: this.values };
  }

  /** It starts by itself, with what stands there. */
  agrees() {
    return true;
  }

  picked() {
    super.picked();
    const any = this.visible.some((field) => field.filled);
    write(this.defaults, this.before ? "Back to my answers" : "Use the defaults");
    this.defaults.disabled = !any && !this.before;
  }

  /** @param {any} decision */
  update(decision) {
    super.update(decision);
    write(this.why, "");
  }

  /**
   * Show the questions that follow on the answers, to any depth; what was written in one that goes
   * is there when it comes back.
   */
  unfold() {
    const come = [];
    for (const field of this.fields) {
      const { parent, on } = field.q;
      const above = parent === null ? null : this.byId.get(parent);
      const hidden = Boolean(above && (above.el.hidden || !above.leadsTo(on)));
      if (field.el.hidden && !hidden) come.push(field.q.ask);
      field.el.hidden = hidden;
    }
    return come;
  }

  /** @param {Event} e */
  changed(e) {
    const field = this.fields.find((one) => one.el.contains(/** @type {Node} */ (e.target)));
    if (field) field.used = true;
    this.before = null;
    const come = this.unfold();
    if (come.length) this.context.speak(`${count(come.length, "more question")}: ${come[0]}`);
    super.changed(e);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.draft(), DRAFT_MS);
  }

  /** @param {Event} e */
  leave(e) {
    const target = /** @type {Node} */ (e.target);
    // Focus has not arrived where it goes yet.
    setTimeout(() => {
      const field = this.fields.find((one) => one.el.contains(target));
      if (!field || field.el.matches(":focus-within")) return;
      field.left();
      this.draft();
    });
  }

  /** Tell the engine what stands there now; it says what does not fit. */
  draft() {
    clearTimeout(this.timer);
    const { values } = this;
    const text = JSON.stringify(values);
    if (text === this.drafted || this.sent !== null || !this.context.live()) return;
    const { wire } = this.context;
    this.drafted = text;
    wire.unacked.delete(this.draftId); // an older one that is repeated must not take its place
    const id = wire.command({ command: "draft", decision: this.d.id, values }, true, (reply) => {
      if (id !== this.draftId) return;
      for (const field of this.fields) field.say((reply.faults || {})[field.q.id] || "");
    });
    this.draftId = id;
  }

  answer() {
    clearTimeout(this.timer);
    this.context.wire.unacked.delete(this.draftId);
    this.pressed = this.confirm.matches(":focus");
    super.answer();
  }

  /** @param {any} reply */
  replied(reply) {
    const mine = super.replied(reply);
    // The button was off while it was sending, which takes the focus away from it.
    if (mine && this.pressed && document.activeElement === document.body) this.confirm.focus();
    return mine;
  }

  /** @param {Record<string, string>} faults */
  faulted(faults) {
    if (!this.fields.some((field) => faults[field.q.id])) return;
    for (const field of this.fields) field.say(faults[field.q.id] || "", true);
  }

  /** All defaults, or back to what stood there: a stray click loses nothing. */
  swap() {
    if (this.before) {
      for (const [field, raw] of this.before) field.fill(raw);
      this.before = null;
    } else {
      this.before = new Map(this.fields.map((field) => [field, field.raw]));
      for (const field of this.fields) field.clear();
    }
    this.unfold();
    this.picked();
    this.draft();
  }

  /** @param {KeyboardEvent} e */
  key(e) {
    if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing) return;
    const target = /** @type {HTMLElement} */ (e.target);
    if (e.key === "Escape") {
      target.blur();
    } else if (e.key === "Enter" && /^(INPUT|SELECT)$/.test(target.tagName)) {
      e.preventDefault();
      const asked = this.visible;
      const at = asked.findIndex((field) => field.el.contains(target));
      (asked[at + 1]?.first || this.confirm).focus();
    } else if (writes(target) && (e.key.length === 1 || /^(Backspace|Delete)$/.test(e.key))) {
      this.presence.typed();
    }
  }
}
