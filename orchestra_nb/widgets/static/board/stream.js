/* More than 40 tasks: a lane a slot, tabs with counts, and a list that draws only what is seen. */

const MOST_ROWS = 40;
const LIST_ROWS = 9;

/** @type {[string, string[]][]} */
const TABS = [
  ["Needs a look", ["failed", "stalled"]],
  ["Running", ["running", "retry"]],
  ["Waiting", ["rate", "human", "slot", "budget"]],
  ["Pending", ["pending", "ready"]],
  ["Done", ["done"]],
  ["Skipped", ["skipped", "cancelled"]],
];

class Stream {
  /** @param {Context} context */
  constructor(context) {
    this.context = context;
    const { picture } = context;
    this.strip = new Strip();
    this.legend = new Legend();
    this.lanes = new Lanes(picture.run.slots);
    this.lanes.take(picture, picture.tasks);
    picture.dirty.clear();
    this.sub = h("span.sub");
    this.picked = -1;
    const id = uuid();
    this.tabs = TABS.map((_, n) => h("button.chip", {
      type: "button", role: "tab", id: `${id}t${n}`, onclick: () => this.pick(n),
    }));
    this.bar = h("div.chips", { role: "tablist", "aria-label": "Tasks by status" }, this.tabs);
    this.bar.addEventListener("keydown", (/** @type {KeyboardEvent} */ e) => this.key(e));
    this.rows = Array.from({ length: LIST_ROWS + 2 }, () => new AgentRow(context.menu, false));
    this.sizer = h("div.sizer", { role: "list" }, this.rows.map((row) => row.el));
    this.list = h("div.rows.plain.virtual", { role: "tabpanel", tabIndex: 0 }, this.sizer);
    this.list.addEventListener("scroll", () => this.fill(), { passive: true });
    this.roving = new Roving(this.list, () => this.rows.map((row) => row.act),
      (step) => this.step(step));
    /** @type {number[]} */
    this.shown = [];
    /** @type {[number, number]} now and busy of the last update */
    this.at = [0, 0];
    this.el = h("section.lanes.many", { "aria-label": "Agents" },
      h("div.streamhead", {}, h("h4", {}, "Slots"), this.sub), this.strip.el, this.legend.el, this.bar,
      this.list);
  }

  /** The strip has the whole width: nothing to share out. */
  fit() {}

  /** @param {number} n */
  pick(n) {
    this.picked = n;
    this.list.scrollTop = 0;
    this.update(...this.at);
  }

  /** @param {KeyboardEvent} e */
  key(e) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
    if (!step) return;
    e.preventDefault();
    this.pick((this.picked + step + TABS.length) % TABS.length);
    this.tabs[this.picked].focus();
  }

  /**
   * @param {number} now
   * @param {number} busy
   * @param {Counts} [counts]
   */
  update(now, busy, counts = this.context.picture.tally(now).all) {
    const { picture } = this.context;
    this.at = [now, busy];
    if (picture.dirty.size) this.lanes.take(picture, picture.dirty);
    picture.dirty.clear();
    const sum = (/** @type {string[]} */ names) => names.reduce((n, s) => n + (counts[s] || 0), 0);
    if (this.picked < 0) {
      const ended = picture.ended ? 4 : 1;
      this.picked = sum(TABS[0][1]) ? 0 : ended;
    }
    TABS.forEach(([name, statuses], n) => {
      write(this.tabs[n], `${name} ${sum(statuses).toLocaleString("en")}`);
      attr(this.tabs[n], "aria-selected", String(n === this.picked));
      this.tabs[n].tabIndex = n === this.picked ? 0 : -1;
    });
    attr(this.list, "aria-labelledby", this.tabs[this.picked].id);
    const done = (counts.done || 0) + (counts.failed || 0);
    const minutes = (picture.ended ? picture.totals.ended : now) / 60;
    const pace = minutes > 0.05 && done ? `; ${count(Math.round(done / minutes), "task")} a minute` : "";
    tell(this.sub, `${count(this.lanes.count, "lane")}, one per slot${pace}`);
    const wanted = new Set(TABS[this.picked][1]);
    this.shown = picture.tasks.filter((i) => wanted.has(picture.status(i, now)));
    // Failures need a look before those that are only quiet.
    if (this.picked === 0) {
      const rank = (/** @type {number} */ i) => (picture.rows[i].status === "failed" ? 0 : 1);
      this.shown.sort((a, b) => rank(a) - rank(b) || a - b);
    }
    this.sizer.style.height = `${Math.max(1, this.shown.length) * LANE_H}px`;
    this.fill();
    this.legend.update(picture);
  }

  /** Write the rows that are in sight. */
  fill() {
    const { picture } = this.context;
    const [now, busy] = this.at;
    const top = Math.max(0, Math.floor(this.list.scrollTop / LANE_H));
    this.rows.forEach((row, n) => {
      const i = this.shown[top + n];
      row.el.hidden = i === undefined;
      if (i === undefined) return;
      row.el.style.transform = `translateY(${(top + n) * LANE_H}px)`;
      row.update(i, picture, picture.say(i, now, busy), false);
      attr(row.el, "aria-posinset", String(top + n + 1));
      attr(row.el, "aria-setsize", String(this.shown.length));
    });
    this.roving.settle();
  }

  /**
   * By arrow keys to a row that is out of sight: the same button then stands for the next task.
   * @param {number} step
   * @returns {boolean} whether it scrolled
   */
  step(step) {
    const n = this.rows.findIndex((row) => row.act === document.activeElement);
    const before = this.list.scrollTop;
    const at = (Math.floor(before / LANE_H) + n + step) * LANE_H;
    if (n < 0 || (at >= before && at + LANE_H <= before + this.list.clientHeight)) return false;
    this.list.scrollTop = before + step * LANE_H;
    this.fill();
    return this.list.scrollTop !== before;
  }

  /** @param {number} now */
  draw(now) {
    const { picture } = this.context;
    const over = picture.ended;
    /** @type {Lane[]} */
    const lanes = [];
    /** @type {number[]} */
    const at = [];
    for (const [i, lane] of this.lanes.of) {
      const row = picture.rows[i];
      const from = row.started ?? 0;
      const status = picture.status(i, now);
      const spans = row.spans.filter((span) => span[1] >= from);
      const quietSince = status === "stalled" ? row.at : null;
      lanes.push({ spans, status, quietSince, expected: undefined });
      at.push(lane);
    }
    const left = picture.totals.left || 0;
    const end = over ? picture.totals.ended : Math.max(now * 1.04, now + left);
    this.strip.draw(lanes, { now, over, end, thin: true, at, count: Math.max(8, this.lanes.count) });
  }
}
