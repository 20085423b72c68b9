/* The run's time in the browser: computed from the kernel's, never counted. */

const SAMPLES = 5;
const RESAMPLE_S = 30;

class RunClock {
  /** @param {() => number} [source] seconds of the browser's monotonic clock */
  constructor(source = () => performance.now() / 1000) {
    this.source = source;
    /** @type {number | null} run's t minus the browser's seconds */
    this.offset = null;
    /** @type {number | null} while set, time stands still there */
    this.frozen = 0;
    this.best = Infinity;
    this.samples = 0;
    this.sampledAt = -Infinity;
  }

  /** The run's t now, in seconds. */
  now() {
    if (this.frozen !== null) return this.frozen;
    return this.source() + (this.offset ?? 0);
  }

  /** @param {number} t */
  freeze(t) {
    this.frozen = t;
  }

  thaw() {
    if (this.offset !== null) this.frozen = null;
  }

  /** Whether another ping is wanted: five in a row, and again every 30 s. */
  wantsPing() {
    if (this.samples < SAMPLES) return true;
    if (this.source() - this.sampledAt < RESAMPLE_S) return false;
    this.samples = 0;
    this.best = Infinity;
    return true;
  }

  /**
   * The fastest of a round of pings says best what time it is over there.
   * @param {number} t0 browser's seconds when the ping left
   * @param {number} now the run's t when it was answered
   */
  pong(t0, now) {
    const t1 = this.source();
    const rtt = t1 - t0;
    this.samples += 1;
    this.sampledAt = t1;
    if (rtt <= this.best) {
      this.best = rtt;
      this.offset = now + rtt / 2 - t1;
    }
  }

  /**
   * Any message bounds the offset: it can't come from the future.
   * @param {number} now the run's t when it was made
   */
  heard(now) {
    const atLeast = now - this.source();
    if (this.offset === null || atLeast > this.offset) this.offset = atLeast;
  }
}
