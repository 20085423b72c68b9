/* A result before others get it: read, changed, or sent back with a comment. */

const ACCEPT = "A";
const PREVIEW = 3900; // one of 4,000 characters was cut, give or take an ellipsis

class ReviewCard extends Card {
  /**
   * @param {any} decision
   * @param {Context} context
   */
  constructor(decision, context) {
    super(decision, context);
    const { format, result, preview } = decision.detail;
    const json = format === "json";
    this.original = !this.editable ? preview : json ? JSON.stringify(result, null, 2) : String(result);
    this.shown = h(`pre.result${json || format === "other" ? ".mono" : ""}`,
      { tabIndex: 0, "aria-label": "Result" }, this.original);
    this.field = h(`textarea.result${json ? ".mono" : ""}`, {
      id: `${this.name}r`, "aria-label": "Result", hidden: true, spellcheck: !json,
    });
    this.field.value = this.original;
    this.fault = new Fault(this.field);
    this.editing = false;
    this.edit = button("Edit", "small", {
      title: "Change the result before others get it", onclick: () => this.turn(),
    });
    this.edit.hidden = !this.editable;
  }

  body() {
    const { preview, attempt, comments = [], stored } = this.d.detail;
    const partly = !this.editable && preview.length >= PREVIEW &&
      `Shown in part${stored?.file ? `; the whole is in ${stored.file}` : ""}.`;
    return [
      h("div.sheet", {},
        h("div.sheethead", {}, h("h4", {}, attempt > 1 ? `Result of attempt ${attempt}` : "Result"),
          h("span.grow"), this.edit),
        h("div.resultbox", {}, this.shown, this.field, this.fault.el), partly && h("p.sub", {}, partly),
        this.d.detail.editable && !this.d.exact && h("p.sub", {}, NOT_EXACT),
        comments.length > 0 && h("div.comments", {}, h("h4", {}, "Sent back before"),
          h("ol", {}, comments.map((/** @type {string} */ text) => h("li", {}, `“${text}”`))))),
      this.options.el, this.note.el,
    ];
  }

  get editable() {
    return Boolean(this.d.detail.editable && this.d.exact);
  }

  /** The text in place of what is read, or back; what was written is there when it comes again. */
  turn() {
    this.editing = !this.editing;
    this.field.hidden = !this.editing;
    this.shown.hidden = this.editing;
    this.fault.say(this.editing ? this.read().fault : "");
    write(this.edit, this.editing ? "Undo changes" : "Edit");
    if (this.editing) {
      const accept = this.options.rows.find((row) => row.key === ACCEPT);
      if (accept) accept.radio.checked = true;
      this.field.focus();
      this.field.setSelectionRange(0, 0);
    }
    this.picked();
  }

  changed(/** @type {Event} */ e) {
    if (e.target === this.field) this.fault.say(this.read().fault);
    super.changed(e);
  }

  /** Whether others would get something else than what the agent gave. */
  get different() {
    return this.editing && this.field.value !== this.original.replace(/\r\n/g, "\n");
  }

  /** @returns {{ value?: any, fault: string }} */
  read() {
    if (this.d.detail.format === "json") return readJson(this.field.value);
    return { value: this.field.value, fault: "" };
  }

  verdict() {
    const { chosen, other } = this.options;
    if (!chosen || chosen === other) return super.verdict();
    if (chosen.key !== ACCEPT) {
      return this.note.text ? { label: "Send back with comment", ready: true }
        : { label: "Say what to do better", ready: false };
    }
    if (!this.different) return { label: "Accept", ready: true };
    return this.read().fault ? { label: "The result is not JSON", ready: false }
      : { label: "Accept with changes", ready: true };
  }

  picked() {
    super.picked();
    const back = this.options.chosen && this.options.chosen.key !== ACCEPT;
    this.note.ask(back ? "Comment (goes to the agent)" : "Note (goes to the agents)",
      back ? "needed; what the next attempt should do better" : "optional", back);
  }

  payload() {
    const body = super.payload();
    if (body.option !== ACCEPT || !this.different) return body;
    return { ...body, values: { result: this.read().value } };
  }

  faulted(/** @type {Record<string, string>} */ faults) {
    super.faulted(faults);
    this.fault.say(faults.result || "");
  }
}
