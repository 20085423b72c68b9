/* Bars: one cell a task up to 24 tasks, above that one stretch a status. */

const MOST_CELLS = 24;

class Bar {
  constructor() {
    this.el = h("div.bar", { role: "progressbar", "aria-valuemin": "0" });
    this.shown = "";
  }

  /**
   * @param {Counts} counts
   * @param {number} total
   * @param {string} label
   */
  update(counts, total, label) {
    const shown = `${label}|${total}|${ORDER.map((s) => counts[s] || 0).join()}`;
    if (shown === this.shown) return;
    this.shown = shown;
    const stretches = ORDER.filter((s) => counts[s]);
    const cells = stretches.flatMap((s) =>
      total <= MOST_CELLS ? new Array(counts[s]).fill([s, 1]) : [[s, counts[s]]]);
    const kids = this.el.children;
    while (kids.length > cells.length) this.el.lastChild.remove();
    while (kids.length < cells.length) this.el.append(h("i"));
    cells.forEach(([status, grow], i) => {
      dress(kids[i], `cell s-${status}`);
      kids[i].style.flexGrow = String(grow);
    });
    attr(this.el, "aria-label", label);
    attr(this.el, "aria-valuenow", String(counts.done || 0));
    attr(this.el, "aria-valuemax", String(total));
    attr(this.el, "aria-valuetext", `${countsText(counts) || "none"} of ${total}`);
  }
}
