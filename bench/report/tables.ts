// SPDX-License-Identifier: MIT
import { median, quantile } from "../harness/statistics.ts";
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
