/* What a card becomes: the choice, by whom, when, after how long. */

/**
 * @param {any} d a decision that is over
 * @param {string} late what a late click was told
 * @param {HTMLElement | null} [undo] how to go on from another choice
 * @returns {HTMLElement}
 */
function record(d, late, undo = null) {
  const { outcome } = d;
  if (!outcome) {
    return h("article.record.by-policy", { "aria-label": d.title }, h("span", {}, glyph("cancelled")),
      h("div", {}, h("p", {}, h("b", {}, d.title)), h("p.sub", {}, d.withdrawn), lateLine(late)));
  }
  return h(`article.record.by-${outcome.by}`, { "aria-label": d.title },
    h("span", {}, glyph(outcome.by === "budget" ? "budgeted" : outcome.by)),
    h("div", {}, h("p.chosen", {}, h("b", {}, d.title), h("span.arrow", {}, " → "), outcome.chosen),
      h("p.sub", {}, outcome.line), answersList(outcome.answers || []), lateLine(late), undo));
}

/**
 * What a form was answered.
 * @param {[string, string, boolean][]} answers question, answer, whether it is the default
 */
function answersList(answers) {
  return answers.length > 0 && h("dl.answers", {}, answers.map(([ask, answer, byDefault]) =>
    h("div", {}, h("dt", {}, ask), h(`dd${byDefault ? ".asdefault" : ""}`, {}, answer))));
}

/** @param {string} text */
function lateLine(text) {
  return text && h("p.late", {}, glyph("warn"), text);
}
