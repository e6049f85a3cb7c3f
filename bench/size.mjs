// SPDX-License-Identifier: MIT
// Prints what everything weighs, in bytes: `make size`. Tests hold the figures that are promised.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { bundles, sizeOf } from "./client-size.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The shim as Workers have it, without the module. */
export const shims = {
  "durasync/object, for an app in C": `export * from "${root}js-shim/object.ts";`,
  "durasync/server, for one in TypeScript": `export * from "${root}js-shim/index.ts";`,
};

function print(title, sizes) {
  console.log(`\n${title}`);
  for (const [name, { plain, gzipped }] of sizes) console.log(`  ${name.padEnd(40)}${String(plain).padStart(8)}${String(gzipped).padStart(8)} gzipped`);
}

async function minifiedAll(sources) {
  const sizes = await Promise.all(Object.values(sources).map(sizeOf));
  return Object.keys(sources).map((name, i) => [name, { plain: sizes[i].minified, gzipped: sizes[i].gzipped }]);
}

const built = (name) => {
  const bytes = readFileSync(`${root}wasm/build/${name}`);
  return { plain: bytes.length, gzipped: gzipSync(bytes, { level: 9 }).length };
};

// The contents of the module's code and data sections (https://webassembly.github.io/spec/core/binary/modules.html): functions, and the constants, SQL and sentences that they use.
const CODE = 10;
export const DATA = 11;

/**
 * The bytes of a module's sections, by their ids.
 * @param {Uint8Array} bytes
 * @returns {Record<number, number>}
 */
export function sectionsOf(bytes) {
  const sections = {};
  for (let at = 8; at < bytes.length; ) {
    const id = bytes[at++];
    let size = 0;
    for (let shift = 0, more = true; more; shift += 7) {
      more = bytes[at] >= 0x80;
      size |= (bytes[at++] & 0x7f) << shift;
    }
    sections[id] = (sections[id] ?? 0) + size;
    at += size;
  }
  return sections;
}

function printSections(names) {
  console.log("\nof these, code and constants");
  for (const name of names) {
    const sections = sectionsOf(readFileSync(`${root}wasm/build/${name}`));
    console.log(`  ${name.padEnd(40)}${String(sections[CODE]).padStart(8)}${String(sections[DATA]).padStart(8)}`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const modules = readdirSync(`${root}wasm/build`).filter((name) => name.endsWith(".wasm"));
  print("modules, the core and an app in each", modules.map((name) => [name, built(name)]));
  printSections(modules);
  print("the shim, minified", await minifiedAll(shims));
  print("the client, minified, without React", await minifiedAll(bundles));
}
