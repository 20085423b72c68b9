/* Undo on a decision's record: a fork of the run with another option. It stays as it is while records
   are drawn anew around it. */

class Undo {
  /**
   * @param {any} d a decision that is over
   * @param {Wire} wire
   * @param {(text: string) => void} speak
   */
  constructor(d, wire, speak) {
    this.wire = wire;
    this.speak = speak;
    this.id = d.id;
    this.chosen = "";
    this.sending = false;
    /** @type {[string, string][]} */
    this.others = d.options.filter((/** @type {string[]} */ o) => o[0] !== d.outcome.option)
      .map((/** @type {string[]} */ o) => [o[0], o[1]]);
    this.start = button("Undo: fork from here", "link", { onclick: () => this.open(true),
      title: "Starts another run with another option; this one goes on" });
    this.go = button("Fork", "main", { disabled: true, onclick: () => this.confirm() });
    this.said = h("p.sub.saidso", { role: "status" });
    const name = `undo-${uuid()}`;
    this.form = h("div.undoform", { hidden: true, role: "radiogroup",
      "aria-label": `Fork from ${d.title} with` },
    this.others.map(([key, text]) => h("label.pill", {}, h("input", { type: "radio", name, value: key,
      onchange: () => this.choose(key, text) }), `${key} · ${text}`)),
    h("div.undogo", {}, this.go, button("Cancel", "", { onclick: () => this.open(false) })));
    this.el = h("div.undo", { hidden: true }, this.start, this.form, this.said);
    this.el.addEventListener("keydown", (/** @type {KeyboardEvent} */ e) => {
      if (e.key === "Escape" && !this.form.hidden) this.open(false);
    });
  }

  /** @param {boolean} on */
  open(on) {
    if (this.sending) return;
    this.form.hidden = !on;
    this.start.hidden = on;
    if (on) this.form.querySelector("input")?.focus({ preventScroll: true });
    else this.start.focus({ preventScroll: true });
  }

  /**
   * A saved view has none, and one that lost its kernel none that could fork.
   * @param {boolean} met whether a kernel has ever been heard of
   * @param {boolean} on whether it is there now
   */
  reach(met, on) {
    this.el.hidden = !met;
    if (this.start.disabled === !on) return;
    this.start.disabled = !on;
    this.go.disabled = !on || this.sending || !this.chosen;
  }

  /**
   * @param {string} key
   * @param {string} text
   */
  choose(key, text) {
    this.chosen = key;
    this.go.disabled = this.sending || this.start.disabled;
    tell(this.go, `Fork with ${key} · ${text}`);
  }

  /** Once, however often it is clicked: until the reply is there nothing more is sent. */
  confirm() {
    if (this.sending || !this.chosen) return;
    this.sending = this.go.disabled = true;
    write(this.said, "Forking…");
    this.wire.command({ command: "fork", decision: this.id, option: this.chosen }, true, (reply) => {
      this.sending = false;
      this.go.disabled = false;
      write(this.said, reply.text);
      this.said.classList.toggle("late", !reply.ok);
      this.speak(reply.text);
      if (reply.ok) this.open(false);
    });
  }
}
