// SPDX-License-Identifier: MIT
import { expect, test } from "vitest";
import type { Cell } from "../../client/frames.ts";
import { Table } from "../../client/table.ts";

function tableOf(records: Cell[][], key = [0]): Table {
  const table = new Table("s1", key);
  for (const record of records) table.put(record);
  return table;
}

test("records stand in key order, whatever order they came in", () => {
  const table = tableOf([["c", 1], ["a", 2]]);
  expect(table.records).toEqual([["a", 2], ["c", 1]]);
  table.put(["b", 3]);
  expect(table.records).toEqual([["a", 2], ["b", 3], ["c", 1]]);
});

test("keys of all types stand apart and in SQLite's order of types", () => {
  const keys: Cell[] = [null, -5, 2, 9007199254740993n, "", "2", '["2"]', "[2]", new Uint8Array([1]), new Uint8Array([1, 0])];
  const table = tableOf([...keys].reverse().map((key) => [key]));
  expect(table.records.map(([key]) => key)).toEqual(keys);
  table.delete(["[2]"]);
  expect(table.records.map(([key]) => key)).toEqual(keys.filter((key) => key !== "[2]"));
});

test("a composite key is compared column by column, in key order", () => {
  const table = tableOf([["x", 2, "b"], ["y", 1, "b"], ["z", 9, "a"]], [2, 1]);
  expect(table.records.map(([name]) => name)).toEqual(["z", "y", "x"]);
  expect(table.set(["b", 1], [0], ["changed"])).toBe(true);
  expect(table.records[1]).toEqual(["changed", 1, "b"]);
});

test("the array and each record stay the same objects until they change", () => {
  const table = tableOf([["a", new Uint8Array([1])], ["b", 2]]);
  const before = table.records;
  table.put(["a", new Uint8Array([1])]);
  table.delete(["gone"]);
  expect(table.records).toBe(before);
  table.set(["b"], [1], [3]);
  expect(table.records).not.toBe(before);
  expect(table.records[0]).toBe(before[0]);
  expect(before[1]).toEqual(["b", 2]);
});

test("a record deleted and put again before anybody looked stands once", () => {
  const table = tableOf([["a", 1], ["b", 1]]);
  expect(table.records).toHaveLength(2);
  table.delete(["a"]);
  table.put(["a", 2]);
  table.put(["c", 1]);
  table.delete(["c"]);
  expect(table.records).toEqual([["a", 2], ["b", 1]]);
});

test("a change to a missing record says so and adds nothing", () => {
  const table = tableOf([["a", 1]]);
  expect(table.set(["b"], [1], [2])).toBe(false);
  expect(table.records).toEqual([["a", 1]]);
});

test("50,000 records in random order are merged without comparing each with each", () => {
  const table = new Table("s1", [0]);
  let reads = 0;
  const counted = { get: (target: Cell[], name: PropertyKey) => (name === "0" && reads++, Reflect.get(target, name)) };
  for (let i = 0; i < 50_000; i++) {
    table.put(new Proxy([`id${(i * 7919) % 50_000}`, i], counted));
    if (i % 5000 === 4999) expect(table.records).toHaveLength(i + 1);
  }
  const ids = table.records.map(([id]) => id);
  expect(ids).toEqual([...ids].sort());
  expect(reads).toBeLessThan(50_000 * 100);
});
