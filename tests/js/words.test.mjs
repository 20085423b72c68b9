import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./parts.mjs";

const {
  clockText, spanText, ageText, leftText, tokensText, moneyText, spokenText, countsText, quietLimit,
  runLine,
} = await load("clockText", "spanText", "ageText", "leftText", "tokensText", "moneyText",
  "spokenText", "countsText", "quietLimit", "runLine");

test("what is left is rounded up, what has passed is rounded down", () => {
  assert.equal(clockText(443.2), "7:24");
  assert.equal(clockText(0), "0:00");
  assert.equal(clockText(-3), "0:00");
  assert.equal(spanText(59.9), "0:59");
  assert.equal(spanText(3810), "1:03:30");
});

test("ages go in steps that don't flicker", () => {
  assert.deepEqual([0, 9.9, 10, 29, 30, 60, 119, 120, 7200].map(ageText),
    ["now", "now", "10 s", "10 s", "30 s", "1 min", "1 min", "2 min", "2 h"]);
});

test("what is left at least is never promised to be all", () => {
  assert.deepEqual([null, 3, 42, 2460, 7500].map(leftText),
    ["–", "at least 1 s", "at least 40 s", "at least 41 min", "at least 2 h 05 min"]);
});

test("figures read as the other surfaces write them", () => {
  assert.deepEqual([950, 1200, 412_000, 1_180_000].map(tokensText), ["950", "1.2 k", "412 k", "1.18 M"]);
  assert.deepEqual([0, 0.001, 1.37, 1234.5].map(moneyText),
    ["$0.00", "under $0.01", "$1.37", "$1,234.50"]);
});

test("durations are spoken as words", () => {
  assert.deepEqual([1, 45, 60, 600].map(spokenText),
    ["1 second", "45 seconds", "60 seconds", "10 minutes"]);
});

test("counts name statuses in one order and ready tasks as pending", () => {
  assert.equal(countsText({ pending: 3, ready: 2, running: 1, done: 1000 }),
    "1,000 done, 1 running, 5 pending");
});

test("an agent that never spoke is given its whole estimate before it looks stalled", () => {
  assert.equal(quietLimit(null, true), 120);
  assert.equal(quietLimit(900, true), 450);
  assert.equal(quietLimit(900, false), 1080);
});

test("the head says day and time where the run is", () => {
  const run = {
    id: "20261122T103200Z-pricing-7f3a", level: 3, levelName: "Alpha Production", mode: "guided",
    wall: 1795343520, zone: 3600,
  };
  assert.equal(runLine(run), "Level 3 · Alpha Production · guided · run 2026-11-22 11:32 pricing");
});
