/* One argument of a call: its value to read, or a field to change it. Both are equally high. */

const SHORT_TEXT = 48;

class Argument {
  /**
   * @param {string} id
   * @param {string} name
   * @param {any} value as JSON has it
   */
  constructor(id, name, value) {
    this.name = name;
    this.value = value;
    this.text = typeof value === "string" ? value : jsonText(value);
    this.long = this.text.length > SHORT_TEXT || this.text.includes("\n");
    const label = h("code", { id: `${id}l`, title: name }, name);
    this.kind = typeof value === "string" ? "" : ".mono";
    this.shown = this.long ? h(`pre${this.kind}`, { tabIndex: 0, "aria-label": name }, this.text)
      : h(`span.shown${this.kind}`, {}, this.text || h("span.sub", {}, "empty"));
    this.field = this.control(id);
    attr(this.field, "aria-labelledby", label.id);
    this.field.id = id;
    this.field.value = this.text;
    this.field.hidden = true;
    this.fault = new Fault(this.field);
    const own = h(`dd${this.long ? ".tall" : ""}`, {}, this.shown, this.field, this.fault.el);
    if (this.long) {
      const lines = this.text.split("\n").reduce((n, line) => n + 1 + Math.floor(line.length / 72), 0);
      const high = Math.min(9, Math.max(2, lines)) * (this.kind ? 18 : 20) + 12;
      own.style.height = `${high}px`; // what is said of the field takes its room from the field
    }
    this.el = h("div.argument", {}, h("dt", {}, label), own);
  }

  /** @param {string} id */
  control(id) {
    if (typeof this.value === "boolean") {
      return h("select", {}, ["true", "false"].map((word) => h("option", { value: word }, word)));
    }
    if (this.long) return h(`textarea${this.kind}`, { spellcheck: false });
    return h(`input${this.kind}`, { type: "text", autocomplete: "off", spellcheck: false, name: id });
  }

  /** @param {boolean} on whether it can be changed */
  edit(on) {
    this.field.hidden = !on;
    this.shown.hidden = on;
    this.fault.say(on ? this.read().fault : "");
  }

  get changed() {
    // A text area turns every line break into one character.
    return this.field.value !== this.text.replace(/\r\n/g, "\n");
  }

  /**
   * What the field holds, or what is wrong with it.
   * @returns {{ value?: any, fault: string }}
   */
  read() {
    const text = this.field.value;
    if (!this.changed) return { value: this.value, fault: "" };
    if (typeof this.value === "string") return { value: text, fault: "" };
    if (typeof this.value === "number") return readNumber(text);
    return readJson(text);
  }
}

/**
 * JSON as it is read best: on one line where it fits.
 * @param {any} value
 */
function jsonText(value) {
  const text = JSON.stringify(value, null, 2);
  const line = text.replace(/\n\s*/g, " "); // a line break is never inside a text of JSON
  return line.length <= SHORT_TEXT ? line : text;
}

/** @param {string} text */
function readNumber(text) {
  const value = Number(text);
  if (!text.trim() || !Number.isFinite(value)) return { fault: "Needs a number, such as 3000." };
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    return { fault: "Too large a number to be sent exactly." };
  }
  return { value, fault: "" };
}

/**
 * @param {string} text
 * @returns {{ value?: any, fault: string }}
 */
function readJson(text) {
  try {
    return { value: JSON.parse(text), fault: "" };
  } catch (error) {
    const place = /position (\d+)/.exec(String(error));
    if (!text.trim()) return { fault: "Needs JSON, such as [1, 2]." };
    const line = place && text.slice(0, Number(place[1])).split("\n").length;
    const where = line && text.includes("\n") ? `: see line ${line}` : "";
    return { fault: `This is not JSON${where}.` };
  }
}
