// SPDX-License-Identifier: MIT
// Instructions of the core on the native host, counted by valgrind's callgrind: the same on every machine with the same compiler and SQLite, however busy it is.
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { readCallgrind, withCalls } from "./callgrind.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const path = "build/profile/scenarios";
const TOP = 10;
// Of an operation: what calls more than this is the way through all stages, and says nothing of where instructions go.
const NEARLY_ALL = 0.9;

// A repeated instruction counts as one each time: glibc is to copy and clear large blocks by vectors, as it does small ones, and not byte by byte by one of these.
const GLIBC_TUNABLES = ["stosb", "movsb"].map((what) => `glibc.cpu.x86_rep_${what}_threshold=1000000000`).join(":");

/** A scenario of scenarios.c, which has the list. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly times: number;
  readonly parts: number;
}

/** A function of the core, and its instructions. */
export type Share = readonly [name: string, instructions: number];

/** Instructions of one operation. */
export interface Instructions {
  readonly all: number;
  readonly core: number;
  readonly sqlite: number;
  /** The host and the app; whatever is left is libc's. */
  readonly host: number;
  /** The functions of the core with the most of their own. */
  readonly own: readonly Share[];
  /** Those with the most when what they call is counted as well, but for those that call nearly everything. */
  readonly withCalls: readonly Share[];
}

/** Why nothing can be counted here, or undefined. */
export function whyNot(): string | undefined {
  if (spawnSync("valgrind", ["--version"]).status !== 0) return "there is no valgrind, which counts them";
  if (spawnSync("make", ["--silent", path], { cwd: root, stdio: "inherit" }).status !== 0) return `${path} does not compile: it needs a C compiler and libsqlite3`;
  return undefined;
}

/** Those of the program, which `whyNot` has built. */
export function readScenarios(): Scenario[] {
  const lines = execFileSync(join(root, path), { encoding: "utf8" }).trimEnd().split("\n");
  return lines.map((line) => {
    const [name = "", times, parts, title = ""] = line.split("\t");
    return { name, title, times: Number(times), parts: Number(parts) };
  });
}

/** Runs the scenario under callgrind, which counts operations alone. */
export async function countInstructions({ name, times, parts }: Scenario): Promise<Instructions> {
  const folder = mkdtempSync(join(tmpdir(), "durasync-profile-"));
  try {
    const output = join(folder, "callgrind.out");
    const options = ["--tool=callgrind", "--toggle-collect=operate*", `--callgrind-out-file=${output}`];
    await promisify(execFile)("valgrind", [...options, join(root, path), name, String(times), join(folder, "database")], { env: { ...process.env, GLIBC_TUNABLES } });
    return perOperation(readFileSync(output, "utf8"), times * parts);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function perOperation(text: string, operations: number): Instructions {
  const functions = [...readCallgrind(text)];
  const sumOf = (some: typeof functions) => some.reduce((sum, [, { own }]) => sum + own, 0) / operations;
  const program = functions.filter(([, { object }]) => object.endsWith(path));
  const core = program.filter(([, { file }]) => /(^|\/)src\/\w+\.[ch]$/.test(file));
  const all = sumOf(functions);
  const inclusive = core.map(([id, counted]): Share => [counted.name, withCalls(counted, id) / operations]);
  return {
    all,
    core: sumOf(core),
    sqlite: sumOf(functions.filter(([, { object }]) => object.includes("sqlite3"))),
    host: sumOf(program) - sumOf(core),
    own: most(core.map(([, { name, own }]): Share => [name, own / operations])),
    withCalls: most(inclusive.filter(([, instructions]) => instructions < NEARLY_ALL * all)),
  };
}

const most = (shares: readonly Share[]): Share[] => shares.toSorted(([, a], [, b]) => b - a).slice(0, TOP);
