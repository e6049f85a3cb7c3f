// SPDX-License-Identifier: MIT
// Plants each of mutants.mjs in a copy of its file, builds the simulator with it, and expects worlds to fail: `make sim-mutants`. Arguments name some of them, by a part of
// their names. Ends with the score; a mutant whose text is no longer there, or that does not compile, is an error and not a success.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { mutants } from "./mutants.mjs";

const SEEDS = process.env["MUTANT_SEEDS"] ?? "1..3000";
const folder = "build/mutants";
// How make compiles native code, and of what it builds the simulator; small_limits.h comes on top where the simulator is built.
const flags = [...(process.env["NATIVE_CFLAGS"] ?? "").split(" "), "-D_DEFAULT_SOURCE"];
const sources = (path) => readdirSync(path).filter((name) => name.endsWith(".c")).map((name) => `${path}/${name}`);
const compiler = process.env["CC"] ?? "cc";

const wanted = process.argv.slice(2);
const chosen = mutants.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
mkdirSync(folder, { recursive: true });
for (const mutant of chosen) build(mutant, ["-include", "tests/sim/small_limits.h", "-c", plant(mutant)], `${folder}/probe.o`);
let caught = 0;
for (const mutant of chosen) {
  const how = mutant.test === undefined ? seenBySimulator(mutant) : seenByTest(mutant);
  caught += how !== undefined;
  console.log(`${how === undefined ? "MISSED" : "caught"}  ${mutant.name}${how === undefined ? "" : `: ${how}`}`);
}
console.log(`${caught} passed, ${chosen.length - caught} failed`);
process.exitCode = caught === chosen.length && caught > 0 ? 0 : 1;

/** The mutated file, in a folder of its own. */
function plant({ name, file, from, to }) {
  const text = readFileSync(`src/${file}`, "utf8");
  if (text.split(from).length !== 2) throw new Error(`"${name}": its text stands ${text.split(from).length - 1} times in src/${file}, not once`);
  writeFileSync(`${folder}/${file}`, text.replace(from, () => to));
  return `${folder}/${file}`;
}

function run(command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 1 << 28, timeout: 900_000 });
  return { status, text: `${stdout}${stderr}` };
}

function build(mutant, args, output) {
  const { status, text } = run(compiler, [...flags, "-iquote", "src", ...args, "-o", output, ...(args.includes("-c") ? [] : ["-lsqlite3", "-lm"])]);
  if (status !== 0) throw new Error(`"${mutant.name}" does not compile:\n${text.slice(0, 2000)}`);
}

// Only the mutated file is compiled anew; the rest is the simulator as make has built it.
function seenBySimulator(mutant) {
  const planted = plant(mutant);
  const objects = (process.env["SIM_SOURCES"] ?? "").split(" ").filter((path) => path !== `src/${mutant.file}`);
  build(mutant, ["-include", "tests/sim/small_limits.h", planted, ...objects.map((path) => `build/sim/${path.replace(/\.c$/, ".o")}`)], `${folder}/sim`);
  const { status, text } = run(`${folder}/sim`, [SEEDS, "--brief"]);
  const words = /^seed .*$/m.exec(text)?.[0];
  return status === 1 && words !== undefined ? words.slice(0, 140) : undefined;
}

function seenByTest(mutant) {
  const planted = plant(mutant);
  const all = [...sources("src"), ...sources("fixtures/todo"), ...sources("tests/native"), ...sources("tests/core")];
  build(mutant, [planted, ...all.filter((path) => path !== `src/${mutant.file}`)], `${folder}/core_tests`);
  const { text } = run(`${folder}/core_tests`, []);
  return text.split("\n").some((line) => line.startsWith("FAILED") && line.endsWith(mutant.test)) ? `${mutant.test} (a test: ${mutant.why})` : undefined;
}
