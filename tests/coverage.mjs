// SPDX-License-Identifier: MIT
// What the native tests and some simulated worlds reach of the core: lines and branches of each file, and the lines that nothing reaches. Needs gcc and its gcov.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { resolve } from "node:path";

const WORLDS = "1..300";
const folder = resolve("build/coverage");
const sources = (path) => readdirSync(path).filter((name) => name.endsWith(".c")).map((name) => `${path}/${name}`);
const compiler = ["-std=c11", "-O0", "-g", "--coverage", "-Isrc", "-D_DEFAULT_SOURCE", "-fsanitize=address"];
const programs = [
  { name: "core_tests", args: [], flags: [], files: [...sources("src"), ...sources("fixtures/todo"), ...sources("tests/native"), ...sources("tests/core")] },
  {
    name: "sim",
    args: [WORLDS],
    flags: ["-include", "tests/sim/small_limits.h"],
    files: [...sources("src"), "tests/native/sqlite_host.c", "tests/native/statements.c", ...sources("tests/sim")],
  },
];

rmSync(folder, { recursive: true, force: true });
const lines = new Map(); // file -> line -> {count, branches: counts}
for (const program of programs) {
  build(program);
  run(`${folder}/${program.name}/${program.name}`, program.args);
  for (const source of sources("src")) collect(program, source);
}
print();

function run(command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`${command} ended with ${status}\n${stdout.slice(-2000)}\n${stderr.slice(-2000)}`);
  return stdout;
}

function build({ name, flags, files }) {
  const to = `${folder}/${name}`;
  mkdirSync(to, { recursive: true });
  const objects = files.map((file) => `${to}/${file.replaceAll("/", "-").replace(/c$/, "o")}`);
  files.forEach((file, i) => run("gcc", [...compiler, ...flags, "-c", file, "-o", objects[i]]));
  run("gcc", [...compiler, ...objects, "-lsqlite3", "-lm", "-o", `${to}/${name}`]);
}

function collect({ name }, source) {
  const object = `${folder}/${name}/${source.replaceAll("/", "-").replace(/c$/, "o")}`;
  const report = JSON.parse(run("gcov", ["--json-format", "--stdout", "--branch-probabilities", object]));
  const file = report.files.find((one) => one.file === source);
  const known = lines.get(source) ?? new Map();
  lines.set(source, known);
  for (const { line_number: at, count, branches } of file.lines) {
    const line = known.get(at) ?? { count: 0, branches: [] };
    line.count += count;
    branches.forEach((branch, i) => (line.branches[i] = (line.branches[i] ?? 0) + branch.count));
    known.set(at, line);
  }
}

function print() {
  const all = { lines: 0, reached: 0, branches: 0, taken: 0 };
  const missed = [];
  for (const [source, known] of lines) {
    const sum = { lines: known.size, reached: 0, branches: 0, taken: 0 };
    const text = readFileSync(source, "utf8").split("\n");
    for (const [at, { count, branches }] of known) {
      if (count > 0) sum.reached++;
      else missed.push(`${source}:${at}: ${text[at - 1].trim()}`);
      sum.branches += branches.length;
      sum.taken += branches.filter((taken) => taken > 0).length;
    }
    console.log(row(source, sum));
    for (const key of Object.keys(all)) all[key] += sum[key];
  }
  console.log(row("all of it", all));
  console.log(`\nReached by nothing:\n${missed.join("\n")}`);
}

function row(name, { lines, reached, branches, taken }) {
  const part = (some, of) => `${((100 * some) / Math.max(of, 1)).toFixed(1).padStart(5)}% of ${String(of).padStart(4)}`;
  return `${name.padEnd(20)} lines ${part(reached, lines)}   branches ${part(taken, branches)}`;
}
