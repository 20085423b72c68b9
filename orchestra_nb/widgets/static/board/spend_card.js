/* Before a run spends money: what is expected, the worst case, and which tasks are paid for. */

/**
 * @param {number} usd
 */
function aboutMoney(usd) {
  const told = moneyText(usd);
  return told.startsWith("under") ? told : `about ${told}`;
}

/**
 * How often what a row says is done; of a list that is not there yet nobody may know.
 * @param {number | null | undefined} times
 */
function timesText(times) {
  if (times === undefined) return "";
  return times === null ? " per item" : ` × ${times.toLocaleString("en")}`;
}

class SpendCard extends Card {
  body() {
    return [this.facts(), ...super.body()];
  }

  facts() {
    const { usd, most_usd: mostUsd, tokens, most_tokens: mostTokens, unknown, budget = {}, rows = [],
      total = 0, about, most: mostWords, enough = "" } = this.d.detail;
    const part = unknown ? `; ${count(unknown, "task")} of unknown cost` : "";
    const caps = [budget.usd != null && moneyText(budget.usd),
      budget.tokens != null && `${budget.tokens.toLocaleString("en")} tokens`].filter(Boolean);
    const known = unknown < total;
    const pairs = [
      ["Expected", known ? `${about ?? aboutMoney(usd)}${part}` : "unknown", `${tokensText(tokens)} tokens`],
      ["At most", known ? `${mostWords ?? moneyText(mostUsd)} for one full-length answer each` : "unknown",
        `${tokensText(mostTokens)} tokens`],
      ["Budget", caps.join(", ") || "none", caps.length ? [enough, "no call begins that it can't hold"].filter(Boolean).join("; ") : ""],
    ];
    const lines = rows.map((/** @type {any} */ row) => h("li", {},
      h("b", {}, row.task), h("span.sub", { title: row.model }, row.model),
      h("span.sum", {}, row.usd == null ? "unknown" : aboutMoney(row.usd), timesText(row.times))));
    if (total > rows.length) lines.push(h("li", {}, `and ${count(total - rows.length, "more task")}`));
    return h("div.facts", {},
      h("dl.sums", {}, pairs.flatMap(([name, value, said]) =>
        [h("dt", {}, name), h("dd", {}, value), h("dd.sub", {}, said)])),
      h("div", {}, h("h4", {}, "Paid tasks"),
        h("ul.found.paid", { tabIndex: 0, "aria-label": "Paid tasks" }, lines)));
  }
}
