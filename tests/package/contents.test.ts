// SPDX-License-Identifier: MIT
// What npm pack makes carries what users need, and nothing else.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { pack, root } from "./registry.ts";

const folder = mkdtempSync(join(tmpdir(), "durasync-contents-"));
const tarball = await pack(folder);
execFileSync("tar", ["-xzf", tarball, "-C", folder]);
const unpacked = join(folder, "package");
const files = readdirSync(unpacked, { recursive: true, encoding: "utf8" }).filter((path) => statSync(join(unpacked, path)).isFile()).sort();
const read = (path: string) => readFileSync(join(unpacked, path), "utf8");
const manifest = JSON.parse(read("package.json"));
const compiled = files.filter((path) => path.startsWith("dist/") && path.endsWith(".js"));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const KIB = 1024;

/** What may be in the package, and how many KiB of each at most. */
const kinds: [kind: RegExp, most: number][] = [
  [/^(package\.json|README\.md|CHANGELOG\.md|LICENSE)$/, 32],
  [/^docs\/[A-Za-z-]+\.(md|png)$/, 144],
  [/^dist\/(client|js-shim|wasm\/build)\/[a-z-]+\.js$/, 232],
  [/^dist\/(client|js-shim|wasm\/build)\/[a-z-]+\.d\.ts$/, 108],
  [/^dist\/(client|js-shim|wasm\/build)\/[a-z-]+\.js\.map$/, 500],
  [/^dist\/wasm\/build\/scripted\.wasm(\.d\.ts)?$/, 97],
  [/^src\/[a-z]+\.(c|h|def)$/, 390],
  [/^wasm\/(exports\.c|host\.h|build\.mjs|build-error\.mjs|compilers\.mjs|ABI\.md)$/, 48],
  [/^cli\/[a-z-]+\.mjs$/, 16],
  [/^cli\/starter\/[a-z]+\/(page\/|server\/)?[A-Za-z_-]+(\.[a-z]+)*$/, 16],
];

test("it has files of known kinds, and not too much of any", () => {
  expect(files.filter((path) => !kinds.some(([kind]) => kind.test(path)))).toEqual([]);
  for (const [kind, most] of kinds) {
    const sizes = files.filter((path) => kind.test(path)).map((path) => statSync(join(unpacked, path)).size);
    expect(sizes.length, `${kind}`).toBeGreaterThan(0);
    expect(sizes.reduce((sum, size) => sum + size, 0), `bytes of ${kind}`).toBeLessThanOrEqual(most * KIB);
  }
  expect(statSync(tarball).size).toBeLessThanOrEqual(480 * KIB);
});

test("it has no test and names no folder of whoever packed it", () => {
  expect(files.filter((path) => /test|fixture|node_modules|bench/.test(path))).toEqual([]);
  for (const path of files) for (const own of [root, `${homedir()}/`, "file://"]) expect(read(path).includes(own), `${own} in ${path}`).toBe(false);
});

test("every module has its declarations, and a map that carries its source", () => {
  for (const path of compiled) {
    expect(files).toContain(path.replace(/\.js$/, ".d.ts"));
    expect(read(path)).toMatch(/\n\/\/# sourceMappingURL=[a-z-]+\.js\.map\s*$/);
    const map = JSON.parse(read(`${path}.map`));
    expect(map.sources, path).toHaveLength(1);
    expect(map.sourcesContent, path).toEqual([readFileSync(join(root, dirname(path), map.sources[0]).replace(`${root}dist/`, root), "utf8")]);
  }
});

test("every module imports what is there: files of the package, what it depends on, and the platform", () => {
  const allowed = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies), "cloudflare:workers"];
  for (const path of compiled) {
    for (const [, specifier = ""] of read(path).matchAll(/^(?:import|export)[^;]*? from "([^"]+)";$/gm)) {
      if (specifier.startsWith(".")) expect(files, path).toContain(join(dirname(path), specifier));
      else expect(allowed, path).toContain(specifier);
    }
  }
});

test("everything it offers is there", () => {
  const targets = [...Object.values<string | Record<string, string>>(manifest.exports), ...Object.values<string>(manifest.bin)];
  const paths = targets.flatMap((target) => (typeof target === "string" ? [target] : Object.values(target)));
  for (const path of paths) expect(files).toContain(join(path.replace("*", "durasync.h")));
});

test("it asks its users for nothing that they may not need", () => {
  expect(manifest.private).toBeUndefined();
  expect(manifest.sideEffects).toBe(false);
  expect(Object.keys(manifest.dependencies)).toEqual(["idb-keyval", "partysocket"]);
  expect(manifest.optionalDependencies).toBeUndefined();
  for (const peer of Object.keys(manifest.peerDependencies)) expect(manifest.peerDependenciesMeta[peer], peer).toEqual({ optional: true });
});
