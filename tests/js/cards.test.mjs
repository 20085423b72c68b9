import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./parts.mjs";

const {
  rangeOf, aboutText, rangeText, timeFigure, costFigure, readJson, readNumber, outcomeText,
  announcement,
} = await load("rangeOf", "aboutText", "rangeText", "timeFigure", "costFigure", "readJson",
  "readNumber", "outcomeText", "announcement");

test("keys that follow one another are named by the first and the last", () => {
  const keys = [["A"], ["A", "B"], ["A", "B", "C", "D"], ["A", "B", "D"], ["1", "2", "3"], []];
  assert.deepEqual(keys.map(rangeOf), ["A", "A, B", "A to D", "A, B, D", "1 to 3", ""]);
});

test("durations and ranges are told in few words", () => {
  assert.deepEqual([42, 89, 90, 720, 3599, 7500].map(aboutText),
    ["42 s", "89 s", "2 min", "12 min", "1 h 00 min", "2 h 05 min"]);
  assert.deepEqual([rangeText(540, 1020), rangeText(20, 40), rangeText(40, 300), rangeText(1800, 5400)],
    ["9 to 17 min", "20 to 40 s", "40 s to 5 min", "30 min to 1 h 30 min"]);
});

test("a time beyond its range is over; without an estimate nothing is", () => {
  const time = { actual_s: 852, expected_s: 720, low_s: 540, high_s: 1020 };
  assert.deepEqual([timeFigure(time).over, timeFigure(time).said], [false, "expected 12 min (9 to 17 min)"]);
  const late = timeFigure({ ...time, actual_s: 1100 });
  assert.deepEqual([late.over, late.said], [true, "over the expected 12 min (9 to 17 min)"]);
  const bare = timeFigure({ actual_s: 852, expected_s: null, low_s: null, high_s: null });
  assert.deepEqual([bare.over, bare.said, bare.line, bare.band], [false, "no estimate", null, null]);
});

test("a cost that is not all known is not told as if it were", () => {
  const cost = (usd, budget, unknown = 0) => {
    const { value, said, over } = costFigure({ usd, budget_usd: budget, unknown });
    return [value, said, over];
  };
  assert.deepEqual(cost(0.98, 5), ["$0.98", "of $5.00 budget", false]);
  assert.deepEqual(cost(5.2, 5), ["$5.20", "of $5.00 budget", true]);
  assert.deepEqual(cost(1.4, null, 2), ["at least $1.40", "no budget; 2 exchanges of unknown cost", false]);
  assert.deepEqual(cost(0, null, 1), ["unknown", "no budget; 1 exchange of unknown cost", false]);
});

test("what was typed is read as the kind it was", () => {
  assert.deepEqual(readJson("[1, null]"), { value: [1, null], fault: "" });
  assert.equal(readJson("{").fault, "This is not JSON.");
  assert.equal(readJson(" ").fault, "Needs JSON, such as [1, 2].");
  assert.deepEqual(readNumber(" 3e3 "), { value: 3000, fault: "" });
  for (const text of ["", "two", "Infinity", "0x"]) {
    assert.equal(readNumber(text).fault, "Needs a number, such as 3000.");
  }
  assert.equal(readNumber("9007199254740993").fault, "Too large a number to be sent exactly.");
});

test("an outcome is spoken by its letter, or by what it meant", () => {
  const options = [["A", "One", ""]];
  const said = (purpose, option, chosen) =>
    outcomeText({ title: "It", purpose, options, outcome: { option, chosen, by: "user" } });
  assert.equal(said("decision", "A", "A · One"), "It: A, by you.");
  assert.equal(said("decision", "other", "“SQLite”"), "It: “SQLite”, by you.");
  assert.equal(said("review", "A", "Accepted"), "It: Accepted, by you.");
  assert.equal(announcement({ title: "It", purpose: "form", timeout: 300, recommend: "A" }),
    "Decision: It. 5 minutes, then the run starts.");
});
