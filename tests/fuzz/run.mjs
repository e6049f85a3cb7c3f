// SPDX-License-Identifier: MIT
// `node tests/fuzz/run.mjs SECONDS`: runs every input that was kept; then, where `make fuzzers` could build them, lets each fuzzer look for new ones for so long; then holds
// conversations with the native core and with the Wasm module and compares. What breaks something is left in build/fuzz, to be kept in tests/fuzz/corpus once it is mended.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { differences, talkers } from "./differential.ts";

const seconds = Number(process.argv[2] ?? 60);
const MAX_COMPARED = 400; // of the inputs that were found here and are not kept
const kept = { json: "tests/fuzz/JSONTestSuite/test_parsing", frame: "tests/fuzz/corpus/frame", conversation: "tests/fuzz/corpus/conversation", personal: "tests/fuzz/corpus/personal", outcome: "tests/fuzz/corpus/outcome" };
const files = (folder) => (existsSync(folder) ? readdirSync(folder).map((name) => `${folder}/${name}`) : []);
const found = (name) => `build/fuzz/corpus/${name}`;
let [passed, failed, skipped] = [0, 0, 0];

for (const name of Object.keys(kept)) count(`${name}: ${files(kept[name]).length} kept inputs`, execute(`build/fuzz/replay-${name}`, files(kept[name])));
for (const name of Object.keys(kept)) {
  if (existsSync(`build/fuzz/${name}`)) count(`${name}: new inputs for ${seconds} s`, fuzz(name));
  else skipped++;
}
if (skipped > 0) console.log("skipped: no clang with libFuzzer here, so nothing looked for new inputs");
for (const name of talkers) count(`${name}: native and Wasm say the same`, compare(name));
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed > 0 ? 1 : 0;

function count(what, well) {
  if (well) passed++;
  else failed++;
  console.log(`${well ? "ok" : "FAILED"}  ${what}`);
}

function execute(command, args) {
  const { status, stderr } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 1 << 28 });
  if (status !== 0) console.log(stderr.split("\n").slice(-60).join("\n"));
  else console.log(/^stat::number_of_executed_units: .*|^Done .*/m.exec(stderr)?.[0] ?? "");
  return status === 0;
}

function fuzz(name) {
  mkdirSync(found(name), { recursive: true });
  const options = [`-max_total_time=${seconds}`, "-timeout=60", "-max_len=4096", "-artifact_prefix=build/fuzz/"];
  return execute(`build/fuzz/${name}`, [...options, found(name), kept[name]]);
}

function compare(name) {
  const inputs = [...files(kept[name]), ...files(found(name)).slice(0, MAX_COMPARED)];
  const parted = differences(name, inputs, "build/fuzz/compared");
  for (const [path, where] of parted) console.log(`${path}: ${where}`);
  const same = inputs.length - parted.size;
  console.log(`${same} of ${inputs.length} conversations`);
  return same === inputs.length && same > 0;
}
