// SPDX-License-Identifier: MIT
// Prints what a built module weighs, what it asks of its host and what it offers: `node wasm/print.mjs wasm/build/todo.wasm`.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const path = process.argv[2];
if (path === undefined) throw new Error("Say which module: node wasm/print.mjs wasm/build/todo.wasm");
const bytes = readFileSync(path);
const module = await WebAssembly.compile(bytes);

const imports = WebAssembly.Module.imports(module).map(({ module: from, name, kind }) => [kind, `${from}.${name}`]);
const exports = WebAssembly.Module.exports(module).map(({ name, kind }) => [kind, name]);

console.log(path);
printTable("size", [
  ["bytes", bytes.length.toLocaleString("en")],
  ["gzip", gzipSync(bytes, { level: 9 }).length.toLocaleString("en")],
]);
printTable("imports", imports);
printTable("exports", exports);

function printTable(title, rows) {
  console.log(`\n  ${title}${rows.length > 0 ? "" : ": none"}`);
  for (const [kind, value] of rows) console.log(`    ${kind.padEnd(10)}${value}`);
}
