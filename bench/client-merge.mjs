// SPDX-License-Identifier: MIT
// Prints what it takes to merge 50,000 records into a client, beside the way of looking each of them up by findIndex:
// `node bench/client-merge.mjs`.
import { Table } from "../client/table.ts";

const COUNT = 50_000;
const PAGE = 5000;
const rowOf = (i) => [`id${String(i).padStart(5, "0")}`, "buy milk", i % 2, 1_700_000_000_000 + i];
const inOrder = Array.from({ length: COUNT }, (_, i) => rowOf(i));
const shuffled = Array.from({ length: COUNT }, (_, i) => rowOf((i * 7919) % COUNT));

function byTable(rows) {
  const table = new Table("shape", [0]);
  for (let at = 0; at < COUNT; at += PAGE) {
    for (const row of rows.slice(at, at + PAGE)) table.put(row);
    if (table.records.length !== Math.min(at + PAGE, COUNT)) throw new Error("records are missing");
  }
}

function byFindIndex(rows) {
  const records = [];
  for (const row of rows) {
    const index = records.findIndex((record) => record[0] === row[0]);
    if (index < 0) records.push(row);
    else records[index] = row;
  }
}

const ways = [
  ["pages in key order, as an object sends them", byTable, inOrder],
  ["pages in no order", byTable, shuffled],
  ["findIndex for each record", byFindIndex, shuffled],
];
for (const [name, merge, rows] of ways) {
  const start = performance.now();
  merge(rows);
  console.log(`${name.padEnd(50)}${(performance.now() - start).toFixed(0).padStart(7)} ms`);
}
