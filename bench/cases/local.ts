// SPDX-License-Identifier: MIT
// What needs no server: the module, sizes, and the client's merge. Each lane stands where a target stands elsewhere.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { Table } from "../../client/table.ts";
import { bundles, sizeOf } from "../client-size.mjs";
import type { Metrics } from "./case.ts";
import { renderRecords } from "./render.ts";

export interface LocalCase {
  readonly name: string;
  readonly title: string;
  /** Sizes do not differ from run to run. */
  readonly once?: boolean;
  readonly lanes: Readonly<Record<string, () => Metrics | Promise<Metrics>>>;
}

const KIB = 1024;
const PAGE = 4000;
const modules = { "core.wasm": "scripted.wasm", "todo.wasm": "todo.wasm" };

const read = (file: string) => readFileSync(new URL(`../../wasm/build/${file}`, import.meta.url));

function timed<T>(work: () => T): { took: number; value: T } {
  const start = performance.now();
  const value = work();
  return { took: performance.now() - start, value };
}

function instantiate(file: string): Metrics {
  const bytes = read(file);
  const { took: compile, value: module } = timed(() => new WebAssembly.Module(bytes));
  const imports: Record<string, Record<string, () => number>> = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) (imports[from] ??= {})[name] = () => 0;
  const { took, value: instance } = timed(() => new WebAssembly.Instance(module, imports));
  const memory = instance.exports["memory"] as WebAssembly.Memory;
  return { "compile, ms": compile, "instance, ms": took, "memory, KiB": memory.buffer.byteLength / KIB };
}

function sizesOf(file: string): Metrics {
  const bytes = read(file);
  return { "KiB": bytes.length / KIB, "gzipped, KiB": gzipSync(bytes, { level: 9 }).length / KIB };
}

async function clientSize(): Promise<Metrics> {
  const { minified, gzipped } = await sizeOf(bundles["every hook, with the cache and partysocket"]);
  return { "KiB": minified / KIB, "gzipped, KiB": gzipped / KIB };
}

const IN_NO_ORDER = 7919;

type Row = [string, string, number, number];

/** Rows in key order, or with a stride in none. */
const rows = (count: number, stride: number): Row[] => Array.from({ length: count }, (_, i) => [`id${String((i * stride) % count).padStart(6, "0")}`, "buy milk", i % 2, i]);

function mergeByTable(count: number, stride: number): Metrics {
  const all = rows(count, stride);
  const table = new Table("shape", [0]);
  const { took } = timed(() => {
    for (let at = 0; at < count; at += PAGE) {
      for (const row of all.slice(at, at + PAGE)) table.put(row);
      if (table.records.length !== Math.min(at + PAGE, count)) throw new Error("records are missing");
    }
  });
  const { took: change } = timed(() => {
    table.put(["id000001", "buy bread", 0, 0]);
    return table.records;
  });
  return { "pages, ms": took, "one change, ms": change };
}

function mergeByFindIndex(count: number): Metrics {
  let records: Row[] = [];
  const merge = (row: Row) => {
    const index = records.findIndex(([id]) => id === row[0]);
    if (index < 0) records.push(row);
    else records = records.with(index, row);
  };
  const all = rows(count, IN_NO_ORDER);
  const { took } = timed(() => all.forEach(merge));
  const { took: change } = timed(() => merge(["id000001", "buy bread", 0, 0]));
  return { "pages, ms": took, "one change, ms": change };
}

const merge = (count: number): LocalCase => ({
  name: `merge-${count / 1000}k`,
  title: `The client merges ${count.toLocaleString("en-US")} records, and then one change`,
  lanes: { "in key order": () => mergeByTable(count, 1), "in no order": () => mergeByTable(count, IN_NO_ORDER), ...(count <= 10_000 ? { findIndex: () => mergeByFindIndex(count) } : {}) },
});

const render = (count: number): LocalCase => ({
  name: `render-${count / 1000}k`,
  title: `A page that shows 50 of ${count.toLocaleString("en-US")} records: the pages, and then one change`,
  lanes: { useSync: async () => await renderRecords(count) },
});

export const localCases: readonly LocalCase[] = [
  { name: "instance", title: "The module, compiled and instantiated", lanes: Object.fromEntries(Object.entries(modules).map(([name, file]) => [name, () => instantiate(file)])) },
  { name: "size", title: "Sizes", once: true, lanes: { ...Object.fromEntries(Object.entries(modules).map(([name, file]) => [name, () => sizesOf(file)])), client: clientSize } },
  ...[1000, 10_000, 100_000].flatMap((count) => [merge(count), render(count)]),
];
