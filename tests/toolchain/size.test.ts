// SPDX-License-Identifier: MIT
import { expect, test } from "vitest";
import { sizeOf } from "../../bench/client-size.mjs";
import { shims } from "../../bench/size.mjs";

const KIB = 1024;

test.each([
  ["durasync/object, for an app in C", 12],
  ["durasync/server, for one in TypeScript", 15.9],
] as const)("%s takes at most %f KiB minified, without the module", async (name, most) => {
  const { minified } = await sizeOf(shims[name]);
  expect(minified).toBeGreaterThan(8 * KIB); // less would mean that something was left out
  expect(minified).toBeLessThanOrEqual(most * KIB);
});
