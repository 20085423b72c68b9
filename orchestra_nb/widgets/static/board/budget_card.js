/* A budget that is mostly used, or used up: how much of it, who waits, what each option would do. A raise
   is an amount that a person writes; nothing else raises a cap. */

const RAISE = "A";

/**
 * An amount of a cap, as people read it.
 * @param {string} kind usd or tokens
 * @param {number} amount
 */
function capText(kind, amount) {
  return kind === "usd" ? moneyText(amount) : `${amount.toLocaleString("en")} tokens`;
}

/**
 * How much of a cap is used.
 * @param {any} detail of a budget's card
 * @returns {Figure}
 */
function capFigure({ kind, used, cap, held }) {
  const rest = held ? `; ${capText(kind, held)} held for calls in flight` : "";
  return {
    name: "Used", value: capText(kind, used), said: `of ${capText(kind, cap)}${rest}`,
    actual: used, line: cap, band: null, over: used >= cap,
  };
}

/**
 * The amount that somebody wrote: "$1.20", "120,000 tokens"; NaN if that is none.
 * @param {string} text
 */
function amountOf(text) {
  const bare = text.trim().replace(/^\$/, "").replace(/tokens?$/, "").replace(/[,_\s]/g, "");
  return bare === "" ? NaN : Number(bare);
}

/**
 * An amount as it was written, with nothing rounded away.
 * @param {string} kind
 * @param {number} amount
 */
function wholeText(kind, amount) {
  return kind === "usd"
    ? `$${amount.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 6 })}`
    : capText(kind, Math.floor(amount));
}

class BudgetCard extends CheckpointCard {
  facts() {
    const { waiting = [], total = 0 } = this.d.detail;
    const rest = total - waiting.length;
    const who = total ? `Without room: ${waiting.join(", ")}${rest > 0 ? ` and ${count(rest, "more task")}` : ""}.`
      : "Nobody waits for room yet.";
    return h("div.facts", {}, h("dl.figures", {}, bullet(capFigure(this.d.detail))),
      h("p.sub", { tabIndex: waiting.length > 6 ? 0 : null }, who));
  }

  get raises() {
    return this.options.chosen?.key === RAISE;
  }

  verdict() {
    if (!this.raises) return Card.prototype.verdict.call(this);
    const { kind, cap } = this.d.detail;
    const amount = amountOf(this.note.text);
    if (!this.note.text) return { label: "Say to how much", ready: false };
    if (!Number.isFinite(amount)) return { label: "That is no number", ready: false };
    return amount > cap ? { label: `Raise the cap to ${wholeText(kind, amount)}`, ready: true }
      : { label: `More than ${capText(kind, cap)} is needed`, ready: false };
  }

  picked() {
    super.picked();
    const { kind, cap, suggest } = this.d.detail;
    if (this.raises) {
      const unit = kind === "usd" ? "New cap in $" : "New cap in tokens";
      this.note.ask(unit, `needed; more than ${wholeText(kind, cap)}, such as ${wholeText(kind, suggest)}`,
        true);
    } else {
      this.note.ask("Note", "optional; kept with your answer");
    }
  }

  payload() {
    if (!this.raises) return super.payload();
    return { option: RAISE, text: null, note: null, values: { [this.d.detail.kind]: this.note.text } };
  }

  /** @param {Record<string, string>} faults */
  faulted(faults) {
    this.note.fault.say(faults[this.d.detail.kind] || faults.note || "");
  }
}
