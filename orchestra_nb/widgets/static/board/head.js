/* Head, attention line, figures, phases, findings, end. Each has its height from the first second. */

/**
 * What the parts of the board share.
 * @typedef {object} Context
 * @property {Picture} picture
 * @property {RunClock} clock
 * @property {Wire} wire
 * @property {(text: string) => void} speak says it in the one aria-live line
 * @property {() => boolean} live whether the kernel answers
 * @property {RowMenu} menu what can be done with a task by hand
 */

class Head {
  /**
   * @param {Context} context
   * @param {HTMLElement} steer the button for what can be said to the whole run
   */
  constructor(context, steer) {
    this.context = context;
    const command = (/** @type {any} */ body) => context.wire.command(body);
    this.glyph = glyph("running");
    this.word = h("span.stateword");
    this.state = h("span.state", {}, this.glyph, this.word);
    this.title = h("h3");
    this.sub = h("p.sub");
    this.speed = h("small");
    this.tag = h("span.tag", { title: "No model is called and nothing is paid for", hidden: true },
      "REHEARSAL", this.speed);
    this.autopilot = button("Autopilot", "switch", {
      title: "Take every recommendation at once, from now on",
      onclick: () => command({ command: "autopilot", on: !context.picture.totals.autopilot }),
    });
    this.pause = button("Pause", "same", {
      title: "No new task starts; running ones finish",
      onclick: () => command({
        command: context.picture.totals.status === "paused" ? "unpause" : "pause",
      }),
    });
    this.stop = button("Stop", "", { title: STOP_TITLE, onclick: () => command({ command: "stop" }) });
    this.saved = h("span.sub.saved", { hidden: true }, "Saved view. Nothing here is live.");
    this.tools = h("div.tools", {}, steer, this.autopilot, this.pause, this.stop);
    this.el = h("div.head", {}, this.state, h("div.id", {}, this.title, this.sub), this.tag,
      this.tools, this.saved);
  }

  update() {
    const { picture, live } = this.context;
    const { run, totals } = picture;
    const status = picture.form ? "asking" : totals.status;
    dress(this.state, `state s-${status}`);
    drawGlyph(this.glyph, status);
    write(this.word, RUN_WORDS[status] || status);
    tell(this.title, run.title);
    const line = runLine(run);
    write(this.sub, line);
    attr(this.sub, "title", `${line} (${run.id})`);
    this.tag.hidden = run.rehearsal === null;
    write(this.speed, `simulated agents, ×${run.rehearsal}`);
    const over = RUN_OVER.has(totals.status);
    this.tools.hidden = over;
    this.saved.hidden = !over;
    const paused = totals.status === "paused";
    attr(this.autopilot, "aria-pressed", String(totals.autopilot));
    write(this.pause, paused ? "Resume" : "Pause");
    this.pause.classList.toggle("main", paused);
    for (const one of [this.autopilot, this.pause, this.stop]) one.disabled = !live();
    if (picture.form && !paused) this.pause.disabled = true; // nothing has started
  }
}

class Attention {
  /**
   * @param {Context} context
   * @param {() => void} goToCard
   * @param {HTMLElement} notify offers notifications
   */
  constructor(context, goToCard, notify) {
    this.context = context;
    this.glyph = glyph("quiet");
    this.mark = h("span.mark1", {}, this.glyph);
    this.what = h("b");
    this.text = h("span.grow");
    this.left = h("span.num");
    this.go = button("Go to card", "link", { onclick: goToCard });
    this.el = h("div.needs.quiet", {}, this.mark, this.what, this.text, this.left, this.go, notify);
  }

  /**
   * @param {number} now
   * @param {number} busy
   */
  update(now, busy) {
    const { picture, live } = this.context;
    const { totals, run } = picture;
    const open = picture.open();
    let mark = "quiet";
    let what = "";
    let text = "Nothing needs you.";
    let left = "";
    let soon = false;
    if (picture.over) {
      mark = totals.status;
      text = picture.over.line;
    } else if (!live()) {
      mark = "lost";
      text = `Not connected to the kernel; this view shows ${timeOfDay(run, now)}. ` +
        `If it was restarted: ${run.resume}`;
    } else if (totals.status === "paused") {
      mark = "paused";
      const agents = busy === 1 ? "the 1 agent at work finishes" : `the ${busy} agents at work finish`;
      text = `Paused: nothing new starts, ${agents}, decision clocks stand still.`;
    } else if (picture.form) {
      text = "The run starts after the questions below.";
    } else if (open.length) {
      mark = "open";
      what = open.length === 1 ? "1 decision needs you" : `${open.length} decisions need you`;
      text = open.length === 1 ? open[0].title : `next: ${open[0].title}`;
      const state = clockState(open[0], now);
      if (state.left !== null) {
        left = `${state.time} left`;
        soon = state.left <= 60;
      }
    }
    dress(this.el, `needs${mark === "open" ? "" : " quiet"}`);
    dress(this.mark, `mark1 s-${mark}`);
    drawGlyph(this.glyph, mark);
    write(this.what, what);
    this.what.hidden = !what;
    tell(this.text, text);
    write(this.left, left);
    this.left.classList.toggle("soon", soon);
    this.go.hidden = !open.length || !live() || picture.ended || picture.form !== null;
  }
}

class Figures {
  /** @param {Context} context */
  constructor(context) {
    this.context = context;
    this.bar = new Bar();
    this.cells = Array.from({ length: 5 }, () => ({ value: h("dd"), label: h("dt") }));
    const boxes = this.cells.map((c) => h("div", {}, c.value, c.label));
    this.el = h("section.total", {}, h("dl.stats", {}, boxes), this.bar.el);
  }

  /**
   * @param {number} now
   * @param {Counts} counts
   */
  update(now, counts) {
    const { picture } = this.context;
    const { totals } = picture;
    const all = picture.tasks.length;
    const done = counts.done || 0;
    const of = all - (counts.skipped || 0);
    const ended = totals.ended !== null;
    const { cost, unknown, budget, tokens } = totals;
    const spent = unknown && !cost ? "unknown" : `${unknown ? "at least " : ""}${moneyText(cost)}`;
    const third = ended ? this.lost(counts) : [leftText(totals.left), "left"];
    const figures = [
      [`${done.toLocaleString("en")} of ${of.toLocaleString("en")}`, "tasks done"],
      [spanText(ended ? totals.ended : now), ended ? "took" : "elapsed"],
      third,
      [tokensText(tokens), "tokens"],
      [spent, budget === null ? "cost" : `of ${moneyText(budget)} budget`],
    ];
    figures.forEach(([value, label], i) => {
      tell(this.cells[i].value, value);
      write(this.cells[i].label, label);
    });
    this.bar.update(counts, all, "All tasks");
  }

  /**
   * What of the plan did not get done; if nothing, how much work it was.
   * @param {Counts} counts
   * @returns {string[]}
   */
  lost(counts) {
    const parts = ["failed", "cancelled", "skipped", "pending"].filter((s) => counts[s])
      .map((s) => `${counts[s].toLocaleString("en")} ${s}`);
    if (parts.length) return [parts.join(", "), "not done"];
    const { picture } = this.context;
    let work = 0;
    for (const i of picture.tasks) {
      for (const [kind, from, to] of picture.rows[i].spans) {
        if (kind === "run" && to !== null) work += to - from;
      }
    }
    return [spanText(work), "of agents’ work"];
  }
}

class Phases {
  /** @param {Context} context */
  constructor(context) {
    this.context = context;
    const { picture } = context;
    /** @type {{ bar: Bar, figure: any, what: any }[]} */
    this.rows = [];
    const rows = picture.phases.map((name, i) => {
      const row = { bar: new Bar(), figure: h("span.num"), what: h("span.what") };
      this.rows.push(row);
      const text = `${i + 1} ${name}`;
      return h("div.phase", {}, h("span.name", { title: text }, text), row.bar.el, row.figure, row.what);
    });
    const box = h("div.box", { tabIndex: rows.length > 8 ? 0 : -1 }, rows);
    this.el = h("section.phases", { "aria-label": "Phases" }, h("h4", {}, "Phases"), box);
  }

  /** @param {Counts[]} counts */
  update(counts) {
    const { picture } = this.context;
    this.rows.forEach((row, i) => {
      const n = counts[i];
      const all = Object.values(n).reduce((a, b) => a + b, 0);
      const of = all - (n.skipped || 0);
      row.bar.update(n, all, picture.phases[i]);
      write(row.figure, `${(n.done || 0).toLocaleString("en")}/${of.toLocaleString("en")}`);
      tell(row.what, countsText({ ...n, done: 0 }) || "done");
    });
  }
}

class Feed {
  /** @param {Context} context */
  constructor(context) {
    this.context = context;
    /** @type {any} */
    this.shown = null;
    const { picture } = context;
    this.list = h("ol", { tabIndex: 0, "aria-label": "Findings and blockers, oldest first" });
    this.el = h("section.feed", { "aria-label": "Findings and blockers" },
      h("h4", {}, "Findings and blockers"), this.list);
    this.list.style.height = `${26 * Math.min(8, Math.max(4, picture.phases.length))}px`;
    this.list.addEventListener("pointerleave", () => this.pin());
  }

  update() {
    const { findings } = this.context.picture;
    if (findings === this.shown) return;
    this.shown = findings;
    const blockers = findings.filter((f) => f[0] === "blocker");
    const others = findings.filter((f) => f[0] !== "blocker");
    const rows = [...blockers, ...others].map(([kind, text, who, at], i) => {
      const blocks = kind === "blocker";
      const row = h(`li${blocks ? ".blocks" : ""}`, { title: `${text} (${who})` },
        h(`span.s-${blocks ? "warn" : "finding"}`, {}, glyph(blocks ? "warn" : "finding")),
        h("span.text", {}, 
          (blocks || kind === "choice") && h("b", {}, blocks ? "Blocker " : "Choice "), text), h("span.num", {}, spanText(at)));
      if (blocks && i < 2) row.style.top = `${26 * i}px`;
      else if (blocks) row.style.position = "static";
      return row;
    });
    if (!rows.length) rows.push(h("li.none", {}, h("span"), h("span.text", {}, "None yet."), h("span")));
    this.list.replaceChildren(...rows);
    this.fit();
  }

  /** One line each, unless all of them fit with more: nothing is cut that has room. */
  fit() {
    this.list.classList.add("roomy");
    if (this.list.scrollHeight > this.list.clientHeight) this.list.classList.remove("roomy");
    this.pin();
  }

  /** The newest stays in sight unless somebody is reading. */
  pin() {
    if (!this.list.matches(":hover, :focus-within")) this.list.scrollTop = this.list.scrollHeight;
  }
}

class Over {
  constructor() {
    this.el = h("section.over", { hidden: true });
    this.shown = "";
  }

  /** @param {any} over */
  update(over) {
    const shown = JSON.stringify(over);
    if (shown === this.shown) return;
    this.shown = shown;
    this.el.hidden = !over;
    if (!over) return;
    const kinds = /** @type {Record<string, string>} */ (
      { run: "done", failed: "fail", rate_limit: "rate" });
    const key = (/** @type {string} */ kind) => kinds[kind] || kind;
    this.el.replaceChildren(
      ...over.problems.map((/** @type {string[]} */ [title, error, said]) =>
        h("div.problem", {}, h("span.s-failed", {}, glyph("failed")),
          h("div", {}, h("b", {}, title), error && h("pre", {}, error), h("p.sub", {}, said)))),
      ...(over.shares.length ? [h("div", {}, h("h4", {}, "Where the agents’ time went"),
        h("div.bar.shares", { "aria-hidden": "true" }, over.shares.map((/** @type {any} */ [kind, n]) =>
          h(`i.cell.k-${key(kind)}`, { style: `flex-grow:${n}` }))),
        h("p.legend", {}, over.shares.map((/** @type {any} */ [kind, n, text]) =>
          h("span", {}, h(`i.key.k-${key(kind)}`), `${n} % ${text}`))))] : []),
      h("div", {}, h("h4", {}, "Next"), h("pre.code", {}, over.next.join("\n"))),
    );
  }
}
