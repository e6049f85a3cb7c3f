// SPDX-License-Identifier: MIT
import type { Instructions, Scenario, Share } from "./instructions.ts";
import { kinds, type Kind, type Profiler } from "./profiler.ts";

const TOP = 10;
const FIGURE = 12; // columns of a figure
const NAME = 36;

const count = (value: number): string => Math.round(value).toLocaleString("en-US");
const percent = (part: number, whole: number): string => `${((100 * part) / (whole || 1)).toFixed(1)}%`;
const figure = (value: number): string => value.toLocaleString("en-US", value >= 1000 ? { maximumFractionDigits: 0 } : { maximumFractionDigits: 1, minimumFractionDigits: 1 });

function printRow(name: string, cells: readonly string[], width = FIGURE): void {
  console.log(`${`  ${name}`.padEnd(NAME)}${cells.map((cell) => cell.padStart(width)).join("")}`.trimEnd());
}

export function printInstructionsHeading(): void {
  console.log(`Instructions of one operation, counted by callgrind

The core for this machine (-O2, not the module), the todo app, the host of tests/native, and the system's SQLite with a write-ahead log. An operation is a turn from the
frame to its deliveries, joined; what leads up to it is not counted. What the core, SQLite or the host have libc copy, compare and allocate is libc's; "host" is the app as well.`);
}

export function printInstructions(all: ReadonlyMap<Scenario, Instructions>): void {
  console.log("");
  printRow("", ["all", "core", "SQLite", "libc", "host"]);
  for (const [{ name }, { all: sum, core, sqlite, host }] of all) printRow(name, [sum, core, sqlite, sum - core - sqlite - host, host].map(count));
  console.log(`
The functions of the core with the most instructions of their own, and their part of all; and those with the most when what they call is counted as well, SQLite and
libc among it, but for those that call nine tenths of everything`);
  for (const [{ name, title }, { all: sum, own, withCalls }] of all) {
    console.log(`\n${name}: ${title}`);
    const cells = (share: Share | undefined) => (share ? `${share[0].padEnd(NAME - 10)}${count(share[1]).padStart(FIGURE)}${percent(share[1], sum).padStart(8)}` : "");
    for (const [i, share] of own.entries()) console.log(`  ${cells(share)}    ${cells(withCalls[i])}`);
  }
}

export function printProfilesHeading(): void {
  console.log(`
Microseconds of one operation in workerd, by V8's CPU profiler

It asks what JavaScript runs, some thousand times a second, and knows no native function by itself: all that a call of the platform does counts for the call, and for the
caller once V8 has compiled the one into the other. SQLite's time is that of \`exec\` and of what moves a cursor (\`next\`, \`raw\`), its savepoints' that of \`transactionSync\`,
a socket's that of \`send\`; what V8 does for a function (JSON.parse) is the function's own. "Native code" is workerd with no script on the stack. Shares are of the samples
that were not idle. "On the clock" is the time that these took: waiting for the disk is in it, and on a busy machine what others did meanwhile. "CPU" is what the kernel
counted for the thread: work outside of the isolate is in it, that of sockets for one. Functions have their share of the lesser of the two. The profiler's own cost is in
everything: compare within a run.`);
}

const titles: Readonly<Record<Kind, string>> = {
  core: "the core's Wasm, and V8's border",
  script: "JavaScript of shim or target",
  platform: "calls of the platform",
  collector: "garbage collection",
  native: "native code (program)",
};

/** What was profiled of a target: so many operations. */
export interface Profiled {
  readonly target: string;
  readonly operations: number;
  readonly profiler: Profiler;
}

export function printProfiles({ name, title }: { readonly name: string; readonly title: string }, profiles: readonly Profiled[]): void {
  const width = Math.max(FIGURE, ...profiles.map(({ target }) => target.length + 2));
  console.log(`\n${name}: ${title}`);
  const row = (what: string, cell: (profiled: Profiled) => string) => printRow(what, profiles.map(cell), width);
  row("", ({ target }) => target);
  row("on the clock, us", ({ profiler, operations }) => figure(profiler.busy / operations));
  row("CPU, us", ({ profiler, operations }) => figure(profiler.cpu / operations));
  for (const kind of kinds) row(titles[kind], ({ profiler }) => percent(samplesOf(profiler, kind), profiler.samples));
  row("operations", ({ operations }) => count(operations));
  row("samples", ({ profiler }) => count(profiler.samples));
  for (const profiled of profiles) printFunctions(profiled);
}

function samplesOf({ functions }: Profiler, kind: Kind): number {
  return [...functions.values()].reduce((sum, one) => (one.kind === kind ? sum + one.samples : sum), 0);
}

function printFunctions({ target, operations, profiler }: Profiled): void {
  const { functions, samples, busy, cpu } = profiler;
  const microseconds = Math.min(busy, cpu) / operations;
  const top = [...functions.values()].filter(({ kind }) => kind === "script" || kind === "platform").sort((a, b) => b.samples - a.samples).slice(0, TOP);
  console.log(`\n  ${target}, functions by their own time, us and share; * is the platform's`);
  for (const one of top) printRow(`${one.name}${one.kind === "platform" ? " *" : ""}`, [figure(microseconds * (one.samples / samples)), percent(one.samples, samples)]);
}
