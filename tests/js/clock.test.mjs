import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./parts.mjs";

const { RunClock, Wire, clockState } = await load("RunClock", "Wire", "clockState");

function wired() {
  const time = { now: 100 };
  const sent = [];
  const clock = new RunClock(() => time.now);
  const wire = new Wire({ send: (m) => sent.push(m) }, clock, "me");
  return { time, sent, clock, wire };
}

test("the fastest of five pings sets the clock", () => {
  const { time, clock } = wired();
  time.now = 101;
  clock.pong(100, 500.5);
  assert.equal(clock.offset, 500.5 + 0.5 - 101);
  time.now = 101.1;
  clock.pong(101, 501.05);
  assert.ok(Math.abs(clock.offset - 400) < 1e-9);
  time.now = 103;
  clock.pong(101, 700);
  assert.ok(Math.abs(clock.offset - 400) < 1e-9, "a slow one changes nothing");
});

test("time stands still until the kernel is heard of, and then goes with the browser's", () => {
  const { time, clock } = wired();
  clock.freeze(42);
  time.now = 150;
  assert.equal(clock.now(), 42);
  clock.heard(90);
  clock.thaw();
  assert.equal(clock.now(), 90);
  time.now = 151;
  assert.equal(clock.now(), 91);
});

test("no message comes from the future: it corrects a clock that is behind", () => {
  const { clock } = wired();
  clock.heard(90);
  clock.heard(80);
  assert.equal(clock.offset, -10);
  clock.heard(95);
  assert.equal(clock.offset, -5);
});

test("a command is repeated after 1 s, then each 2 s, until it is acknowledged", () => {
  const { time, sent, wire } = wired();
  wire.knows = true;
  const id = wire.command({ command: "stop" });
  const times = [];
  for (let t = 100; t <= 108; t += 0.25) {
    time.now = t;
    const before = sent.length;
    wire.tick();
    if (sent.length > before) times.push(t);
  }
  assert.deepEqual(times, [101, 103, 105, 107]);
  assert.ok(sent.every((m) => m.id === id && m.client === "me"));
  wire.heard({ type: "ack", id });
  const before = sent.filter((m) => m.type === "command").length;
  time.now = 120;
  wire.tick();
  assert.equal(sent.filter((m) => m.type === "command").length, before);
});

test("hello is repeated until the kernel answers", () => {
  const { time, sent, wire } = wired();
  wire.tick();
  time.now = 101.1;
  wire.tick();
  assert.deepEqual(sent.map((m) => m.type), ["hello", "hello"]);
  wire.knows = true;
  time.now = 110;
  wire.tick();
  assert.equal(sent.length, 2);
});

test("a kernel that is silent for 35 s is not taken for connected, and is again when it speaks", () => {
  const { time, wire } = wired();
  wire.heard({ type: "delta", now: 1 });
  time.now = 130;
  assert.ok(wire.connected);
  time.now = 136;
  assert.ok(!wire.connected);
  wire.heard({ type: "pong", t0: 135, now: 37 });
  assert.ok(wire.connected);
});

const card = {
  recommend: "A", timeout: 600, deadline: 1000, remaining: null, held: null, heldUntil: null,
};

test("the clock line says what happens if nobody acts", () => {
  const at = (now, rest = {}) => clockState({ ...card, ...rest }, now);
  assert.deepEqual([at(556).time, at(556).then],
    ["7:24", "left, then A is taken. Touching this pauses the clock."]);
  assert.equal(at(942).then, "Under 1 minute, then A is taken.");
  assert.equal(at(975).then, "Under 30 seconds, then A is taken.");
  assert.deepEqual([at(1, { held: "hold", deadline: null }).time, at(1, { held: "hold" }).then],
    ["Held", "Waiting for you. The other agents keep running."]);
  const here = { held: "here", deadline: null, remaining: 301, heldUntil: 196 };
  assert.equal(at(100, here).then, "Clock paused while you are here, for 1:36 more at most.");
  assert.equal(at(100, { ...here, held: "typing" }).then, "Clock paused while you type.");
});

test("no warning comes with the card itself", () => {
  assert.equal(clockState({ ...card, timeout: 60, deadline: 60 }, 0).kind, "");
  assert.equal(clockState({ ...card, timeout: 60, deadline: 60 }, 31).kind, "warn30");
  assert.equal(clockState({ ...card, timeout: 20, deadline: 20 }, 15).kind, "");
});
