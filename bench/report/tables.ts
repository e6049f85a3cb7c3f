// SPDX-License-Identifier: MIT
import { median, quantile } from "../harness/statistics.ts";
import type { Verdict } from "./goals.ts";
import type { CaseResult } from "./results.ts";

const figure = (value: number): string => value.toLocaleString("en-US", value >= 100 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 });

/** Prints medians, in brackets the quartiles, and the ratio to the first target. */
export function printCase({ name, title, deflate, targets }: CaseResult): void {
  console.log(`\n${title}${deflate ? ", compressed" : ""}  (${name})`);
  const names = Object.keys(targets);
  const [first = ""] = names;
  for (const metric of Object.keys(targets[first] ?? {})) {
    const cells = names.map((target) => {
      const values = targets[target]?.[metric] ?? [];
      const ratio = target === first ? "" : ` x${figure(median(values) / median(targets[first]?.[metric] ?? []))}`;
      return `${target} ${figure(median(values))} [${figure(quantile(values, 0.25))}-${figure(quantile(values, 0.75))}]${ratio}`;
    });
    console.log(`  ${metric.padEnd(28)} ${cells.join("   ")}`);
  }
}

/** Prints what was to be reached, and what was. */
export function printVerdicts(verdicts: readonly Verdict[]): void {
  if (verdicts.length === 0) return;
  const width = Math.max(...verdicts.map(({ goal }) => goal.length));
  console.log(`\n${"target".padEnd(width)}  ${"wanted".padEnd(18)}${"measured".padEnd(26)}met?`);
  for (const { goal, wanted, measured, met } of verdicts) {
    console.log(`${goal.padEnd(width)}  ${wanted.padEnd(18)}${[...new Set(Object.values(measured))].join(", ").padEnd(26)}${met ? "yes" : "NO"}`);
  }
  console.log(`\nOf two figures the first is the app's in C, the second the one's in TypeScript.`);
}
