// SPDX-License-Identifier: MIT
// What each operation costs, in rows as workerd counts them and in frames, and what a database has in bytes, is what bench/cost/operations.ts says: no less, no more.
import { afterAll, beforeAll, expect, test } from "vitest";
import { measure, measureStored, operations, stored, type Figures, type OperationName } from "../../bench/cost/operations.ts";
import { readTable } from "../../bench/cost/pages.ts";
import { startBench, type BenchServer } from "../../bench/cost/server.ts";

let server: BenchServer;
beforeAll(async () => void (server = await startBench()));
afterAll(async () => await server.close());

test("every operation reads, writes and sends exactly what it is said to", { timeout: 120_000 }, async () => {
  const measured: Partial<Record<OperationName, Figures>> = {};
  for await (const [name, { rowsRead, rowsWritten, framesOut }] of measure((object) => server.subject("Todos", object))) {
    measured[name] = { rowsRead, rowsWritten, framesOut };
  }
  expect(measured).toEqual(operations);
});

test("a database has exactly the bytes that it is said to", async () => {
  expect(await measureStored(server.subject("Todos", "stored"))).toEqual(stored);
});

test("the documented tables have the same numbers", () => {
  const costs = readTable("COST.md", "cost");
  const documented = Object.fromEntries(
    Object.keys(operations).map((name) => {
      const [rowsRead, , rowsWritten, , framesOut] = costs.get(name) ?? [];
      return [name, { rowsRead, rowsWritten, framesOut }];
    }),
  );
  expect(documented).toEqual(operations);
  expect([...readTable("COST.md", "stored").values()].map(([bytes]) => bytes)).toEqual([stored.empty, stored.full]);
});
