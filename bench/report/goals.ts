// SPDX-License-Identifier: MIT
// What durasync is to reach, held against the medians of a run. A goal whose cases were not run says nothing.
import { median } from "../harness/statistics.ts";
import type { Results } from "./results.ts";

interface Goal {
  readonly goal: string;
  /** What is measured, and from which medians: undefined if one is missing. */
  readonly measure: (median: Medians, ours: string) => number | undefined;
  readonly atLeast?: number;
  readonly atMost?: number;
  readonly unit: string;
}

type Medians = (name: string, target: string, metric: string) => number | undefined;

export interface Verdict {
  readonly goal: string;
  readonly wanted: string;
  /** Of each durasync target. */
  readonly measured: Readonly<Record<string, string>>;
  readonly met: boolean;
}

const PLAIN = "straightforward";
const BARE = "bare";

const ratio = (a: number | undefined, b: number | undefined): number | undefined => (a === undefined || b === undefined ? undefined : a / b);

/** How many times less than `other`'s ours is. */
const lessThan = (name: string, other: string, metric: string) => (of: Medians, ours: string) => ratio(of(name, other, metric), of(name, ours, metric));
/** How many times `other`'s ours is. */
const times = (name: string, other: string, metric: string) => (of: Medians, ours: string) => ratio(of(name, ours, metric), of(name, other, metric));
const value = (name: string, metric: string) => (of: Medians, ours: string) => of(name, ours, metric);
const local = (name: string, target: string, metric: string) => (of: Medians) => of(name, target, metric);

const firstSync = (size: string): Goal[] => [
  { goal: `first sync of ${size} rows, times faster than the straightforward object`, measure: lessThan(`first-sync-${size}`, PLAIN, "last row, ms"), atLeast: 2, unit: "x" },
  { goal: `first sync of ${size} rows, time beside the bare limit`, measure: times(`first-sync-${size}`, BARE, "last row, ms"), atMost: 1.25, unit: "x" },
];

const goals: readonly Goal[] = [
  ...firstSync("10k"),
  ...firstSync("100k"),
  { goal: "first rows of 100k beside those of 1k", measure: (of, ours) => ratio(of("first-sync-100k", ours, "first row, ms"), of("first-sync-1k", ours, "first row, ms")), atMost: 1.5, unit: "x" },
  { goal: "resume of 10 in 100k, rows read: 10 and a small constant", measure: value("resume", "rows read"), atMost: 30, unit: "" },
  { goal: "resume of 10 in 100k, times fewer bytes than sending again", measure: (of, ours) => ratio(of("first-sync-100k", PLAIN, "bytes"), of("resume", ours, "bytes")), atLeast: 50, unit: "x" },
  { goal: "resume of 10 in 100k, times faster than sending again", measure: (of, ours) => ratio(of("first-sync-100k", PLAIN, "last row, ms"), of("resume", ours, "last row, ms")), atLeast: 20, unit: "x" },
  { goal: "pipelined single messages, times the straightforward object's actions per second", measure: times("pipelined-1", PLAIN, "actions per second"), atLeast: 8, unit: "x" },
  { goal: "pipelined single messages, CPU per action beside the straightforward object's", measure: times("pipelined-1", PLAIN, "server CPU per action, us"), atMost: 0.5, unit: "x" },
  { goal: "one sequential action, p50 beside the straightforward object's", measure: times("sequential", PLAIN, "p50, ms"), atMost: 1, unit: "x" },
  { goal: "burst of 200 to 100 listeners, times the deliveries per second", measure: times("burst-100", PLAIN, "deliveries per second"), atLeast: 15, unit: "x" },
  { goal: "burst of 200 to 1,000 listeners, times the deliveries per second", measure: times("burst-1k", PLAIN, "deliveries per second"), atLeast: 15, unit: "x" },
  { goal: "one action to the last of 1,000 listeners, beside the bare limit", measure: times("lone-1k", BARE, "last listener, ms"), atMost: 1.2, unit: "x" },
  { goal: "one column of a 2 KB row, times fewer bytes per listener", measure: lessThan("wide", PLAIN, "bytes per listener"), atLeast: 10, unit: "x" },
  { goal: "an action during a first sync of 100k, times sooner answered", measure: lessThan("meanwhile", PLAIN, "longest answer, ms"), atLeast: 5, unit: "x" },
  { goal: "memory rise of a first sync of 100k", measure: value("memory-100k", "rise, MB"), atMost: 16, unit: " MB" },
  { goal: "memory rise of a first sync of 1m beside that of 100k", measure: (of, ours) => ratio(of("memory-1m", ours, "rise, MB"), of("memory-100k", ours, "rise, MB")), atMost: 1.25, unit: "x" },
  { goal: "wake to first answer, beside the bare object's", measure: times("wake-0", BARE, "first answer, ms"), atMost: 1.3, unit: "x" },
  { goal: "memory of an idle Instance", measure: local("instance", "core.wasm", "memory, KiB"), atMost: 256, unit: " KiB" },
  { goal: "core.wasm", measure: local("size", "core.wasm", "KiB"), atMost: 56, unit: " KiB" },
  { goal: "the client, gzipped", measure: local("size", "client", "gzipped, KiB"), atMost: 12, unit: " KiB" },
];

/** Holds a run's medians, without compression, against the goals; those that the run says nothing of are left out. */
export function judge({ cases }: Results): Verdict[] {
  const medians: Medians = (name, target, metric) => {
    const values = cases.find((result) => result.name === name && !result.deflate)?.targets[target]?.[metric];
    return values && values.length > 0 ? median(values) : undefined;
  };
  const ours = [...new Set(cases.flatMap(({ targets }) => Object.keys(targets)))].filter((name) => name.startsWith("durasync-"));
  return goals.flatMap(({ goal, measure, atLeast = -Infinity, atMost = Infinity, unit }) => {
    const measured = (ours.length > 0 ? ours : [""]).flatMap((target) => {
      const found = measure(medians, target);
      return found === undefined ? [] : [[target, found] as const];
    });
    if (measured.length === 0) return [];
    const wanted = atLeast === -Infinity ? `at most ${atMost}${unit}` : `at least ${atLeast}${unit}`;
    const met = measured.every(([, found]) => found >= atLeast && found <= atMost);
    return [{ goal, wanted, measured: Object.fromEntries(measured.map(([target, found]) => [target, `${Number(found.toPrecision(3))}${unit}`])), met }];
  });
}
