// SPDX-License-Identifier: MIT
// The built todo module against what its border declares: nothing more is asked of the host, nothing less is offered, and it stays small.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { DATA, sectionsOf } from "../../bench/size.mjs";
import { build } from "../../wasm/build.mjs";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const bytes = readFileSync(await build("fixtures/todo"));
const module = await WebAssembly.compile(bytes);
const scriptedBytes = readFileSync(await build("wasm/scripted"));
const scripted = await WebAssembly.compile(scriptedBytes);

// The names that `macro` gives to functions in a C file; its own #define is not among them.
function declared(macro: string, source: string): string[] {
  const names = [...source.matchAll(new RegExp(`^${macro}\\("([^"]+)"\\)`, "gm"))].map((match) => match[1] ?? "");
  expect(names.length).toBeGreaterThan(0);
  return names.sort();
}

describe("the todo module", () => {
  test("imports nothing but the functions that wasm/host.h declares", () => {
    const imports = WebAssembly.Module.imports(module);
    expect(imports.map(({ module, kind }) => `${module} ${kind}`)).toEqual(imports.map(() => "durasync function"));
    expect(declared("DS_IMPORT", read("wasm/host.h"))).toEqual(expect.arrayContaining(imports.map(({ name }) => name)));
  });

  test("exports exactly the functions of wasm/exports.c, its memory and its start", () => {
    const exports = WebAssembly.Module.exports(module).map(({ name, kind }) => `${kind} ${name}`);
    const functions = [...declared("DS_EXPORT", read("wasm/exports.c")), "_initialize"].map((name) => `function ${name}`);
    expect(exports.sort()).toEqual([...functions, "memory memory"].sort());
  });

  test("is at most 95 KiB", () => {
    expect(bytes.length).toBeLessThanOrEqual(97_280);
  });
});

test("what is kept of the core changes nothing, and where it cannot be read the core is compiled anew", async () => {
  const kept = "node_modules/.cache/durasync/core.objects";
  const folder = mkdtempSync(join(tmpdir(), "durasync-kept-"));
  const first = readFileSync(await build("tests/apps/empty", join(folder, "first.wasm")));
  writeFileSync(kept, "no objects");
  const second = readFileSync(await build("tests/apps/empty", join(folder, "second.wasm")));
  expect(second.equals(first)).toBe(true);
  expect(readFileSync(kept).length).toBeGreaterThan(100_000);
  rmSync(folder, { recursive: true });
}, 180_000);

describe("the prebuilt core", () => {
  test("imports one function more than any module: the way to the app in JavaScript", () => {
    const imports = WebAssembly.Module.imports(scripted).map(({ name }) => name);
    expect(imports).toContain("script");
    expect([...declared("DS_IMPORT", read("wasm/host.h")), ...declared("DS_IMPORT", read("wasm/scripted/script.h"))]).toEqual(expect.arrayContaining(imports));
  });

  test("is at most 96 KiB, and the core without any app at most 92.5", async () => {
    expect(scriptedBytes.length).toBeLessThanOrEqual(98_304);
    const sections = sectionsOf(scriptedBytes);
    expect(sections[DATA]).toBeLessThanOrEqual(22 * 1024);
    expect(Object.values(sections).reduce((sum, size) => sum + size, 0)).toBeGreaterThan(0.99 * scriptedBytes.length); // nothing is left out
    expect(readFileSync(await build("tests/apps/empty")).length).toBeLessThanOrEqual(94_720);
  });
});
