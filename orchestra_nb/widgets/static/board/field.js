/* One question of a form: what is asked and its default at the left, the control for its kind at the
   right, what is wrong with the answer beside it. */

const FEW_OPTIONS = 6;
const FEW_LETTERS = 64;
const DEEPEST = 6;

/**
 * A question as it travels.
 * @typedef {object} Question
 * @property {string} id
 * @property {string} ask
 * @property {"text" | "number" | "integer" | "choice" | "several" | "yes_no" | "path"} kind
 * @property {string[]} options
 * @property {string | string[] | null} default as it would be typed
 * @property {string} group
 * @property {number} depth
 * @property {string | null} parent id of the question it follows on
 * @property {string | null} on the parent's answer that leads to it
 * @property {string} example
 */

class Field {
  /**
   * @param {Question} q
   * @param {string} name of its elements
   */
  constructor(q, name) {
    this.q = q;
    this.name = name;
    /** Whether somebody wrote or chose here. */
    this.used = false;
    /** What the kernel says is wrong, shown or not. */
    this.wrong = "";
    this.options = q.kind === "yes_no" ? ["yes", "no"] : q.options;
    const letters = this.options.join("").length;
    const few = this.options.length <= FEW_OPTIONS && letters <= FEW_LETTERS;
    const boxed = q.kind === "several" || q.kind === "yes_no" || (q.kind === "choice" && few);
    /** @type {any[]} radios or boxes; of other kinds the one control */
    this.controls = boxed ? this.options.map((one, n) => this.box(one, n))
      : [q.kind === "choice" ? this.select() : this.line()];
    const known = q.default === null ? "optional" : `default: ${defaultText(q.default)}`;
    const words = h(boxed ? "span" : "label", { id: `${name}l` }, q.ask);
    if (!boxed) words.htmlFor = name;
    const hint = h("small", { id: `${name}d`, title: known }, known);
    const pills = boxed && h("div.pills", {
      id: name, role: q.kind === "several" ? "group" : "radiogroup", "aria-labelledby": `${name}l`,
    }, this.controls.map((control) => control.parentElement));
    this.fault = new Fault(pills || this.controls[0], hint.id);
    const short = q.kind === "number" || q.kind === "integer" ? ".short" : "";
    this.el = h("div.field", {}, h("div.ask", {}, words, hint),
      h(`div.entry${short}`, {}, pills || this.controls[0], this.fault.el));
    if (q.depth) {
      this.el.classList.add("follows");
      this.el.style.setProperty("--depth", String(Math.min(DEEPEST, q.depth)));
    }
    this.clear();
  }

  line() {
    const { kind } = this.q;
    return h("input", {
      type: "text", id: this.name, maxLength: 4000, autocomplete: "off",
      placeholder: this.q.default === null ? "" : defaultText(this.q.default),
      // Of type text all the same, so that what does not fit can be seen, and be told what is needed.
      inputMode: { number: "decimal", integer: "numeric" }[/** @type {string} */ (kind)] || "text",
      spellcheck: kind === "text",
    });
  }

  select() {
    const { default: known } = this.q;
    const none = known === null ? "No answer" : `Default: ${defaultText(known)}`;
    return h("select", { id: this.name }, h("option", { value: "" }, none),
      this.options.map((one) => h("option", { value: one }, one)));
  }

  /**
   * @param {string} option
   * @param {number} n
   */
  box(option, n) {
    const type = this.q.kind === "several" ? "checkbox" : "radio";
    const input = h("input", { type, name: this.name, value: option, id: `${this.name}-${n}` });
    h("label.pill", {}, input, h("span", {}, option));
    return input;
  }

  /** Where focus goes when somebody comes to it. */
  get first() {
    return this.controls.find((one) => one.checked) || this.controls[0];
  }

  /**
   * The answer as it was typed; empty means the default.
   * @returns {string | string[]}
   */
  get raw() {
    const { kind } = this.q;
    const checked = () => this.controls.filter((one) => one.checked).map((one) => one.value);
    if (kind === "several") return checked();
    return this.controls.length > 1 || this.controls[0].type === "radio" ? checked()[0] || ""
      : this.controls[0].value;
  }

  /** Whether the answer is another one than the default. */
  get filled() {
    const { raw } = this;
    if (!Array.isArray(raw)) return raw.trim() !== "" && raw !== this.q.default;
    const known = Array.isArray(this.q.default) ? this.q.default : [];
    return raw.length !== known.length || raw.some((one) => !known.includes(one));
  }

  /** What counts now: the answer, or the default. */
  get answer() {
    return this.filled ? this.raw : this.q.default;
  }

  /**
   * Whether the answer leads to a question that follows on it.
   * @param {string | null} on
   */
  leadsTo(on) {
    const { answer } = this;
    if (Array.isArray(answer)) return on !== null && answer.includes(on);
    if (answer === null || on === null) return false;
    return this.q.kind === "integer" ? Number(answer) === Number(on) : answer === on;
  }

  /** @param {string | string[]} raw */
  fill(raw) {
    for (const one of this.controls) {
      if (one.type === "radio" || one.type === "checkbox") {
        one.checked = Array.isArray(raw) ? raw.includes(one.value) : raw === one.value;
      } else {
        one.value = raw;
      }
    }
  }

  /** Back to the default. */
  clear() {
    const { kind, default: known } = this.q;
    const boxed = this.controls[0]?.type === "radio" || kind === "several";
    this.fill(boxed ? known ?? "" : "");
    this.used = false;
    this.say("");
  }

  /**
   * What is wrong with it. Nobody is told while they are still writing, unless they were before.
   * @param {string} text
   * @param {boolean} [at_once]
   */
  say(text, at_once = false) {
    this.wrong = text;
    const told = !this.fault.el.hidden;
    const writing = this.el.matches(":focus-within");
    if (!text || told || at_once || (this.used && !writing)) this.fault.say(text);
  }

  /** Somebody left it. */
  left() {
    if (this.used) this.fault.say(this.wrong);
  }
}

/** @param {string | string[]} value */
function defaultText(value) {
  return Array.isArray(value) ? value.join(", ") || "none of them" : value;
}
