/* A tool's call before it runs: what would be called, with which arguments; they can be changed. */

const APPROVE = "A";
const NOT_EXACT = "Not all of it can be shown as it is, so it can’t be changed here.";

class ApprovalCard extends Card {
  /**
   * @param {any} decision
   * @param {Context} context
   */
  constructor(decision, context) {
    super(decision, context);
    const given = Object.entries(decision.detail.arguments || {});
    this.arguments = given.map(([name, value], i) => new Argument(`${this.name}a${i}`, name, value));
    this.editing = false;
    this.edit = button("Edit", "small", {
      title: "Change the arguments before the tool is called", onclick: () => this.turn(),
    });
    this.edit.hidden = !given.length || !decision.exact;
    const list = given.length ? h("dl", {}, this.arguments.map((one) => one.el))
      : h("p.sub", {}, "It is called with no arguments.");
    this.box = h("div.scrolls", { tabIndex: 0, role: "group", "aria-label": "Arguments" }, list);
  }

  body() {
    const { tool, description, problem } = this.d.detail;
    return [
      h("div.sheet", {},
        h("div.sheethead", {}, h("code.tool", {}, tool),
          h("span.sub.grow", { title: description }, description),
          this.arguments.length > 0 && h("span.num", {}, count(this.arguments.length, "argument")),
          this.edit),
        problem && h("p.problemline", {}, glyph("warn"), h("span", {}, problem)),
        this.box,
        !this.d.exact && h("p.sub", {}, NOT_EXACT)),
      this.options.el, this.note.el,
    ];
  }

  /** Fields in place of values, or back; what was written is there again when it is turned on again. */
  turn() {
    this.editing = !this.editing;
    if (this.editing) {
      this.box.style.height = `${this.box.offsetHeight}px`; // a message in it moves nothing around it
      const approve = this.options.rows.find((row) => row.key === APPROVE);
      if (approve) approve.radio.checked = true;
    }
    for (const one of this.arguments) one.edit(this.editing);
    write(this.edit, this.editing ? "Undo changes" : "Edit");
    attr(this.edit, "title", this.editing ? "Back to the arguments as the agent gave them"
      : "Change the arguments before the tool is called");
    this.picked();
    if (this.editing) this.arguments[0].field.focus();
  }

  changed(/** @type {Event} */ e) {
    const own = this.arguments.find((one) => one.field === e.target);
    if (own) own.fault.say(own.read().fault);
    super.changed(e);
  }

  /** Whether something else would be called than what the agent asked for. */
  get different() {
    return this.editing && this.arguments.some((one) => one.changed);
  }

  verdict() {
    const { chosen, other } = this.options;
    if (!chosen || chosen === other) return super.verdict();
    if (chosen.key !== APPROVE) return { label: chosen.name, ready: true };
    const wrong = this.editing && this.arguments.find((one) => one.read().fault);
    if (wrong) return { label: `Mend ${wrong.name}`, ready: false };
    return {
      label: this.different ? "Approve with changes" : `Approve ${this.d.detail.tool}`, ready: true,
    };
  }

  picked() {
    super.picked();
    const refuses = this.options.chosen && this.options.chosen.key !== APPROVE;
    this.note.ask(`${refuses ? "Why" : "Note"} (goes to the agent)`,
      refuses ? "optional; what to do instead" : "optional");
  }

  payload() {
    const body = super.payload();
    if (body.option !== APPROVE || !this.different) return body;
    const values = this.arguments.map((one) => [one.name, one.read().value]);
    return { ...body, values: Object.fromEntries(values) };
  }

  faulted(/** @type {Record<string, string>} */ faults) {
    super.faulted(faults);
    for (const one of this.arguments) {
      const own = Object.hasOwn(faults, one.name) ? faults[one.name] : "";
      one.fault.say(own || (this.editing ? one.read().fault : ""));
    }
    const first = this.arguments.find((one) => Object.hasOwn(faults, one.name));
    if (first) this.box.scrollTop = first.el.offsetTop - this.box.offsetTop;
  }
}
