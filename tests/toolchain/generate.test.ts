// SPDX-License-Identifier: MIT
// What C and TypeScript share is written once: the generated files and the protocol's paper say what errors.def and limits.h say.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { errors, limits } from "../../wasm/build/protocol.ts";
import { limitsFile, protocolFile, readErrors, readLimits } from "../../wasm/generate.mjs";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

describe("the generated files", () => {
  test("are what the sources give now", () => {
    expect(read("wasm/build/protocol.ts")).toBe(protocolFile(readErrors(read("src/errors.def"))));
    expect(read("wasm/build/limits.ts")).toBe(limitsFile(readLimits(read("src/limits.h"))));
  });

  test("give every error of the protocol's table, with the same sentence", () => {
    const table = read("docs/PROTOCOL.md").split("## Error codes")[1] ?? "";
    const rows = [...table.matchAll(/^\| `([a-z_]+)` \| (.+) \|$/gm)].map((match) => [match[1], match[2]]);
    expect(Object.entries(errors)).toEqual(rows);
  });

  test("give the limits in camel case", () => {
    expect(limits.maxFrame).toBe(1_048_576);
  });
});

describe("the generator", () => {
  test.each([
    ["a sentence that is missing", 'DS_CODE(BAD_FRAME, "bad_frame")'],
    ["a name unlike its code", 'DS_CODE(BAD_FRAME, "bad", "A sentence.")'],
    ["a code that is there twice", 'DS_CODE(BAD, "bad", "A sentence.")\nDS_CODE(BAD, "bad", "A sentence.")'],
    ["no code at all", "// nothing"],
  ])("refuses errors with %s", (_, text) => {
    expect(() => readErrors(text)).toThrow("errors.def");
  });

  test.each([
    ["an expression", "#define DS_MAX_FRAME (1024 * 1024)"],
    ["a foreign name", "#define MAX_FRAME 1024"],
    ["a number beyond 2^53", "#define DS_MAX_FRAME 99999999999999999"],
    ["a comment that hides a line", "#define DS_MAX_FRAME 1024 /* bytes */"],
  ])("refuses limits with %s", (_, text) => {
    expect(() => readLimits(text)).toThrow("limits.h");
  });
});
