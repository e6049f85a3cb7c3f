// SPDX-License-Identifier: MIT
// What each operation costs, in rows as workerd counts them and in frames, is what bench/cost/operations.ts says: no less, no more.
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { measure, operations, type Figures, type OperationName } from "../../bench/cost/operations.ts";
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

test("the documented table has the same numbers", () => {
  const page = readFileSync(new URL("../../docs/COST.md", import.meta.url), "utf8");
  const documented = Object.fromEntries(
    Object.keys(operations).map((name) => {
      const line = page.split("\n").find((text) => text.startsWith(`| ${name} |`)) ?? "";
      const cells = line.split("|").map((cell) => Number(cell.replaceAll(",", "")));
      return [name, { rowsRead: cells[2], rowsWritten: cells[4], framesOut: cells[6] }];
    }),
  );
  expect(documented).toEqual(operations);
});
