/* A task that gave up: why, after how many attempts, and who would be left out for it. */

class FailureCard extends Card {
  body() {
    const { error, attempts, dependents = [], total = 0 } = this.d.detail;
    const rest = total - dependents.length;
    const more = rest > 0 ? ` and ${rest.toLocaleString("en")} more` : "";
    const who = total ? `Without its result ${count(total, "task")} would be skipped: ` +
      `${dependents.join(", ")}${more}.` : "No other task needs its result.";
    return [
      h("div.problem", {}, h("span.s-failed", {}, glyph("failed")), h("div", {},
        h("pre", { tabIndex: 0, "aria-label": "Error" }, error),
        h("p.sub", {}, `${count(attempts, "attempt")} failed. ${who}`))),
      ...super.body(),
    ];
  }

  /** Its context is the error, which is shown as one. */
  story() {
    return "";
  }
}
