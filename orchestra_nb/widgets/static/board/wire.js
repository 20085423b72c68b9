/* Messages to the kernel: each repeated until it is acknowledged. Never a trait (a trait click is lost
   while a cell runs). */

const FIRST_REPEAT_S = 1;
const NEXT_REPEAT_S = 2;
const SILENCE_S = 10;
const LOST_S = 35;

class Wire {
  /**
   * @param {{ send: (message: any) => void }} model
   * @param {RunClock} clock
   * @param {string} [client]
   */
  constructor(model, clock, client = uuid()) {
    this.model = model;
    this.clock = clock;
    this.client = client;
    /** @type {Map<string, { message: any, due: number, body: any }>} */
    this.unacked = new Map();
    /** @type {Map<string, any>} what this view asked for, so that it knows its own replies */
    this.asked = new Map();
    /** @type {Map<string, (answer: any) => void>} who waits for an answer, by the message's id */
    this.waiting = new Map();
    this.helloDue = 0;
    this.knows = false;
    this.heardAt = clock.source();
    this.pingAt = -Infinity;
    this.closed = false;
    this.met = false;
  }

  /** Whether the kernel has been heard of lately. */
  get connected() {
    return !this.closed && this.clock.source() - this.heardAt < (this.met ? LOST_S : 5);
  }

  /** A page that slept has heard nothing, which does not mean that nobody spoke. */
  woke() {
    this.heardAt = Math.max(this.heardAt, this.clock.source() - LOST_S + 5);
    this.clock.samples = 0;
  }

  /** Ask for the whole picture: at the start, and when a delta was missed. */
  hello() {
    this.knows = false;
    this.helloDue = 0;
    this.tick();
  }

  /**
   * @param {any} body a command, as commands.py reads it
   * @param {boolean} [repeat] whether it is repeated until acknowledged
   * @param {((reply: any) => void) | null} [then] hears what came of it
   * @returns {string} its id
   */
  command(body, repeat = true, then = null) {
    const id = uuid();
    const message = { type: "command", id, client: this.client, body };
    if (then) this.waiting.set(id, then);
    if (repeat) {
      this.asked.set(id, body);
      this.unacked.set(id, { message, due: this.clock.source() + FIRST_REPEAT_S, body });
    }
    this.send(message);
    return id;
  }

  /**
   * Ask for what is not in the picture; see lookups.py.
   * @param {any} wanted
   * @param {(answer: any) => void} then
   */
  look(wanted, then) {
    const id = uuid();
    const message = { type: "look", id, client: this.client, ...wanted };
    this.waiting.set(id, then);
    this.unacked.set(id, { message, due: this.clock.source() + FIRST_REPEAT_S, body: {} });
    this.send(message);
  }

  /**
   * Hand an answer to whoever waits for it.
   * @param {any} message
   * @returns {boolean} whether anybody did
   */
  answered(message) {
    const then = this.waiting.get(message.id);
    if (!then) return false;
    this.waiting.delete(message.id);
    this.unacked.delete(message.id);
    then(message);
    return true;
  }

  /** Everything that is due; called a few times a second. */
  tick() {
    const now = this.clock.source();
    if (this.closed) return;
    if (!this.knows && now >= this.helloDue) {
      this.helloDue = now + (this.helloDue ? NEXT_REPEAT_S : FIRST_REPEAT_S);
      this.send({ type: "hello", client: this.client });
    }
    for (const entry of this.unacked.values()) {
      if (now < entry.due) continue;
      entry.due = now + NEXT_REPEAT_S;
      this.send(entry.message);
    }
    const silent = now - this.heardAt > SILENCE_S && now - this.pingAt > SILENCE_S / 2;
    if (this.met && now - this.pingAt > 0.2 && (this.clock.wantsPing() || silent)) {
      // An unanswered ping is not followed by a flood of others.
      if (now - this.pingAt < 2 && this.pingAt > this.heardAt) return;
      this.pingAt = now;
      this.send({ type: "ping", id: uuid(), client: this.client, t0: now });
    }
  }

  /**
   * Take note of a message from the kernel.
   * @param {any} message
   */
  heard(message) {
    this.heardAt = this.clock.source();
    this.met = true;
    this.closed = false;
    if (message.type === "ack") this.unacked.delete(message.id);
    if (message.type === "pong") this.clock.pong(message.t0, message.now);
    else if (typeof message.now === "number") this.clock.heard(message.now);
  }

  /** @param {any} message */
  send(message) {
    try {
      this.model.send(message);
    } catch {
      this.closed = true;
    }
  }
}
