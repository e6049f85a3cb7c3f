// SPDX-License-Identifier: MIT
// SECURITY.md and docs/RELIABILITY.md name the tests that hold what they promise: each must be there.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const files = readdirSync(`${root}/tests`, { recursive: true, encoding: "utf8" }).map((path) => `tests/${path}`);
const text = (path: string) => readFileSync(`${root}/${path}`, "utf8");

/** The files and folders that a text names: whole paths, or a test's file by its name alone, as in `versions_test.c`. */
function namesOf(document: string): string[] {
  return [...document.matchAll(/`((?:tests|wasm|src)\/[\w./-]+|[\w-]+(?:_test\.c|\.test\.ts|\.md))`/g)].map(([, name = ""]) => name);
}

const isThere = (name: string) => existsSync(`${root}/${name}`) || files.some((path) => path.endsWith(`/${name}`));

test.each(["SECURITY.md", "docs/RELIABILITY.md"])("every test that %s names is there", (path) => {
  const names = namesOf(text(path));
  expect(names.length).toBeGreaterThan(5);
  expect(names.filter((name) => !isThere(name))).toEqual([]);
});

test("every invariant of SECURITY.md names a test", () => {
  const invariants = (text("SECURITY.md").split("## Invariants")[1]?.split("\n## ")[0] ?? "").split(/\n(?=\d+\. )/).slice(1);
  expect(invariants.map((invariant) => Number.parseInt(invariant, 10))).toEqual(invariants.map((_, i) => i + 1));
  expect(invariants.filter((invariant) => namesOf(invariant).length === 0)).toEqual([]);
});

test("every mutant that SECURITY.md names is planted", () => {
  const mutants = [...text("SECURITY.md").matchAll(/the mutant "([^"]+)"/g)].map(([, name]) => name);
  expect(mutants).not.toEqual([]);
  for (const mutant of mutants) expect(text("tests/sim/mutants.mjs")).toContain(mutant);
});
