// SPDX-License-Identifier: MIT
// Prints what each operation costs, durasync beside the baseline, and renews the table in docs/COST.md: `make cost`.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Cost } from "../../js-shim/cost.ts";
import { measure, operations, type OperationName } from "./operations.ts";
import { startBench, type BenchServer, type ObjectClass } from "./server.ts";

const page = fileURLToPath(new URL("../../docs/COST.md", import.meta.url));
const marked = /(<!-- cost:begin -->\n)[^]*(<!-- cost:end -->)/;

type Costs = ReadonlyMap<OperationName, Cost>;

async function costsOf(server: BenchServer, objectClass: ObjectClass): Promise<Costs> {
  const costs = new Map<OperationName, Cost>();
  for await (const [name, cost] of measure((object) => server.subject(objectClass, object))) costs.set(name, cost);
  return costs;
}

function tableOf(durasync: Costs, baseline: Costs): string {
  const fields = ["rowsRead", "rowsWritten", "framesOut", "unitsOut"] as const;
  const rows = (Object.keys(operations) as OperationName[]).map((name) => {
    const cells = fields.flatMap((field) => [durasync, baseline].map((costs) => costs.get(name)?.[field].toLocaleString("en-US") ?? "-"));
    return `| ${[name, ...cells].join(" | ")} |`;
  });
  const head = ["rows read", "rows written", "frames out", "bytes out"].flatMap((unit) => [unit, "bare"]);
  return [`| operation | ${head.join(" | ")} |`, `| --- ${"| ---: ".repeat(head.length)}|`, ...rows, ""].join("\n");
}

function renewPage(table: string): void {
  const text = readFileSync(page, "utf8");
  if (!marked.test(text)) throw new Error("docs/COST.md has no place for the table");
  writeFileSync(page, text.replace(marked, (_, begin: string, end: string) => `${begin}\n${table}\n${end}`));
}

const server = await startBench();
try {
  const table = tableOf(await costsOf(server, "Todos"), await costsOf(server, "Plain"));
  console.log(`What durasync costs, beside the bare object of bench/cost/baseline.ts:\n\n${table}`);
  renewPage(table);
} finally {
  await server.close();
}
