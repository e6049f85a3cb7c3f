// SPDX-License-Identifier: MIT
// The wire does not change by accident: its notation is pinned together with the protocol's version. And every cap has its test.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string) => readFileSync(join(root, path), "utf8");

// The version that the notation below belongs to. Old entries stay: they say which wire a version meant.
const pinned: Record<number, string> = {
  2: "f1cedd7555c8c1dd",
};

const paper = read("docs/PROTOCOL.md");

/** Every fenced block of the paper: the frames and what they are made of. */
function notation(): string[] {
  return [...paper.matchAll(/^```\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? "");
}

/** The versions in the table at the paper's head, the newest first. */
function versions(): number[] {
  return [...paper.matchAll(/^\| (\d+) \| /gm)].map((match) => Number(match[1]));
}

describe("the protocol", () => {
  test("is the one that its version is pinned to", () => {
    const [version = 0] = versions();
    const hash = createHash("sha256").update(read("src/frames.def")).update(notation().join("\n")).digest("hex").slice(0, 16);
    expect(
      pinned[version],
      `The wire changed: src/frames.def or a notation block of docs/PROTOCOL.md is not what version ${version} is pinned to (it hashes to ${hash} now). ` +
        "If old clients and objects still understand each other, pin the new hash for this version; otherwise add a version to the paper's table, " +
        "to the hello and the welcome in both codecs, and here.",
    ).toBe(hash);
  });

  test("has its versions in falling order, and names the newest in its hello and welcome", () => {
    const all = versions();
    expect(all).toEqual([...all].sort((a, b) => b - a));
    const text = notation().join("\n");
    expect(text).toContain(`{"type": "hello", "protocol": ${all[0]},`);
    expect(text).toContain(`{"type": "welcome", "protocol": ${all[0]},`);
  });

  test("has a notation for every frame that the core decodes, and no other", () => {
    const decoded = [...read("src/frames.def").matchAll(/^DS_FRAME\([A-Z]+, "([a-z]+)"\)$/gm)].map((match) => match[1]);
    const upwards = paper.split("## Client to object")[1]?.split("## Object to client")[0] ?? "";
    const written = [...upwards.matchAll(/^[a-z]+ +:= \{"type": "([a-z]+)"/gm)].map((match) => match[1]);
    expect(written).toEqual(decoded);
  });
});

describe("the limits", () => {
  const names = [...read("src/limits.h").matchAll(/^#define (DS_[A-Z_]+) \d+$/gm)].map((match) => match[1] ?? "");
  const files = readdirSync(join(root, "tests/core")).filter((name) => name.endsWith("_test.c"));
  // What waits outside of the core is counted by the shim.
  const tests = [...files.map((name) => `tests/core/${name}`), "tests/shim/backlog.test.ts"].map(read).join("\n");

  test("are there", () => {
    expect(names.length).toBeGreaterThan(20);
  });

  test.each(names)("%s is named in a test", (name) => {
    expect(tests).toMatch(new RegExp(`\\b${name}\\b`));
  });
});
