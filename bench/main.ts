// SPDX-License-Identifier: MIT
// Measures the targets beside each other: `make bench`, or `make bench CASES=first-sync-100k,wake TARGETS=durasync-c,bare RUNS=7 DEFLATE=no`.
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Subject, can, type Case, type Step } from "./cases/case.ts";
import type { LocalCase } from "./cases/local.ts";
import { BenchServer } from "./harness/server.ts";
import { readOptions } from "./options.ts";
import { judge } from "./report/goals.ts";
import { writePage } from "./report/page.ts";
import { printCase, printVerdicts } from "./report/tables.ts";
import { serverOf } from "./targets/index.ts";
import type { Target } from "./targets/target.ts";
import type { CaseResult, Results } from "./report/results.ts";

const folder = fileURLToPath(new URL("../build/bench/", import.meta.url));

const MOST = 120_000; // milliseconds that one step may take

/** A target that takes part in a case: its server and step, prepared, and what its runs measured. */
interface Lane {
  readonly subject: Subject;
  readonly step: Step;
  readonly metrics: Record<string, number[]>;
}

/** Rejects when `work` is not done in time: what workerd had to say is then the best clue. */
async function inTime<T>(work: Promise<T>, what: string, server: BenchServer): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(new Error(`${what} got no answer. workerd says:\n${server.log}`)), MOST)));
  return await Promise.race([work, late]).finally(() => clearTimeout(timer));
}

// A process of its own for every case, on the storage of all: tables are seeded once.
async function prepare(measured: Case, target: Target, server: BenchServer, deflate: boolean): Promise<Lane> {
  await server.stop();
  await server.start();
  const subject = new Subject(server, target, deflate, measured.name);
  return { subject, step: await inTime(measured.prepare(subject), `${measured.name} of ${target.name}`, server), metrics: {} };
}

/** The same lanes in an order of chance: what one leaves behind, garbage in this process for one, is not always the same other's to clear away. */
function shuffled(lanes: readonly Lane[]): Lane[] {
  return lanes.map((lane) => ({ lane, at: Math.random() })).sort((a, b) => a.at - b.at).map(({ lane }) => lane);
}

/** Runs a case with every target that can do it, in turns, so that a busy machine is busy for all of them. */
async function runCase(measured: Case, deflate: boolean, servers: ReadonlyMap<Target, BenchServer>, runs: number): Promise<CaseResult> {
  const { name, title, warmUps = 0 } = measured;
  const lanes: Lane[] = [];
  try {
    for (const [target, server] of servers) if (can(target, measured)) lanes.push(await prepare(measured, target, server, deflate));
    const rounds = Math.min(runs, measured.runs ?? Infinity) + warmUps;
    for (let run = 0; run < rounds; run++) {
      for (const { subject, step, metrics } of shuffled(lanes)) {
        if (run >= warmUps + (subject.target.mostRuns ?? Infinity)) continue;
        const values = await inTime(step(run), `${name} of ${subject.target.name}`, subject.server);
        if (run >= warmUps) for (const [metric, value] of Object.entries(values)) (metrics[metric] ??= []).push(value);
      }
    }
    return { name, title, deflate, targets: Object.fromEntries(lanes.map(({ subject, metrics }) => [subject.target.name, metrics])) };
  } finally {
    for (const { subject } of lanes) await subject.close();
    for (const server of servers.values()) await server.stop();
  }
}

async function runLocalCase({ name, title, once = false, lanes }: LocalCase, runs: number): Promise<CaseResult> {
  const targets: Record<string, Record<string, number[]>> = {};
  for (let run = 0; run < (once ? 1 : runs); run++) {
    for (const [lane, step] of Object.entries(lanes)) {
      for (const [metric, value] of Object.entries(await step())) ((targets[lane] ??= {})[metric] ??= []).push(value);
    }
  }
  return { name, title, deflate: false, targets };
}

function keep(result: CaseResult): void {
  results.cases.push(result);
  printCase(result);
  writeFileSync(`${folder}results.json`, `${JSON.stringify(results, null, 1)}\n`);
}

const servers = new Map<Target, BenchServer>();

// Whoever stops the bench stops its servers, and their storage goes with them.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
process.once("exit", () => servers.forEach((server) => server.kill()));

const options = await readOptions(process.env);
const results: Results = { begun: new Date().toISOString(), node: process.version, cases: [] };
mkdirSync(folder, { recursive: true });
for (const target of options.targets) servers.set(target, new BenchServer(serverOf(target.name)));
try {
  for (const measured of options.localCases) keep(await runLocalCase(measured, options.runs));
  for (const measured of options.cases) {
    for (const deflate of measured.network ? options.deflate : [false]) {
      keep(await runCase(measured, deflate, servers, options.runs));
    }
  }
} finally {
  for (const server of servers.values()) await server.dispose();
}
printVerdicts(judge(results));
await writePage(results, `${folder}index.html`);
console.log(`\nFigures: build/bench/results.json; plots: build/bench/index.html (make bench-view)`);
