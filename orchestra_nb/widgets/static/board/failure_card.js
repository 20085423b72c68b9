/* A task that gave up: why, after how many attempts, and who would be left out for it. */

class FailureCard extends Card {
  body() {
    const { error, attempts, dependents = [], total = 0 } = this.d.detail;
    const more = total > dependents.length ? ` and ${count(total - dependents.length, "more")}` : "";
    const who = total ? `Without its result ${count(total, "task")} ${total === 1 ? "is" : "are"} left out: ` +
      `${dependents.join(", ")}${more}.` : "No other task needs its result.";
    return [
      h("div.problem", {}, h("span.s-failed", {}, glyph("failed")), h("div", {},
        h("pre", { tabIndex: 0, "aria-label": "Error" }, error),
        h("p.sub", {}, `${count(attempts, "attempt")} failed. ${who}`))),
      ...super.body(),
    ];
  }
}
