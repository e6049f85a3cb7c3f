// SPDX-License-Identifier: MIT
// What a page loads for the client is what the guide says, and no less is claimed than is true.
import { expect, test } from "vitest";
import { bundles, sizeOf } from "../../bench/client-size.mjs";
import { guide } from "./compiler.ts";

const KIB = 1024;
const promised = new Map([...guide.matchAll(/^\| ([^|]*the cache[^|]*) \| ([\d.]+) \|$/gm)].map(([, name = "", most]) => [name, Number(most) * KIB]));

test("the guide says what the whole client takes, with its dependencies", () => {
  expect([...promised.keys()]).toContain("every hook, with the cache and partysocket");
});

test.each([...promised])("%s: at most %d bytes, gzipped, and not much less", async (name, most) => {
  const source = new Map(Object.entries(bundles)).get(name);
  const { gzipped } = await sizeOf(source ?? "");
  expect(gzipped).toBeLessThanOrEqual(most);
  expect(gzipped).toBeGreaterThan(most - KIB / 4);
});

test("what a page does not use, it does not load", async () => {
  const [everything, one] = await Promise.all([sizeOf(bundles["every hook, with the cache"]), sizeOf(bundles["useSync, with the cache"])]);
  expect(one.minified).toBeLessThan(everything.minified);
});
