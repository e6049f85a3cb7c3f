// SPDX-License-Identifier: MIT
// What docs/COST.md and docs/SCALE.md say in dollars, and of scale, follows from what was counted.
import { expect, test } from "vitest";
import { readPlace } from "../../bench/cost/pages.ts";
import { billOf, priceOf } from "../../bench/cost/prices.ts";
import { derived } from "../../bench/cost/scale.ts";

test.each(derived)("$name of docs/$page is what `make cost` makes of it", ({ page, name, content }) => {
  expect(readPlace(page, name)).toBe(content());
});

test("what the plan includes is free, and what is beyond it is not", () => {
  expect(billOf("rowsWritten", 50e6)).toBe(0);
  expect(billOf("rowsWritten", 53e6)).toBe(3);
  expect(priceOf("rowsWritten", 53e6)).toBe(53);
});
