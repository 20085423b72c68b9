/* Agents: one row a task in the plan's order, one canvas behind all of them. */

/** One row: name, strip's gap, word, message, aside, and what was and can be done by hand. */
class AgentRow {
  /**
   * @param {RowMenu} menu
   * @param {boolean} strip whether the canvas runs through it
   */
  constructor(menu, strip) {
    this.menu = menu;
    this.i = -1;
    this.glyph = glyph("pending");
    this.mark = h("span", {}, this.glyph);
    this.name = h("span.cut");
    this.edited = h("span.edited", { hidden: true, role: "img", "aria-label": EDITED_TITLE,
      title: EDITED_TITLE }, glyph("edit"));
    this.word = h("span.word");
    this.text = h("span.cut");
    this.aside = h("span.num");
    this.thumb = glyph("up");
    this.rated = h("span.rated", { hidden: true, role: "img" }, this.thumb);
    this.act = menu.button(() => this.i);
    this.el = h("div.lane", { role: "listitem" },
      h("span.who", {}, this.mark, this.name, this.edited), strip && h("span.gap"),
      h("span.say", {}, this.word, this.text, this.aside, h("span.hand", {}, this.rated, this.act)));
  }

  /**
   * @param {number} i
   * @param {Picture} picture
   * @param {{ status: string, text: string, aside: string }} said
   * @param {boolean} first whether a rule stands above it
   */
  update(i, picture, said, first) {
    const { status } = said;
    const name = picture.nodes.name[i];
    this.i = i;
    dress(this.el, `lane s-${status}${first ? " first" : ""}`);
    dress(this.mark, `s-${status}`);
    drawGlyph(this.glyph, status);
    tell(this.name, name);
    dress(this.word, `word s-${status}`);
    write(this.word, WORDS[status]);
    tell(this.text, said.text);
    write(this.aside, said.aside);
    this.byHand(picture.rows[i].marks, name);
  }

  /**
   * @param {string} marks
   * @param {string} name
   */
  byHand(marks, name) {
    this.edited.hidden = !marks.includes("e");
    const thumb = { u: "up", d: "down" }[/[ud]/.exec(marks)?.[0] || ""];
    this.rated.hidden = !thumb;
    if (thumb) {
      const words = thumb === "up" ? "Rated: good" : "Rated: poor";
      drawGlyph(this.thumb, thumb);
      attr(this.rated, "title", words);
      attr(this.rated, "aria-label", words);
    }
    // A button that has the focus stays: focus is never lost because a task went on.
    const off = !this.menu.offers(this.i) && !this.act.matches(":focus, [aria-expanded=true]");
    if (this.act.hidden !== off) this.act.hidden = off;
    attr(this.act, "aria-label", `Steer ${name}`);
  }
}

const EDITED_TITLE = "Its text was edited by hand";

class Agents {
  /** @param {Context} context */
  constructor(context) {
    this.context = context;
    this.strip = new Strip();
    this.legend = new Legend();
    const { picture } = context;
    this.rows = picture.tasks.map(() => new AgentRow(context.menu, true));
    this.list = h("div.rows", { role: "list" }, this.rows.map((row) => row.el), this.strip.el);
    this.el = h("section.lanes", { "aria-label": "Agents" },
      h("div.lane.top", {}, h("h4", {}, "Agents"), h("span"), h("span")), this.list, this.legend.el);
    this.roving = new Roving(this.list, () => this.rows.map((row) => row.act));
  }

  /** The plan has more tasks: rows that are there stay, so that none loses the focus. */
  grow() {
    const { picture, menu } = this.context;
    const known = new Map(this.rows.map((row) => [row.i, row]));
    this.rows = picture.tasks.map((i) => known.get(i) || new AgentRow(menu, true));
    let before = null;
    for (const { el } of this.rows) {
      const place = before ? before.nextSibling : this.list.firstChild;
      if (place !== el) this.list.insertBefore(el, place);
      before = el;
    }
    for (const [i, row] of known) if (!picture.tasks.includes(i)) row.el.remove();
    this.fit();
  }

  /** Give the names the room they need, the rest to the strip. */
  fit() {
    const g = h("canvas").getContext("2d");
    const { fontSize, fontFamily } = getComputedStyle(this.el);
    g.font = `${fontSize} ${fontFamily}`;
    const { picture } = this.context;
    const most = Math.max(...picture.tasks.map((i) =>
      g.measureText(picture.nodes.name[i]).width + (picture.rows[i].marks.includes("e") ? 18 : 0)));
    // Narrow rows have a second line for the words, so names may be long.
    const room = this.el.clientWidth * (this.el.clientWidth < 720 ? 0.44 : 0.27);
    const wide = Math.ceil(Math.max(110, Math.min(most + 38, room)));
    this.el.style.setProperty("--c1", `${wide}px`);
  }

  /**
   * @param {number} now
   * @param {number} busy
   */
  update(now, busy) {
    const { picture } = this.context;
    const { phase } = picture.nodes;
    picture.tasks.forEach((i, n) => {
      const first = n > 0 && phase[i] !== phase[picture.tasks[n - 1]];
      this.rows[n].update(i, picture, picture.say(i, now, busy), first);
    });
    picture.dirty.clear();
    this.roving.settle();
    this.legend.update(picture);
  }

  /** @param {number} now */
  draw(now) {
    const { picture } = this.context;
    const over = picture.ended;
    const expected = over ? new Map() : forecast(picture, now);
    let end = over ? picture.totals.ended : now * 1.04;
    for (const [, to] of expected.values()) end = Math.max(end, to);
    const lanes = picture.tasks.map((i) => {
      const row = picture.rows[i];
      const status = picture.status(i, now);
      const quietSince = status === "stalled" ? row.at : null;
      return { spans: row.spans, status, quietSince, expected: expected.get(i) };
    });
    const pitch = this.rows[0]?.el.offsetHeight || LANE_H;
    this.strip.draw(lanes, { now, over, end, thin: false, pitch });
  }
}
