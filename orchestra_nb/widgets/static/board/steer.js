/* What can be said to the whole run: a note to the agents that have not started, another level. */

/**
 * What another level would change.
 * @typedef {object} LevelChange
 * @property {number} level
 * @property {string} name
 * @property {[string[], number]} out the first tasks it would leave out, and how many in all
 * @property {[string[], number]} back the same of those it would bring back
 */

class Steer {
  /**
   * @param {Context} context
   * @param {Popover} popover
   */
  constructor(context, popover) {
    this.context = context;
    this.popover = popover;
    /** @type {LevelChange[]} */
    this.levels = [];
    this.written = "";
    /** @type {(() => void) | null} */
    this.panel = null;
    this.button = button("Steer…", "", {
      title: "A note to the agents that have not started; another level",
      "aria-haspopup": "dialog", "aria-expanded": "false", onclick: () => this.toggle(),
    });
  }

  toggle() {
    if (this.popover.at(this.button)) this.popover.close();
    else this.open();
  }

  /** The picture changed. */
  update() {
    this.button.disabled = !this.context.live();
    this.panel?.();
  }

  open() {
    const note = this.note();
    const level = this.level();
    const box = h("div.steer", { role: "dialog", "aria-label": "Steer the run" }, note.el, level.el);
    this.panel = () => {
      note.update();
      level.update();
    };
    this.panel();
    this.popover.open(this.button, box, note.input, () => {
      this.written = note.input.value;
      this.panel = null;
    });
  }

  /** How many agents would still hear of it. */
  get waiting() {
    const { picture } = this.context;
    return picture.tasks.filter((i) => /^(pending|ready|human)$/.test(picture.rows[i].status) &&
      picture.rows[i].started === null).length;
  }

  note() {
    const id = uuid();
    const said = new Said();
    const who = h("p.sub");
    const input = h("input", {
      id, type: "text", maxLength: 2000, autocomplete: "off", value: this.written,
      placeholder: "in your own words",
    });
    let sending = false;
    const send = button("Send", "main", { onclick: () => go() });
    const update = () => {
      const n = this.waiting;
      write(who, n ? `Goes to ${n === 1 ? "the 1 agent that has" : `the ${n.toLocaleString("en")} agents that have`
      } not started.` : "All agents have started: nobody would read it.");
      send.disabled = sending || !n || !input.value.trim() || !this.context.live();
    };
    const go = () => {
      if (send.disabled) return;
      sending = true;
      update();
      said.wait();
      this.context.wire.command({ command: "note", text: input.value.trim() }, true, (reply) => {
        sending = false;
        if (reply.ok) {
          this.written = input.value = "";
          said.say("Sent.");
        } else {
          said.refuse(reply.text);
        }
        this.context.speak(reply.text || "Note sent.");
        update();
      });
    };
    input.addEventListener("input", () => {
      said.say("");
      update();
    });
    input.addEventListener("keydown", (/** @type {KeyboardEvent} */ e) => {
      if (e.key === "Enter" && !e.isComposing) go();
    });
    const el = h("div.steerpart", {}, h("label.poptitle", { htmlFor: id }, "Note to the agents"), who,
      h("div.sending", {}, input, send), said.el);
    return { el, input, update };
  }

  level() {
    const id = uuid();
    const said = new Said();
    const { picture } = this.context;
    const select = h("select", { id });
    const what = h("p.sub.what2");
    let sending = false;
    const change = button("Change level", "main", { onclick: () => go() });
    const update = () => {
      const now = picture.run.level;
      const wanted = Number(select.value) || now;
      const found = this.levels.find((one) => one.level === wanted);
      write(what, wanted === now ? "The run is at this level." : found ? changeText(found) : "");
      change.disabled = sending || wanted === now || !found || !this.context.live();
    };
    const fill = (/** @type {number} */ chosen) => {
      const now = picture.run.level;
      const known = this.levels.length ? this.levels
        : [{ level: now, name: picture.run.levelName }];
      select.replaceChildren(...known.map(({ level, name }) =>
        h("option", { value: String(level) }, `${level} · ${name}${level === now ? " (now)" : ""}`)));
      select.value = String(chosen);
      update();
    };
    const look = () => this.context.wire.look({ what: "levels" }, (answer) => {
      this.levels = answer.levels;
      fill(Number(select.value) || picture.run.level);
    });
    const go = () => {
      if (change.disabled) return;
      sending = true;
      update();
      said.wait();
      const level = Number(select.value);
      this.context.wire.command({ command: "level", level }, true, (reply) => {
        sending = false;
        if (reply.ok) said.say(`Level ${level} from here on.`);
        else said.refuse(reply.text);
        this.context.speak(reply.text || `Level ${level} from here on.`);
        look();
      });
    };
    select.addEventListener("change", () => {
      said.say("");
      update();
      look();
    });
    fill(picture.run.level);
    look();
    const el = h("div.steerpart", {}, h("label.poptitle", { htmlFor: id }, "Level"),
      h("div.sending", {}, select, change), what, said.el);
    return { el, update };
  }
}

/**
 * What another level would change, in a sentence or two.
 * @param {LevelChange} change
 */
function changeText({ out, back }) {
  const listed = (/** @type {[string[], number]} */ [names, all]) => {
    const more = all - names.length;
    return `${count(all, "task")}: ${names.join(", ")}${more ? ` and ${more.toLocaleString("en")} more` : ""}`;
  };
  const parts = [];
  if (out[1]) parts.push(`Leaves out ${listed(out)}.`);
  if (back[1]) parts.push(`Brings back ${listed(back)}.`);
  if (!parts.length) parts.push("Leaves out nothing; agents that have not started are told the new level.");
  return parts.join(" ");
}
