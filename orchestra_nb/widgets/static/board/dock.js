/* The dock: open cards, from two on beside a list of them; below, what was decided. A card never moves
   in the page while it is open, so that neither focus nor unsent text is lost. */

const MOST_RECORDS = 12;
const LINGER_MS = 1500;

class Dock {
  /** @param {Context} context */
  constructor(context) {
    this.context = context;
    /** @type {Map<string, Card>} */
    this.cards = new Map();
    /** @type {Map<string, { el: HTMLElement, over: boolean }>} records that still stand where their
        card stood; those that are over give way as soon as there is a next card */
    this.lingering = new Map();
    /** @type {Map<string, string>} what late clicks were told, by decision */
    this.late = new Map();
    /** @type {Map<string, Undo>} */
    this.undos = new Map();
    /** @type {Map<string, { el: any, glyph: any, title: any, who: any, left: any }>} */
    this.items = new Map();
    /** @type {string[]} order of the list */
    this.order = [];
    this.selected = "";
    this.started = false;
    this.records = h("div.records");
    this.recordsShown = "";
    this.all = button("Wait for me", "", { onclick: () => this.holdAll() });
    this.nextTitle = h("span.cut");
    this.nextTime = h("span.bt");
    this.next = h("div.after", { hidden: true }, h("button.btn",
      { type: "button", onclick: () => [...this.lingering.keys()].forEach((id) => this.giveWay(id)) },
      this.nextTitle, this.nextTime));
    this.title = h("h4");
    this.headline = h("div.inboxhead", { hidden: true }, this.title, this.all);
    this.list = h("div.list", { role: "listbox", tabIndex: 0, hidden: true,
      "aria-label": "Open decisions, soonest first" });
    this.pane = h("div.pane");
    this.split = h("div.split", {}, this.list, this.pane);
    this.inbox = h("div.inbox", {}, this.headline, this.split);
    this.el = h("section.dock", { "aria-label": "Decisions" }, this.inbox, this.records);
    this.list.addEventListener("keydown", (/** @type {KeyboardEvent} */ e) => this.key(e));
    this.pane.addEventListener("keydown", (/** @type {KeyboardEvent} */ e) => {
      if (e.key === "Escape" && !this.list.hidden) this.list.focus({ preventScroll: true });
    });
    this.list.addEventListener("click", (/** @type {any} */ e) => {
      const item = e.target.closest("[data-id]");
      if (item) this.select(item.dataset.id);
    });
    this.observer = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        for (const card of this.cards.values()) {
          if (card.el === entry.target) card.presence.inView = entry.isIntersecting;
        }
      }
    }, { threshold: 0.35 });
  }

  /** The picture changed: cards for what is open, records for what is over. */
  update() {
    const { picture, speak, wire } = this.context;
    /** @type {any[]} decisions that have just opened */
    const fresh = [];
    if (picture.ended && this.cards.size) for (const id of [...this.cards.keys()]) this.drop(id);
    for (const d of picture.decisions.values()) {
      const card = this.cards.get(d.id);
      const open = !d.outcome && !d.withdrawn && !picture.ended;
      if (open && card) {
        card.update(d);
      } else if (open) {
        const made = cardFor(d, this.context);
        this.cards.set(d.id, made);
        made.el.hidden = true;
        this.pane.append(made.el);
        this.observer.observe(made.el);
        if (this.started) fresh.push(d);
      } else if (card) {
        if (this.started && d.outcome) speak(outcomeText(d));
        this.close(d, card);
        for (const [id, entry] of wire.unacked) {
          if (entry.body.decision === d.id && entry.body.command !== "answer") wire.unacked.delete(id);
        }
      }
    }
    this.started = true;
    if (fresh.length === 1) speak(announcement(fresh[0]));
    if (fresh.length > 1) speak(`${fresh.length} new decisions, ${picture.open()[0]?.title} first.`);
    this.arrange();
    this.fillRecords();
  }

  /** @param {string} id */
  drop(id) {
    const card = this.cards.get(id);
    if (!card) return;
    this.observer.unobserve(card.el);
    card.el.remove();
    this.cards.delete(id);
  }

  /**
   * A record stands where the card stood until the pointer has left, but for a moment only when there
   * is a next card: its clock runs. The pane stays as high while the pointer is in it.
   * @param {any} d
   * @param {Card} card
   */
  close(d, card) {
    const had = !card.el.hidden && card.el.matches(":hover, :focus-within");
    const focused = card.el.matches(":focus-within");
    const height = card.el.offsetHeight;
    this.drop(d.id);
    // Whoever works through the list by keys goes on from it.
    if (focused && !this.list.hidden) this.list.focus({ preventScroll: true });
    // The run takes the place of its form: there is more to see now than a record.
    if (!had || d.purpose === "form") return;
    const el = this.record(d);
    el.style.minHeight = this.pane.style.minHeight = `${height}px`;
    // Whoever goes on from it wants no room for what is gone.
    el.querySelector(".undo")?.addEventListener("click", () => {
      if (this.next.hidden) el.style.minHeight = this.pane.style.minHeight = "";
    });
    const lingers = { el, over: false };
    this.lingering.set(d.id, lingers);
    this.pane.prepend(el);
    el.addEventListener("pointerleave", () => this.giveWay(d.id), { once: true });
    setTimeout(() => {
      lingers.over = true;
      if (el.isConnected) this.arrange();
    }, LINGER_MS);
  }

  /** @param {string} id of a decision whose record stands in the pane */
  giveWay(id) {
    this.lingering.get(id)?.el.remove();
    if (!this.lingering.delete(id)) return;
    this.arrange();
    this.fillRecords();
  }

  /** Which card is shown, and whether there is a list. */
  arrange() {
    const open = this.context.picture.open().filter((d) => this.cards.has(d.id));
    for (const [id, { el, over }] of [...this.lingering]) {
      // With nothing to give way to it may stay; decided by key, no pointer is there to leave.
      if (over && (open.length || !el.matches(":hover"))) return this.giveWay(id);
    }
    const many = open.length > 1;
    const listed = !this.list.hidden;
    // Nothing moves under a pointer or while somebody types: the layout changes when they have left.
    if (many !== listed && !this.busy()) {
      this.list.hidden = this.headline.hidden = !many;
      this.split.classList.toggle("listed", many);
    }
    this.fillList(open);
    if (!this.cards.has(this.selected) && !this.lingering.size) this.selected = open[0]?.id || "";
    for (const [id, card] of this.cards) {
      const show = id === this.selected && !this.lingering.size;
      if (card.el.hidden !== show) continue;
      card.el.hidden = !show;
      if (show && this.pointed()) card.shield();
    }
    // A record that lingers hides the next card, so that a double click can't confirm that one too.
    const last = [...this.lingering.values()].pop();
    if (last && this.next.parentNode !== last.el) last.el.append(this.next);
    this.next.hidden = !open.length;
    if (last) this.nameNext(this.context.clock.now());
    for (const [id, item] of this.items) attr(item.el, "aria-selected", String(id === this.selected));
    attr(this.list, "aria-activedescendant", this.items.get(this.selected)?.el.id || null);
    this.inbox.hidden = !this.cards.size && !this.lingering.size;
    this.settle();
    write(this.title, `${count(open.length, "open decision")}, soonest first`);
    write(this.all, open.length > 1 ? `Wait for me: all ${open.length}` : "Wait for me");
  }

  /** The pane is as high as what is in it again once the pointer has left. */
  settle() {
    if (!this.lingering.size && (this.inbox.hidden || !this.pane.matches(":hover"))) {
      this.pane.style.minHeight = "";
    }
  }

  /** Whether the pointer is on the board, but not where cards are chosen. */
  pointed() {
    return this.started && !this.list.matches(":hover") && this.el.closest(".onb:hover") !== null;
  }

  /** What comes after the record that lingers, by name and with its time. */
  nameNext(/** @type {number} */ now) {
    const d = this.context.picture.open().find((one) => this.cards.has(one.id));
    if (!d) return;
    const state = clockState(d, now);
    tell(this.nextTitle, `Next: ${d.title}`);
    write(this.nextTime, state.left === null ? "" : ` · ${state.time}`);
  }

  /** Whether pointer or focus is in the open card. */
  busy() {
    return this.pane.matches(":focus-within, :hover") && this.cards.size > 0;
  }

  /** @param {any[]} open soonest first */
  fillList(open) {
    const ids = open.map((d) => d.id);
    if (!this.list.matches(":hover, :focus-within")) {
      this.order = ids;
    } else {
      this.order = [...this.order.filter((id) => ids.includes(id)),
        ...ids.filter((id) => !this.order.includes(id))];
    }
    for (const [id, item] of this.items) {
      if (!ids.includes(id)) {
        item.el.remove();
        this.items.delete(id);
      }
    }
    this.order.forEach((id, n) => {
      const d = this.context.picture.decisions.get(id);
      let item = this.items.get(id);
      if (!item) {
        item = { el: null, glyph: glyph("open"), title: h("b"), who: h("small"), left: h("span.num") };
        item.el = h("div.item", { role: "option", id: `${this.cards.get(id)?.name}i` },
          h("span.s-open", {}, item.glyph), h("span.two", {}, item.title, item.who), item.left);
        item.el.dataset.id = id;
        this.items.set(id, item);
      }
      drawGlyph(item.glyph, d.held === "hold" ? "human" : "open");
      tell(item.title, d.title);
      const kind = d.why.split(" · ").pop(); // its category, where it has one
      const who = d.asker || this.context.picture.nodes.name[d.about] || "";
      tell(item.who, [who, kind].filter(Boolean).join(" · "));
      if (this.list.children[n] !== item.el) this.list.insertBefore(item.el, this.list.children[n]);
    });
  }

  /** @param {any} d a decision that is over */
  record(d) {
    if (d.undo && d.outcome && !this.undos.has(d.id)) {
      this.undos.set(d.id, new Undo(d, this.context.wire, this.context.speak));
    }
    return record(d, this.late.get(d.id) || "", this.undos.get(d.id)?.el || null);
  }

  fillRecords() {
    const over = [...this.context.picture.decisions.values()]
      .filter((d) => !this.cards.has(d.id) && !this.lingering.has(d.id)).reverse();
    const shown = JSON.stringify([over.map((d) => [d.id, d.outcome, d.withdrawn]), [...this.late]]);
    if (shown === this.recordsShown) return;
    this.recordsShown = shown;
    const records = over.slice(0, MOST_RECORDS).map((d) => this.record(d));
    if (over.length > MOST_RECORDS) {
      const more = count(over.length - MOST_RECORDS, "earlier decision");
      records.push(h("p.record.sub", {}, h("span"), `and ${more}`));
    }
    this.records.replaceChildren(...records);
  }

  /**
   * @param {number} now
   * @param {number} busy
   */
  tick(now, busy) {
    const { met, connected } = this.context.wire;
    for (const undo of this.undos.values()) undo.reach(met, connected);
    for (const card of this.cards.values()) {
      if (!card.el.hidden) card.tick(now, busy);
      else card.presence.count(clockState(card.d, now));
    }
    for (const [id, item] of this.items) {
      const d = this.context.picture.decisions.get(id);
      const state = clockState(d, now);
      write(item.left, state.kind === "held" ? "held" : state.left === null ? "–" : state.time);
      item.left.classList.toggle("soon", state.left !== null && state.left <= 60);
      const card = this.cards.get(id);
      if (card?.el.hidden) card.warn(state);
    }
    if (this.lingering.size) this.nameNext(now);
    this.settle();
    if (this.cards.size > 1 !== !this.list.hidden) this.arrange();
  }

  /**
   * @param {any} reply
   */
  reply(reply) {
    // Replies go to every view; this one only shows those to its own commands.
    const asked = this.context.wire.asked.get(reply.id);
    if (!asked) return;
    const card = this.cards.get(reply.decision);
    const answer = asked.command === "answer";
    // The card goes with the next delta; its record says it then.
    if (answer && reply.late) this.late.set(reply.decision, reply.text);
    if ((card && card.replied(reply)) || reply.ok) return;
    if (!answer) {
      this.context.speak(reply.text);
      return;
    }
    this.late.set(reply.decision, reply.text);
    const el = this.lingering.get(reply.decision)?.el;
    if (el) el.children[1]?.append(/** @type {Node} */ (lateLine(reply.text)));
    this.fillRecords();
    this.context.speak(reply.text);
  }

  /** @param {string} id */
  select(id) {
    this.selected = id;
    this.arrange();
  }

  /** @param {KeyboardEvent} e */
  key(e) {
    const last = this.order.length - 1;
    const at = this.order.indexOf(this.selected);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: last }[e.key];
    if (to !== undefined) {
      e.preventDefault();
      this.select(this.order[Math.min(last, Math.max(0, to))]);
      this.items.get(this.selected)?.el.scrollIntoView({ block: "nearest" });
    } else if (e.key === "Enter") {
      e.preventDefault();
      if (!e.repeat) this.focus();
    }
  }

  /** Into the shown card: the chosen option, or the first. */
  focus() {
    const card = this.cards.get(this.selected);
    if (!card) return;
    card.el.scrollIntoView({ block: "nearest" });
    card.first().focus({ preventScroll: true });
  }

  holdAll() {
    for (const card of this.cards.values()) {
      if (card.d.held !== "hold" && (card.d.deadline !== null || card.d.held)) {
        card.command({ command: "hold", on: true });
      }
    }
  }

  end() {
    this.observer.disconnect();
  }
}

/** @param {any} d */
function announcement(d) {
  const then = d.timeout === null || d.recommend === null ? "No clock."
    : `${spokenText(d.timeout)}, then ${d.purpose === "form" ? "the run starts" : d.recommend}.`;
  const kind = /** @type {Record<string, string>} */ ({ approval: "Approval", review: "Review" });
  const title = `${kind[d.purpose] || "Decision"}: ${d.title.replace(/^Review: /, "")}`;
  return `${title}${/[.?!]$/.test(title) ? "" : "."} ${then}`;
}

/**
 * An outcome as it is spoken: the option's letter is known to who is asked, words of one's own and
 * what became of a call or a result are not.
 * @param {any} d
 */
function outcomeText(d) {
  const { option, chosen } = d.outcome;
  const plain = !/^(form|approval|review)$/.test(d.purpose) &&
    d.options.some((/** @type {string[]} */ o) => o[0] === option);
  return `${d.title}: ${plain ? option : chosen}, ${byText(d.outcome)}.`;
}

/** @param {any} outcome */
function byText(outcome) {
  return /** @type {Record<string, string>} */ ({
    user: "by you", timeout: "by timeout", remote: "from elsewhere", policy: "by policy",
    autopilot: "by autopilot", budget: "by the budget", agent: "by the agent",
  })[outcome.by] || "decided";
}
