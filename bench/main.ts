// SPDX-License-Identifier: MIT
// Measures the targets beside each other: `make bench`, or `make bench CASES=first-sync-100k,wake TARGETS=durasync-c,bare RUNS=7 DEFLATE=no`.
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Subject, type Case, type Step } from "./cases/case.ts";
import { BenchServer } from "./harness/server.ts";
import { readOptions, type Options } from "./options.ts";
import { printCase } from "./report/tables.ts";
import { serverOf } from "./targets/index.ts";
import type { Target } from "./targets/target.ts";
import type { CaseResult, Results } from "./report/results.ts";

const folder = fileURLToPath(new URL("../build/bench/", import.meta.url));

/** Each target's server and step, prepared, and what its runs measured. */
interface Lane {
  readonly subject: Subject;
  readonly step: Step;
  readonly metrics: Record<string, number[]>;
}

async function prepare(lanes: Lane[], measured: Case, target: Target, deflate: boolean): Promise<void> {
  const subject = new Subject(new BenchServer(serverOf(target.name)), target, deflate);
  const lane: Lane = { subject, step: async () => ({}), metrics: {} };
  lanes.push(lane);
  await subject.server.start();
  lanes[lanes.length - 1] = { ...lane, step: await measured.prepare(subject) };
}

/** Runs a case with every target that can do it, in turns, so that a busy machine is busy for all of them. */
async function runCase(measured: Case, deflate: boolean, { targets, runs }: Options): Promise<CaseResult> {
  const { name, title, warmUps = 0 } = measured;
  const lanes: Lane[] = [];
  try {
    for (const target of targets) if (!measured.skips?.(target)) await prepare(lanes, measured, target, deflate);
    const rounds = Math.min(runs, measured.runs ?? Infinity) + warmUps;
    for (let run = 0; run < rounds; run++) {
      for (const { step, metrics } of run % 2 === 0 ? lanes : lanes.toReversed()) {
        const values = await step(run);
        if (run >= warmUps) for (const [metric, value] of Object.entries(values)) (metrics[metric] ??= []).push(value);
      }
    }
    return { name, title, deflate, targets: Object.fromEntries(lanes.map(({ subject, metrics }) => [subject.target.name, metrics])) };
  } finally {
    for (const { subject } of lanes) {
      await subject.close();
      await subject.server.dispose();
    }
  }
}

const options = readOptions(process.env);
const results: Results = { begun: new Date().toISOString(), node: process.version, cases: [] };
mkdirSync(folder, { recursive: true });
for (const measured of options.cases) {
  for (const deflate of measured.network ? options.deflate : [false]) {
    const result = await runCase(measured, deflate, options);
    results.cases.push(result);
    printCase(result);
    writeFileSync(`${folder}results.json`, `${JSON.stringify(results, null, 1)}\n`);
  }
}
