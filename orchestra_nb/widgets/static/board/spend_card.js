/* Before a run spends money: what is expected, the worst case, and which tasks are paid for. */

class SpendCard extends Card {
  body() {
    return [this.facts(), ...super.body()];
  }

  facts() {
    const { usd, most_usd: most, tokens, most_tokens: mostTokens, unknown, budget = {}, rows = [],
      total = 0 } = this.d.detail;
    const part = unknown ? `; ${count(unknown, "task")} of unknown cost` : "";
    const caps = [budget.usd != null && moneyText(budget.usd),
      budget.tokens != null && `${budget.tokens.toLocaleString("en")} tokens`].filter(Boolean);
    const known = unknown < total;
    const pairs = [
      ["Expected", known ? `about ${moneyText(usd)}${part}` : "unknown", `${tokensText(tokens)} tokens`],
      ["At most", known ? `${moneyText(most)} for one full-length answer each` : "unknown",
        `${tokensText(mostTokens)} tokens`],
      ["Budget", caps.join(", ") || "none", caps.length ? "no call begins that it can't hold" : ""],
    ];
    const lines = rows.map((/** @type {any} */ row) => h("li", {},
      h("b", {}, row.task), h("span.sub", { title: row.model }, row.model),
      h("span.sum", {}, row.usd == null ? "unknown" : `about ${moneyText(row.usd)}`)));
    if (total > rows.length) lines.push(h("li", {}, `and ${count(total - rows.length, "more task")}`));
    return h("div.facts", {},
      h("dl.sums", {}, pairs.flatMap(([name, value, said]) =>
        [h("dt", {}, name), h("dd", {}, value), h("dd.sub", {}, said)])),
      h("div", {}, h("h4", {}, "Paid tasks"),
        h("ul.found.paid", { tabIndex: 0, "aria-label": "Paid tasks" }, lines)));
  }
}
