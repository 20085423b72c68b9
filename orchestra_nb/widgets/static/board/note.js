/* The line under the options: a sentence that goes with the answer. */

class Note {
  /**
   * @param {string} id
   * @param {boolean} [long] whether there is room for two lines; Shift+Enter begins another
   */
  constructor(id, long = false) {
    this.label = h("label", { htmlFor: id });
    const keys = "Enter confirms, Shift+Enter begins a line";
    this.input = long ? h("textarea", { id, maxLength: 5000, rows: 2, title: keys })
      : h("input", { type: "text", id, maxLength: 2000, autocomplete: "off" });
    this.fault = new Fault(this.input);
    this.el = h(`div.note${long ? ".long" : ""}`, {}, this.label, this.input, this.fault.el);
    this.ask("Note", "optional; goes to the agents with your answer");
  }

  /**
   * What is asked for; another option may ask for something else.
   * @param {string} label
   * @param {string} placeholder
   * @param {boolean} [required]
   */
  ask(label, placeholder, required = false) {
    write(this.label, label);
    attr(this.input, "placeholder", placeholder);
    attr(this.input, "aria-required", required ? "true" : null);
  }

  get text() {
    return this.input.value.trim();
  }
}

/** A message beside the field it belongs to, for eyes and screen readers. */
class Fault {
  /**
   * @param {HTMLElement} field
   * @param {string} [hint] id of what describes the field besides
   */
  constructor(field, hint = "") {
    this.field = field;
    this.hint = hint;
    this.words = h("span");
    this.el = h("span.fault", { id: `${field.id}f`, hidden: true }, glyph("warn"), this.words);
  }

  /** @param {string} text nothing takes it away */
  say(text) {
    tell(this.words, text);
    this.el.hidden = !text;
    attr(this.field, "aria-invalid", text ? "true" : null);
    const described = [this.hint, text && this.el.id].filter(Boolean).join(" ");
    attr(this.field, "aria-describedby", described || null);
  }
}
