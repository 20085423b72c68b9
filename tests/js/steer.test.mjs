import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./parts.mjs";

const { Picture, RunClock, Wire, changeText, clockState, noticeText } = await load(
  "Picture", "RunClock", "Wire", "changeText", "clockState", "noticeText");

function wired() {
  const time = { now: 100 };
  const sent = [];
  const wire = new Wire({ send: (m) => sent.push(m) }, new RunClock(() => time.now), "me");
  wire.knows = true;
  return { time, sent, wire };
}

test("a reply reaches whoever sent the command, once", () => {
  const { wire } = wired();
  const heard = [];
  const id = wire.command({ command: "skip" }, true, (reply) => heard.push(reply.text));
  assert.equal(wire.answered({ id: "another", text: "no" }), false);
  assert.equal(wire.answered({ id, text: "yes" }), true);
  assert.equal(wire.answered({ id, text: "again" }), false);
  assert.deepEqual(heard, ["yes"]);
});

test("a look is repeated until it is answered", () => {
  const { time, sent, wire } = wired();
  wire.look({ what: "levels" }, () => {});
  time.now = 101;
  wire.tick();
  assert.deepEqual(sent.map((m) => [m.type, m.what]), [["look", "levels"], ["look", "levels"]]);
  assert.equal(sent[0].id, sent[1].id);
  wire.answered({ type: "told", id: sent[0].id });
  time.now = 110;
  wire.tick();
  assert.equal(sent.filter((m) => m.type === "look").length, 2);
});

test("another level says what it leaves out and brings back", () => {
  const change = (out, back) => changeText({ level: 2, name: "Beta", out, back });
  assert.equal(change([["docs"], 1], [[], 0]), "Leaves out 1 task: docs.");
  assert.equal(change([["a", "b", "c"], 1203], [["d"], 1]),
    "Leaves out 1,203 tasks: a, b, c and 1,200 more. Brings back 1 task: d.");
  assert.equal(change([[], 0], [[], 0]),
    "Leaves out nothing; agents that have not started are told the new level.");
});

test("a notification says what happens if nobody acts", () => {
  const d = {
    purpose: "decision", recommend: "A", options: [["A", "Cassandra", ""]], timeout: 600,
    deadline: 1000, remaining: null, held: null, heldUntil: null,
  };
  const text = (rest) => noticeText({ ...d, ...rest }, clockState({ ...d, ...rest }, 556));
  assert.equal(text({}), "7:24 left, then A · Cassandra is taken.");
  assert.equal(text({ purpose: "form" }), "7:24 left, then the run starts as filled in.");
  const waits = "Waits for you; nothing is taken by itself.";
  assert.equal(text({ deadline: null, timeout: null, recommend: null }), waits);
  assert.equal(text({ deadline: null, held: "hold" }), waits);
});

test("rows that never travelled can be left out and edited", () => {
  const p = new Picture();
  p.load({
    seq: 1, now: 0, run: { id: "x", slots: 1 }, totals: { status: "running", ended: null },
    phases: ["One"], rows: [], decisions: [], findings: [], over: null,
    tasks: { name: ["a"], kind: [0], phase: [0], needs: [[]], gates: [[]], expected: [null],
      shown: [0] },
  });
  assert.equal(p.rows[0].marks, "sw");
  p.apply({ seq: 2, base: 1, now: 1, level: [2, "Beta"] });
  assert.deepEqual([p.run.level, p.run.levelName], [2, "Beta"]);
});
