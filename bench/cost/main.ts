// SPDX-License-Identifier: MIT
// Prints what each operation costs, durasync beside the baseline, and renews the tables of docs/COST.md and docs/SCALE.md: `make cost`.
import type { Cost } from "../../js-shim/cost.ts";
import { measure, measureStored, operations, type OperationName } from "./operations.ts";
import { renewPlace, tableOf, type Page } from "./pages.ts";
import { derived } from "./scale.ts";
import { startBench, type BenchServer, type ObjectClass } from "./server.ts";

type Costs = ReadonlyMap<OperationName, Cost>;

const count = (amount: number | undefined): string => amount?.toLocaleString("en-US") ?? "-";

async function costsOf(server: BenchServer, objectClass: ObjectClass): Promise<Costs> {
  const costs = new Map<OperationName, Cost>();
  for await (const [name, cost] of measure((object) => server.subject(objectClass, object))) costs.set(name, cost);
  return costs;
}

function costTable(durasync: Costs, baseline: Costs): string {
  const fields = ["rowsRead", "rowsWritten", "framesOut", "unitsOut"] as const;
  const rows = (Object.keys(operations) as OperationName[]).map((name) => [
    name,
    ...fields.flatMap((field) => [durasync, baseline].map((costs) => count(costs.get(name)?.[field]))),
  ]);
  return tableOf(["operation", ...["rows read", "rows written", "frames out", "bytes out"].flatMap((unit) => [unit, "bare"])], rows);
}

async function storedTable(server: BenchServer): Promise<string> {
  const durasync = await measureStored(server.subject("Todos", "stored"));
  const baseline = await measureStored(server.subject("Plain", "stored"));
  return tableOf(["database", "bytes", "bare"], [
    ["empty", count(durasync.empty), count(baseline.empty)],
    ["10,000 rows, just written", count(durasync.full), count(baseline.full)],
  ]);
}

function renew(page: Page, name: string, content: string): void {
  console.log(`${content}\n`);
  renewPlace(page, name, content);
}

const server = await startBench();
try {
  console.log("What durasync costs, beside the bare object of bench/cost/baseline.ts:\n");
  renew("COST.md", "cost", costTable(await costsOf(server, "Todos"), await costsOf(server, "Plain")));
  renew("COST.md", "stored", await storedTable(server));
} finally {
  await server.close();
}
for (const { page, name, content } of derived) renew(page, name, content());
