import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./parts.mjs";

const { Picture, Lanes, forecast, axisEnd, tickText } = await load(
  "Picture", "Lanes", "forecast", "axisEnd", "tickText");

const row = (i, status, rest = {}) => {
  const { text = "", at = null, until = null, started = null, ended = null, spans = [] } = rest;
  return [i, status, text, at, until, started, ended, 1, spans];
};

function picture(count = 3, rest = {}) {
  const p = new Picture();
  const each = (value) => Array.from({ length: count }, (_, i) => (
    typeof value === "function" ? value(i) : value));
  p.load({
    seq: 5, now: 10, run: { id: "x", slots: 2, wall: 0, zone: 0 },
    totals: { status: "running", ended: null },
    phases: ["One"],
    tasks: {
      name: each((i) => `task-${i}`), kind: each(0), phase: each(0),
      needs: each((i) => (i ? [i - 1] : [])), gates: each(() => []), expected: each(60),
      shown: each((i) => i),
    },
    rows: [row(0, "running", { at: 5, started: 5, text: "busy" })],
    decisions: [], findings: [], over: null, ...rest,
  });
  return p;
}

test("a delta on the known picture is taken, a later one asks for the whole", () => {
  const p = picture();
  assert.ok(p.apply({ seq: 7, base: 5, now: 12, rows: [row(0, "done", { started: 5, ended: 12 })] }));
  assert.equal(p.rows[0].status, "done");
  assert.equal(p.apply({ seq: 9, base: 8, now: 13 }), false);
  assert.ok(p.apply({ seq: 6, base: 5, now: 11, rows: [row(0, "failed")] }), "an old one is passed over");
  assert.equal(p.rows[0].status, "done");
});

test("a running agent that is silent for long is shown as stalled", () => {
  const p = picture();
  assert.equal(p.status(0, 100), "running");
  assert.equal(p.status(0, 126), "stalled");
  assert.deepEqual(p.tally(126).all, { stalled: 1, pending: 2 });
  assert.equal(p.say(0, 126, 1).text, "last: busy");
});

test("a pending task says what it waits for", () => {
  const p = picture();
  assert.equal(p.afterText(1), "after task-0");
  p.apply({ seq: 6, base: 5, now: 12, rows: [row(0, "done")] });
  assert.equal(p.afterText(1), "");
});

test("a checkpoint is named in short, and its phase not besides", () => {
  const p = picture(3);
  p.nodes.name[0] = "Checkpoint after phase 1, One";
  p.nodes.gates[1] = [0];
  assert.equal(p.afterText(1), "after checkpoint 1");
});

test("a ready task says that all slots are busy", () => {
  const p = picture();
  p.apply({ seq: 6, base: 5, now: 12, rows: [row(1, "ready", { at: 11 })] });
  assert.deepEqual(p.say(1, 12, 2), { status: "slot", text: "2 of 2 busy", aside: "now" });
});

test("expected bars follow what a task waits for", () => {
  const found = forecast(picture(), 10);
  assert.deepEqual(found.get(0), [10, 65]);
  assert.deepEqual(found.get(1), [65, 125]);
  assert.deepEqual(found.get(2), [125, 185]);
});

test("the axis moves in rare big steps", () => {
  let end = 0;
  let moves = 0;
  for (let t = 0; t < 3600; t += 0.25) {
    const next = axisEnd(end, t);
    assert.ok(next >= t);
    if (next !== end) moves += 1;
    end = next;
  }
  assert.ok(moves < 40, `${moves} moves in an hour`);
  assert.deepEqual([0, 30, 90, 600, 7200].map(tickText), ["0", "30 s", "1:30", "10 min", "2 h"]);
});

test("a task takes the lowest free lane and keeps it", () => {
  const p = picture(4);
  p.rows[0] = { ...p.rows[0], started: 0, ended: 5 };
  p.rows[1] = { ...p.rows[1], started: 1, ended: null };
  p.rows[2] = { ...p.rows[2], started: 6, ended: null };
  const lanes = new Lanes(2);
  lanes.take(p, [0, 1, 2]);
  assert.deepEqual([0, 1, 2].map((i) => lanes.of.get(i)), [0, 1, 0]);
  p.rows[1] = { ...p.rows[1], ended: 8 };
  p.rows[3] = { ...p.rows[3], started: 9, ended: null };
  lanes.take(p, [1, 3]);
  assert.equal(lanes.of.get(3), 1);
});

test("10 changed rows of 2,000 are taken in and counted in under 5 ms", () => {
  const p = picture(2000);
  const times = [];
  for (let n = 0; n < 50; n++) {
    const rows = Array.from({ length: 10 }, (_, i) =>
      row((n * 10 + i) % 2000, "running", { at: n, started: n, spans: [["run", n, null]] }));
    const begun = performance.now();
    p.apply({ seq: 6 + n, base: 5 + n, now: n, rows });
    p.tally(n);
    times.push(performance.now() - begun);
  }
  times.sort((a, b) => a - b);
  assert.ok(times[25] < 5, `${times[25]} ms`);
});

test("a plan that grows has more tasks, in the order of their rows", () => {
  const p = picture();
  const nodes = {
    name: ["task-0", "review", "sum", "review-1", "review-2"], kind: [0, 1, 0, 0, 0],
    phase: [0, 0, 0, 0, 0], needs: [[], [0, 3, 4], [1], [0], [0]], gates: [[], [], [], [], []],
    expected: [60, null, 60, 60, 60], shown: [0, 3, 4, 2],
  };
  assert.ok(p.apply({ seq: 6, base: 5, now: 11, tasks: nodes, rows: [row(3, "running")] }));
  assert.deepEqual(p.tasks, [0, 3, 4, 2]);
  assert.equal(p.rows[0].status, "running", "what is known stays");
  assert.equal(p.rows[3].status, "running");
  assert.equal(p.rows[4].status, "pending");
  assert.deepEqual(p.tally(11).all, { running: 2, pending: 2 });
  assert.equal(p.afterText(2), "after review");
});
