// SPDX-License-Identifier: MIT
import { expect, test } from "vitest";
import { sizeOf } from "../../bench/client-size.mjs";
import { shim } from "../../bench/size.mjs";

const KIB = 1024;

test("the shim takes at most 12 KiB minified, without the module", async () => {
  const { minified } = await sizeOf(shim);
  expect(minified).toBeGreaterThan(4 * KIB); // less would mean that something was left out
  expect(minified).toBeLessThanOrEqual(12 * KIB);
});
