/* The board: parts in fixed order, drawn from the picture; data at most ten times a second, clocks four. */

const TICK_MS = 250;

class BoardView {
  /**
   * @param {any} model the widget's model
   * @param {HTMLElement} el where it is shown
   */
  constructor(model, el) {
    this.model = model;
    this.clock = new RunClock();
    this.wire = new Wire(model, this.clock);
    this.picture = new Picture();
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    this.spoken = h("div.sr", { "aria-live": "polite" });
    this.frame = 0;
    this.drawnAt = -Infinity;
    this.wasLive = /** @type {boolean | null} */ (null);
    this.seen = true;
    this.working = 0;
    /** @type {number[]} the tasks there are rows for */
    this.drawn = [];
    /** @type {Context} */
    this.context = {
      picture: this.picture, clock: this.clock, wire: this.wire,
      speak: (text) => write(this.spoken, text),
      live: () => this.isLive(),
      menu: /** @type {any} */ (null), // made with the board
    };
    this.root = h("div.onb", { "data-lm-suppress-shortcuts": "true" });
    // Other hosts bind keys too; what is pressed in here is meant for here.
    this.root.addEventListener("keydown", (/** @type {KeyboardEvent} */ e) => {
      if (!e.ctrlKey && !e.metaKey && !e.altKey) e.stopPropagation();
    });
    el.append(this.root);
    this.heard = (/** @type {any} */ message) => this.hear(message);
    // The trait is for views that come late: whoever hears the deltas knows better.
    this.given = () => { if (!this.wire.knows) this.take(model.get("snapshot")); };
    this.lost = () => { this.wire.closed = true; };
    model.on("msg:custom", this.heard);
    model.on("change:snapshot", this.given);
    model.on("comm:close", this.lost);
    this.unwatch = watchTheme(this.root, () => this.restyle());
    this.sized = new ResizeObserver(() => {
      this.agents?.fit();
      this.feed?.fit();
      this.draw(true);
    });
    this.sized.observe(this.root);
    this.sight = new IntersectionObserver((entries) => {
      this.seen = entries[entries.length - 1].isIntersecting;
    });
    this.sight.observe(this.root);
    this.woke = () => {
      if (document.visibilityState === "visible") this.wire.woke();
    };
    document.addEventListener("visibilitychange", this.woke);
    this.timer = setInterval(() => this.tick(), TICK_MS);
    this.given();
    this.wire.tick();
  }

  /** Whether a click would reach a run that is not over. */
  isLive() {
    return this.wire.met && this.wire.connected && !this.picture.ended;
  }

  /** Whether it is still too early to say that nobody is there. */
  get early() {
    return !this.wire.met && this.wire.connected;
  }

  /** @param {any} snapshot */
  take(snapshot) {
    if (!snapshot || !snapshot.run || snapshot.seq < this.picture.seq) return;
    if (this.picture.load(snapshot) || !this.figures) this.build();
    if (!this.wire.met || this.picture.ended) {
      this.clock.freeze(this.picture.ended ? this.picture.totals.ended : snapshot.now);
    }
    this.show();
  }

  build() {
    const { context } = this;
    this.dock?.end();
    this.notifier?.end();
    this.popover?.close(false);
    this.popover = new Popover();
    this.menu = context.menu = new RowMenu(context, this.popover);
    this.steer = new Steer(context, this.popover);
    this.notifier = new Notifier(context, (id) => this.goTo(id));
    this.head = new Head(context, this.steer.button);
    this.attention = new Attention(context, () => this.dock?.focus(), this.notifier.el);
    this.figures = new Figures(context);
    this.over = new Over();
    this.phases = new Phases(context);
    this.feed = new Feed(context);
    this.agents = this.tasks();
    this.dock = new Dock(context);
    const rehearsal = this.picture.run.rehearsal === null ? "" : ".rehearsal";
    this.board = h(`div.board${rehearsal}`,
      { role: "region", "aria-label": `Orchestration: ${this.picture.run.title}` },
      this.head.el, this.attention.el, this.figures.el, this.over.el,
      h("div.two-col", {}, this.phases.el, this.feed.el), this.agents.el, this.dock.el, this.spoken,
      this.popover.el);
    this.popover.ground = this.board;
    this.root.replaceChildren(this.board);
    this.agents.fit();
  }

  /**
   * One row a task where they are few, else lanes by slot.
   * @returns {Agents | Stream}
   */
  tasks() {
    this.drawn = this.picture.tasks;
    return this.drawn.length > MOST_ROWS ? new Stream(this.context) : new Agents(this.context);
  }

  /** The plan may have other tasks than there are rows for. */
  grow() {
    const before = this.agents;
    if (!before || this.drawn === this.picture.tasks) return;
    if (before instanceof Agents && this.picture.tasks.length <= MOST_ROWS) {
      this.drawn = this.picture.tasks;
      before.grow();
    } else if (before instanceof Agents || this.picture.tasks.length <= MOST_ROWS) {
      this.agents = this.tasks();
      before.el.replaceWith(this.agents.el);
      this.agents.fit();
    }
  }

  /**
   * To a decision's card, from a notification.
   * @param {string} id
   */
  goTo(id) {
    this.dock?.select(id);
    this.dock?.focus();
  }

  /** @param {any} message */
  hear(message) {
    if (!message || typeof message !== "object") return;
    this.wire.heard(message);
    switch (message.type) {
      case "snapshot":
        this.wire.knows = true;
        this.take(message.snapshot);
        this.clock.heard(message.snapshot.now);
        if (!this.picture.ended) this.clock.thaw();
        break;
      case "delta":
        if (!this.wire.knows) break;
        if (this.picture.apply(message)) this.show();
        else this.wire.hello();
        break;
      case "told":
        this.wire.answered(message);
        break;
      case "reply":
        if (!this.wire.answered(message)) this.dock?.reply(message);
        break;
      default:
        if (this.wire.knows && !this.picture.ended) this.clock.thaw();
    }
  }

  /** Everything that depends on what is known. */
  show() {
    if (!this.figures) return;
    this.grow();
    if (this.picture.ended) this.clock.freeze(this.picture.totals.ended);
    // Before anything has started there is nothing to see but the questions.
    this.board.classList.toggle("asking", this.picture.form !== null);
    this.head?.update();
    this.feed?.update();
    this.over?.update(this.picture.over);
    this.dock?.update();
    this.menu?.update();
    this.steer?.update();
    this.notifier?.update();
    if (this.picture.ended) this.popover?.close(false);
    this.pulse();
    this.draw(false);
  }

  /** Everything that depends on the time. */
  pulse() {
    const now = this.clock.now();
    const { all, phases } = this.picture.tally(now);
    const busy = (all.running || 0) + (all.stalled || 0) + (all.rate || 0) + (all.budget || 0);
    // Who waits for room in a budget keeps its slot, but does not go on.
    this.working = busy - (all.budget || 0);
    this.attention?.update(now, busy);
    this.figures?.update(now, all);
    this.phases?.update(phases);
    this.agents?.update(now, busy, all);
    this.dock?.tick(now, this.working);
  }

  tick() {
    this.wire.tick();
    if (!this.figures) return;
    const live = this.isLive() || this.early;
    if (live !== this.wasLive) {
      this.wasLive = live;
      if (!live) this.clock.freeze(this.clock.now());
      this.root.classList.toggle("still", !live);
      this.show();
    }
    this.notifier?.look(this.clock.now());
    if (document.visibilityState === "hidden") {
      this.dock?.tick(this.clock.now(), this.working);
      return;
    }
    this.pulse();
    this.draw(false);
  }

  restyle() {
    this.agents?.strip.forget();
    this.draw(true);
  }

  /**
   * Draw the strip in the next frame, four times a second at most (once with reduced motion).
   * @param {boolean} now whether it can't wait
   */
  draw(now) {
    const since = performance.now() - this.drawnAt;
    const pause = this.calm.matches ? 990 : TICK_MS - 10;
    if (this.frame || (!now && (since < pause || !this.seen))) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.drawnAt = performance.now();
      this.agents?.draw(this.clock.now());
    });
  }

  end() {
    clearInterval(this.timer);
    cancelAnimationFrame(this.frame);
    this.unwatch();
    this.sized.disconnect();
    this.sight.disconnect();
    this.dock?.end();
    this.notifier?.end();
    this.popover?.close(false);
    document.removeEventListener("visibilitychange", this.woke);
    this.model.off("msg:custom", this.heard);
    this.model.off("change:snapshot", this.given);
    this.model.off("comm:close", this.lost);
    this.root.remove();
  }
}
