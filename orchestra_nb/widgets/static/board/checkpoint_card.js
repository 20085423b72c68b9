/* Checkpoints, and what opens like one by itself: over the estimate, a blocker. What was found, what it
   took, and what each option would do before it is chosen. */

const ADJUST = "B";
const SIMPLIFY = "C";

class CheckpointCard extends Card {
  /**
   * @param {any} decision
   * @param {Context} context
   */
  constructor(decision, context) {
    super(decision, context);
    this.sentences = h("div", { id: `${this.name}o` });
    this.outlook = h("div.outlook", { tabIndex: 0, role: "group" }, this.sentences);
    for (const row of this.options.all) attr(row.radio, "aria-describedby", this.sentences.id);
    /** @type {OptionRow | null | undefined} whose outlook is shown */
    this.foreseen = null;
  }

  body() {
    return [this.facts(), h("div.choices", {}, this.options.el, this.outlook), this.note.el];
  }

  facts() {
    const { findings = [], blockers = [], running = [] } = this.d.detail;
    const lines = [
      ...blockers.map((/** @type {string[]} */ [agent, text]) => foundLine("warn", agent, text)),
      ...findings.map((/** @type {string[]} */ [agent, text]) => foundLine("finding", agent, text)),
    ];
    const list = lines.length
      ? h("ul.found", { tabIndex: 0, "aria-label": "Blockers and findings" }, lines)
      : h("p.sub", {}, "Nothing was reported.");
    const band = this.d.detail.time?.low_s != null;
    return h("div.facts", {},
      h("div", {}, h("h4", {}, blockers.length ? "Blockers and findings" : "Findings"), list),
      h("div", {}, h("h4", {}, "Time and cost"), figuresOf(this.d.detail),
        band && h("p.sub", {}, "Band: likely range. Line: expected."),
        running.length > 0 && h("p.sub.going", {}, `At work when this opened: ${running.join(", ")}.`)));
  }

  verdict() {
    const adjusts = this.options.chosen?.key === ADJUST;
    return adjusts && !this.note.text ? { label: "Say what to adjust", ready: false }
      : super.verdict();
  }

  picked() {
    super.picked();
    const row = this.options.chosen;
    if (row?.key === ADJUST) {
      this.note.ask("What to adjust", "needed; every agent that has not started reads it", true);
    } else {
      this.note.ask("Note", "optional; goes to the agents with your answer");
    }
    if (row !== this.foreseen) {
      this.foreseen = row;
      this.foresee(row);
    }
  }

  /**
   * What the option would do, in a box whose size never changes.
   * @param {OptionRow | undefined} row
   */
  foresee(row) {
    const { outlook = {}, simplify } = this.d.detail;
    if (!row) {
      this.sentences.replaceChildren(h("p.sub", {}, "Choose an option to see what it would do."));
      return;
    }
    const says = outlook[row.key] || (row === this.options.other ? ["Your words are the answer."] : []);
    const kids = [h("h4", {}, `${row.name}: what it does`),
      ...says.map((/** @type {string} */ text) => h("p", {}, text))];
    if (row.key === SIMPLIFY && simplify) {
      const { tasks, total } = simplify;
      kids.push(h("ul", {}, tasks.map((/** @type {string[]} */ [id, reason]) =>
        h("li", {}, h("b", {}, id), reason && (reason.startsWith(`${id} `)
          ? reason.slice(id.length) : `: ${reason}`))),
      total > tasks.length && h("li", {}, `and ${count(total - tasks.length, "more task")}`)));
    }
    attr(this.outlook, "aria-label", `${row.name}: what it does`);
    this.sentences.replaceChildren(...kids);
    this.outlook.scrollTop = 0;
  }
}

/**
 * @param {"warn" | "finding"} kind
 * @param {string} agent
 * @param {string} text
 */
function foundLine(kind, agent, text) {
  return h("li", { title: agent ? `${text} (${agent})` : text }, h(`span.s-${kind}`, {}, glyph(kind)),
    h("span", {}, kind === "warn" && h("b", {}, "Blocker "), text));
}
