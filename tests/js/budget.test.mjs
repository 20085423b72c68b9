/* What cards about money say. */
import assert from "node:assert/strict";
import test from "node:test";
import { load } from "./parts.mjs";

const { capFigure } = await load("capFigure");

test("a cap in dollars and a cap in tokens read as such", () => {
  const usd = capFigure({ kind: "usd", used: 4.9, cap: 5, held: 0 });
  assert.deepEqual([usd.value, usd.said, usd.over], ["$4.90", "of $5.00", false]);
  const tokens = capFigure({ kind: "tokens", used: 2_000_000, cap: 2_000_000, held: 1_000 });
  assert.deepEqual([tokens.value, tokens.said, tokens.over],
    ["2,000,000 tokens", "of 2,000,000 tokens; 1,000 tokens held for calls in flight", true]);
});
