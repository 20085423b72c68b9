/* What can be done with a task by hand: a quiet button in its row, a menu of what is possible now, and
   an editor for its text. The kernel has the last word; its refusal is said where the click was. */

/**
 * @typedef {object} MenuItem
 * @property {string} mark what of a row's marks makes it possible
 * @property {HTMLButtonElement} el
 */

class RowMenu {
  /**
   * @param {Context} context
   * @param {Popover} popover
   */
  constructor(context, popover) {
    this.context = context;
    this.popover = popover;
    /** @type {number} the task whose menu or editor is open; -1: none */
    this.row = -1;
    /** @type {MenuItem[]} */
    this.items = [];
    this.said = new Said();
    /** @type {Map<number, string>} texts that were begun and not saved */
    this.begun = new Map();
    this.editor = /** @type {Editor | null} */ (null);
  }

  /** @param {number} i */
  task(i) {
    const { picture } = this.context;
    return { name: picture.nodes.name[i], row: picture.rows[i] };
  }

  /**
   * Whether there is anything that can be done with a task.
   * @param {number} i
   */
  offers(i) {
    return this.context.live() && /[swrnt]/.test(this.context.picture.rows[i].marks);
  }

  /**
   * The button of a row; which task it is about may change with each update.
   * @param {() => number} task
   * @returns {HTMLButtonElement}
   */
  button(task) {
    const el = h("button.act", {
      type: "button", tabIndex: -1, hidden: true, "aria-haspopup": "menu", "aria-expanded": "false",
    }, glyph("more"));
    el.addEventListener("click", () => this.toggle(task(), el));
    return el;
  }

  /**
   * @param {number} i
   * @param {HTMLElement} anchor the row's button
   */
  toggle(i, anchor) {
    if (this.popover.at(anchor)) this.popover.close();
    else this.open(i, anchor);
  }

  /**
   * @param {number} i
   * @param {HTMLElement} anchor
   */
  open(i, anchor) {
    const { name, row } = this.task(i);
    this.items = [];
    this.said = new Said();
    const item = (/** @type {string} */ mark, /** @type {string} */ shape, /** @type {string} */ label,
      /** @type {string} */ small, /** @type {() => void} */ act) => {
      if (!row.marks.includes(mark)) return;
      const el = h("button.menuitem", { type: "button", role: "menuitem", tabIndex: -1, onclick: act },
        glyph(shape), h("span", {}, label, small && h("small", {}, small)));
      this.items.push({ mark, el });
    };
    const failed = row.status === "failed";
    item("s", "skipped", "Skip", "What waits for it goes on without it",
      () => this.send({ command: "skip" }));
    item("r", "retry", "Retry", failed ? "With what was skipped because of it" : "It is done after all",
      () => this.send({ command: "retry" }));
    item("n", "retry", "Try now", "Without waiting for the next try",
      () => this.send({ command: "retry" }));
    item("w", "edit", "Edit text…", "What its agent is asked to do", () => this.edit(i, anchor));
    item("t", "up", "Good result", "", () => this.rate(true));
    item("t", "down", "Poor result", "", () => this.rate(false));
    for (const [n, good] of [[0, "u"], [1, "d"]]) {
      if (!row.marks.includes("t")) break;
      const { el } = this.items[Number(n)];
      attr(el, "role", "menuitemradio");
      attr(el, "aria-checked", String(row.marks.includes(String(good))));
    }
    const title = h("p.poptitle", { title: name, tabIndex: -1 }, name);
    const menu = h("div", { role: "menu", "aria-label": name }, this.items.map((one) => one.el));
    menu.addEventListener("keydown", (/** @type {KeyboardEvent} */ e) => this.key(e));
    if (!this.items.length) this.said.refuse("Nothing of it can be changed while it runs.");
    const box = h("div.menu", {}, title, this.items.length > 0 && menu, this.said.el);
    this.popover.open(anchor, box, this.items[0]?.el || title, () => { this.row = -1; });
    this.row = i;
  }

  /** @param {KeyboardEvent} e */
  key(e) {
    const able = this.items.map((one) => one.el).filter((el) => !el.disabled);
    const at = able.indexOf(/** @type {any} */ (e.target));
    const to = {
      ArrowDown: (at + 1) % able.length, ArrowUp: (at - 1 + able.length) % able.length,
      Home: 0, End: able.length - 1,
    }[e.key];
    if (to !== undefined) {
      e.preventDefault();
      able[to]?.focus();
    } else if (e.key === "Tab") {
      this.popover.close();
    }
  }

  /** @param {any} body */
  send(body) {
    const i = this.row;
    const { name } = this.task(i);
    for (const { el } of this.items) el.disabled = true;
    this.said.wait();
    this.popover.place();
    const { said } = this;
    this.context.wire.command({ ...body, task: name, row: i }, true, (reply) => {
      this.came(reply, said, `${name}: ${DONE_WORDS[body.command]}.`);
    });
  }

  /**
   * What came of a command: the box closes, or says why not.
   * @param {any} reply
   * @param {Said} said the line of the box it was sent from
   * @param {string} done
   */
  came(reply, said, done) {
    const here = this.row >= 0 && said === (this.editor ? this.editor.said : this.said);
    this.context.speak(reply.text || done);
    if (!here) return;
    if (reply.ok) {
      this.popover.close();
      return;
    }
    said.refuse(reply.text);
    this.update();
    this.popover.place();
  }

  /** @param {boolean} good */
  rate(good) {
    this.send({ command: "rate", good });
  }

  /**
   * @param {number} i
   * @param {HTMLElement} anchor
   */
  edit(i, anchor) {
    const { name } = this.task(i);
    const editor = new Editor(name, this.begun.get(i), {
      save: (text) => {
        editor.said.wait();
        this.context.wire.command({ command: "edit", task: name, row: i, text }, true, (reply) => {
          if (reply.ok) this.begun.delete(i);
          editor.sending = false;
          editor.face();
          this.came(reply, editor.said, `${name}: text changed.`);
        });
      },
      cancel: () => {
        editor.kept = false;
        this.popover.close();
      },
    });
    this.popover.open(anchor, editor.el, editor.field, () => {
      // Esc and a click elsewhere lose nothing: the words are there when it is opened again.
      if (editor.kept && editor.changed) this.begun.set(i, editor.field.value);
      else this.begun.delete(i);
      this.row = -1;
      this.editor = null;
    });
    this.row = i;
    this.items = [];
    this.editor = editor;
    this.context.wire.look({ what: "text", row: i }, (answer) => {
      editor.given(answer);
      if (this.editor === editor) this.popover.place();
    });
  }

  /** The picture changed: what is no longer possible can't be clicked any more; nothing moves. */
  update() {
    if (this.row < 0) return;
    const { marks } = this.context.picture.rows[this.row];
    const live = this.context.live();
    for (const { el, mark } of this.items) el.disabled = !live || !marks.includes(mark);
    if (!this.editor) return;
    this.editor.late = !marks.includes("w");
    this.editor.face();
  }
}

/** @type {Record<string, string>} */
const DONE_WORDS = { skip: "skipped", retry: "is tried again", rate: "rated" };

/** Another text for a task that has not started. */
class Editor {
  /**
   * @param {string} name of the task
   * @param {string | undefined} begun what was written before and not saved
   * @param {{ save: (text: string) => void, cancel: () => void }} acts
   */
  constructor(name, begun, acts) {
    const id = uuid();
    this.begun = begun;
    /** @type {string | null} the text as it is; null until it is known */
    this.was = null;
    this.kept = true;
    this.late = false;
    this.sending = false;
    this.said = new Said();
    this.field = h("textarea", {
      id, rows: 7, maxLength: 10_000, readOnly: true, placeholder: "Fetching the text…",
    });
    this.save = button("Save", "main", {
      onclick: () => {
        this.sending = true;
        this.face();
        acts.save(this.field.value);
      },
    });
    this.el = h("div.editor", { role: "dialog", "aria-label": `Edit the text of ${name}` },
      h("label.poptitle", { htmlFor: id, title: name }, `Text of ${name}`), this.field, this.said.el,
      h("div.actions", {}, this.save, button("Cancel", "", { onclick: acts.cancel })));
    this.field.addEventListener("input", () => {
      this.said.say("");
      this.face();
    });
    this.face();
  }

  get changed() {
    return this.was !== null && this.field.value !== this.was;
  }

  /** @param {any} answer the kernel's: the text, or why it can't be shown */
  given(answer) {
    this.was = answer.text;
    this.field.value = this.begun ?? answer.text;
    this.field.readOnly = false;
    attr(this.field, "placeholder", "");
    if (answer.note) this.said.say(answer.note);
    else if (this.begun !== undefined) this.said.say("As you left it; not saved yet.");
    this.face();
  }

  face() {
    if (this.late && !this.sending) {
      this.said.refuse("This task has started: its text can’t be changed any more.");
    }
    const words = this.field.value.trim();
    this.save.disabled = this.late || this.sending || !words || !this.changed;
  }
}

/** Arrow keys go from button to button of a list; one of them is in the tab order. */
class Roving {
  /**
   * @param {HTMLElement} list
   * @param {() => HTMLButtonElement[]} buttons in their order
   * @param {(step: number) => boolean} [scroll] brings the next row into sight where it is not
   */
  constructor(list, buttons, scroll = () => false) {
    this.buttons = buttons;
    this.scroll = scroll;
    /** @type {HTMLButtonElement | null} */
    this.current = null;
    list.addEventListener("keydown", (/** @type {KeyboardEvent} */ e) => this.key(e));
    list.addEventListener("focusin", (/** @type {Event} */ e) => {
      const target = /** @type {any} */ (e.target);
      if (this.buttons().includes(target)) this.settle(target);
    });
  }

  /** @param {HTMLButtonElement | null} [wanted] */
  settle(wanted = this.current) {
    const all = this.buttons();
    const able = all.filter((one) => !one.hidden);
    this.current = wanted && able.includes(wanted) ? wanted : able[0] || null;
    for (const one of all) {
      const index = one === this.current ? 0 : -1;
      if (one.tabIndex !== index) one.tabIndex = index;
    }
  }

  /** @param {KeyboardEvent} e */
  key(e) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (!step || e.target !== this.current) return;
    e.preventDefault();
    const all = this.buttons().filter((one) => !one.hidden);
    const at = all.indexOf(/** @type {any} */ (e.target));
    if (this.scroll(step)) this.settle();
    else all[at + step]?.focus();
  }
}
