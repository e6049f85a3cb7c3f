// SPDX-License-Identifier: MIT
// What `make bench` is told, as variables of the environment.
import type { Case } from "./cases/case.ts";
import { cases } from "./cases/index.ts";
import { localCases, type LocalCase } from "./cases/local.ts";
import { loadTarget, targetNames } from "./targets/index.ts";
import type { Target } from "./targets/target.ts";

export interface Options {
  readonly cases: readonly Case[];
  readonly localCases: readonly LocalCase[];
  readonly targets: readonly Target[];
  readonly runs: number;
  /** Whether sockets are compressed: both, as a rule. */
  readonly deflate: readonly boolean[];
}

/** Those whose name is one of `wishes`, with commas between them, or begins with it. `kind` is what a message calls them. */
export function chosen<Named extends { readonly name: string }>(all: readonly Named[], wishes: string, kind: string): Named[] {
  const wished = wishes.split(",").map((wish) => {
    const same = all.filter(({ name }) => name === wish);
    const found = same.length > 0 ? same : all.filter(({ name }) => name.startsWith(wish));
    if (found.length === 0) throw new Error(`There is no ${kind} ${wish}. There are: ${all.map(({ name }) => name).join(" ")}`);
    return found;
  });
  return all.filter((one) => wished.some((found) => found.includes(one)));
}

/** `CASES` and `TARGETS` are names, or how they begin, with commas between them; `QUICK` leaves out what is slow; `HUGE` adds what is very slow. */
export async function readOptions({ CASES, TARGETS, RUNS, DEFLATE, QUICK, HUGE }: NodeJS.ProcessEnv): Promise<Options> {
  const usual = cases.filter(({ size }) => size === undefined || (size === "slow" && !QUICK) || (size === "huge" && HUGE));
  const all = targetNames.map((name) => ({ name }));
  const names = TARGETS ? chosen(all, TARGETS, "target") : all;
  const runs = Number(RUNS || (QUICK ? 3 : 7));
  if (!(runs >= 1)) throw new Error(`RUNS is to be a number, not ${RUNS}.`);
  return {
    cases: CASES ? chosen([...cases, ...localCases], CASES, "case").filter((one) => "prepare" in one) : usual,
    localCases: CASES ? chosen([...cases, ...localCases], CASES, "case").filter((one) => "lanes" in one) : localCases,
    targets: await Promise.all(names.map(async ({ name }) => await loadTarget(name))),
    runs,
    deflate: DEFLATE === "no" || QUICK ? [false] : DEFLATE === "only" ? [true] : [false, true],
  };
}
