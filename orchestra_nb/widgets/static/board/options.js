/* The options of a card as radio rows, and "Other…" for words of one's own. */

const OTHER = "other";

/**
 * Keys in few words: "A to D" where they follow one another, else "A, B, D".
 * @param {string[]} keys
 */
function rangeOf(keys) {
  const first = keys[0]?.charCodeAt(0);
  const inOrder = keys.every((key, i) => key.charCodeAt(0) === first + i);
  return keys.length > 2 && inOrder ? `${keys[0]} to ${keys[keys.length - 1]}` : keys.join(", ");
}

/**
 * An option as it is shown.
 * @typedef {object} OptionRow
 * @property {string} key
 * @property {string} name
 * @property {HTMLInputElement} radio
 * @property {HTMLElement} el
 * @property {HTMLElement} time what is left, while something else is chosen
 * @property {HTMLElement} fill
 * @property {HTMLInputElement | null} input where "Other…" is written
 */

class Options {
  /**
   * @param {any} d the decision
   * @param {string} name of the group of radios
   */
  constructor(d, name) {
    this.d = d;
    this.name = name;
    /** @type {OptionRow[]} */
    this.rows = d.options.map((/** @type {string[]} */ o) => this.row(o));
    /** @type {OptionRow | null} */
    this.other = d.other ? this.otherRow() : null;
    this.all = this.other ? [...this.rows, this.other] : this.rows;
    this.el = h("div.options", { role: "radiogroup", "aria-label": d.title },
      this.all.map((row) => row.el));
    const first = this.rows.find((row) => row.key === d.recommend);
    if (first) first.radio.checked = true;
  }

  /**
   * @param {string[]} option key, name, description
   * @returns {OptionRow}
   */
  row([key, name, description]) {
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
    return { key, name, radio, el, time, fill, input: null };
  }

  /** @returns {OptionRow} */
  otherRow() {
    const radio = h("input", { type: "radio", name: this.name, value: OTHER });
    const input = h("input", {
      type: "text", maxLength: 2000, autocomplete: "off", placeholder: "in your own words",
      "aria-label": "Other: your own words",
    });
    input.addEventListener("input", () => {
      if (input.value) radio.checked = true;
    });
    const fill = h("i");
    const time = h("span.ot");
    const el = h("label.option.other", {}, fill, radio, h("kbd", {}, "…"),
      h("span.free", {}, h("b", {}, "Other…"), input), time);
    return { key: OTHER, name: "Other…", radio, el, time, fill, input };
  }

  /** The chosen row, if one is. */
  get chosen() {
    return this.all.find((row) => row.radio.checked);
  }

  /** Words of one's own, where "Other…" is chosen. */
  get words() {
    return this.other?.radio.checked ? this.other.input?.value.trim() || "" : "";
  }

  /**
   * The row a pressed key stands for: its own letter, or its place in the list.
   * @param {string} key
   */
  pressed(key) {
    const own = this.rows.find((row) => row.key.toLowerCase() === key.toLowerCase());
    if (own || this.rows.some((row) => /^\d$/.test(row.key))) return own;
    return this.all[Number(key) - 1];
  }

  /** What keys choose: "A to D or 1 to 5 choose". */
  get hint() {
    const keys = this.rows.map((row) => row.key);
    const letters = keys.every((key) => /^[A-Za-z]$/.test(key)) ? rangeOf(keys) : "";
    const digits = Array.from({ length: Math.min(9, this.all.length) }, (_, i) => String(i + 1));
    const own = keys.filter((key) => /^\d$/.test(key));
    const said = own.length ? rangeOf(own) : [letters, rangeOf(digits)].filter(Boolean).join(" or ");
    return `${said} ${this.all.length === 1 ? "chooses" : "choose"}`;
  }

  /**
   * The recommended row carries the time that is left while something else is chosen.
   * @param {boolean} timed
   * @param {string} time
   * @param {string} scale
   */
  tick(timed, time, scale) {
    for (const row of this.rows) {
      const here = timed && row.key === this.d.recommend;
      write(row.time, here ? time : "");
      row.el.classList.toggle("timed", here);
      if (here && row.fill.style.transform !== scale) row.fill.style.transform = scale;
    }
  }
}
