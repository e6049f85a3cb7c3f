// SPDX-License-Identifier: MIT
import { expect, test } from "vitest";
import { bundles, sizeOf } from "../../bench/client-size.mjs";

const KIB = 1024;

test.each([
  ["every hook, with idb", 12.9],
  ["every hook, with idb and partysocket/ws", 15.3],
  ["every hook, with idb and partysocket", 16.5],
] as const)("%s takes at most %f KiB gzipped, without React", async (name, most) => {
  const { gzipped } = await sizeOf(bundles[name]);
  expect(gzipped).toBeLessThanOrEqual(most * KIB);
});

test("what a page does not use, it does not load", async () => {
  const [everything, one] = await Promise.all([sizeOf(bundles["every hook, with idb"]), sizeOf(bundles["useSync, with idb"])]);
  expect(one.minified).toBeLessThan(everything.minified);
});
