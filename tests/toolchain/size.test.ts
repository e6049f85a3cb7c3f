// SPDX-License-Identifier: MIT
import { build } from "esbuild";
import { expect, test } from "vitest";
import { sizeOf } from "../../bench/client-size.mjs";
import { shims } from "../../bench/size.mjs";

const KIB = 1024;

test.each([
  ["durasync/object, for an app in C", 21],
  ["durasync/server, for one in TypeScript", 26.8],
] as const)("%s takes at most %f KiB minified, without the module", async (name, most) => {
  const { minified } = await sizeOf(shims[name]);
  expect(minified).toBeGreaterThan(8 * KIB); // less would mean that something was left out
  expect(minified).toBeLessThanOrEqual(most * KIB);
});

test("wrangler's bundler leaves out the limits that the shim does not ask for", async () => {
  const stdin = { contents: shims["durasync/server, for one in TypeScript"], resolveDir: "." };
  const { outputFiles } = await build({ stdin, bundle: true, write: false, format: "esm", external: ["cloudflare:*", "*.wasm"] });
  expect(outputFiles[0]?.text).toContain("maxFrame");
  expect(outputFiles[0]?.text).not.toContain("maxColumns");
});
