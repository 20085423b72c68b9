/* A browser notification for a decision nobody can see: only in a hidden tab, once for each, and only
   after somebody asked for it. */

const NOTIFY_KEY = "orchestra-nb.notify";
const NOTIFY_NO = "no";

/** Decisions of this page that were told of, by run and id: several views may show one run. */
const NOTIFIED = new Set();

class Notifier {
  /**
   * @param {Context} context
   * @param {(id: string) => void} show brings a decision's card into sight
   */
  constructor(context, show) {
    this.context = context;
    this.show = show;
    /** @type {Map<string, Notification>} */
    this.open = new Map();
    /** @type {Set<string>} decisions that were open before */
    this.known = new Set();
    this.ask = button("Notify me", "link", {
      title: "A notification when a decision opens while this tab is hidden",
      onclick: () => this.request(),
    });
    this.no = h("button.btn.icon", { type: "button", "aria-label": "Don’t offer notifications",
      title: "Don’t offer this again", onclick: () => this.dismiss() }, glyph("close"));
    this.el = h("span.notify", { hidden: true }, this.ask, this.no);
  }

  /** Whether the button stands there: nobody has said yes or no yet. */
  get undecided() {
    if (typeof Notification === "undefined" || Notification.permission !== "default") return false;
    try {
      return localStorage.getItem(NOTIFY_KEY) !== NOTIFY_NO;
    } catch {
      return false; // a page that may remember nothing would ask each time
    }
  }

  /** The picture changed. */
  update() {
    const { picture, live } = this.context;
    this.el.hidden = picture.ended || !live() || !this.undecided;
    for (const [id, one] of this.open) {
      const d = picture.decisions.get(id);
      if (d && !d.outcome && !d.withdrawn && !picture.ended) continue;
      one.close();
      this.open.delete(id);
    }
  }

  /** Asked for once: whatever the browser's own question came to, it is not put again. */
  request() {
    this.dismiss();
    Promise.resolve(Notification.requestPermission()).catch(() => {});
  }

  dismiss() {
    try {
      localStorage.setItem(NOTIFY_KEY, NOTIFY_NO);
    } catch { /* then it is only gone for now */ }
    this.el.hidden = true;
  }

  /**
   * Tell of what opened while nobody could see it, and of last minutes.
   * @param {number} now the run's t
   */
  look(now) {
    for (const d of this.context.picture.open()) {
      const state = clockState(d, now);
      const fresh = !this.known.has(d.id);
      this.known.add(d.id);
      if (fresh || /^warn/.test(state.kind)) this.tell(d, noticeText(d, state));
    }
  }

  /**
   * @param {any} d
   * @param {string} words what will happen
   */
  tell(d, words) {
    const { run } = this.context.picture;
    const key = `${run.id} ${d.id}`;
    if (document.visibilityState !== "hidden" || NOTIFIED.has(key) || !this.context.live()) return;
    if (typeof Notification === "undefined" || Notification.permission !== "granted") return;
    NOTIFIED.add(key);
    try {
      // The same tag in another tab takes the place of this one: still one for each decision.
      const one = new Notification(d.title, { body: words, tag: `orchestra-nb ${key}` });
      one.onclick = () => {
        one.close();
        window.focus();
        this.show(d.id);
      };
      this.open.set(d.id, one);
    } catch { /* some browsers have them for installed pages only */ }
  }

  end() {
    for (const one of this.open.values()) one.close();
    this.open.clear();
  }
}

/**
 * What will happen, as a notification says it.
 * @param {any} d
 * @param {ClockState} state
 */
function noticeText(d, state) {
  if (d.deadline === null) return "Waits for you; nothing is taken by itself.";
  const name = d.options.find((/** @type {string[]} */ o) => o[0] === d.recommend)?.[1];
  const then = d.purpose === "form" || !name ? takenText(d) : `then ${d.recommend} · ${name} is taken`;
  return `${state.time} left, ${then}.`;
}
