// SPDX-License-Identifier: MIT
// Runs the tiers of tests in order, says which could not run here and why, and ends with the names of what failed, the seconds and counts of
// each tier, and the totals alone on the last line.
// The native tiers, which need processors and touch nothing else, run beside the last one, which mostly waits for others.
// `node tests/run.mjs client shim` runs only those, `workerd/crash` only the files of a tier whose names begin so. With REQUIRE_ALL_TIERS=1 a tier that cannot run counts as failed.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const minutes = 60_000;
const scratch = mkdtempSync(join(tmpdir(), "durasync-tests-"));
const chromium = findChromium();
const env = { ...process.env, PATH: `${join(root, "node_modules/.bin")}${delimiter}${process.env["PATH"]}` };
if (chromium !== undefined) env["CHROMIUM"] = chromium;

/**
 * A tier: its name, what it runs, and why it cannot run here (undefined if it can).
 * `run` returns the counts {passed, failed, skipped}, and perhaps `failures`: the names of what failed.
 */
const tiers = [
  { name: "types", run: runTypes },
  { name: "toolchain", run: runVitest, oneByOne: true },
  { name: "core", run: runCore, missing: missingForCore, native: true },
  { name: "sim", run: runSim, missing: missingForCore, native: true },
  { name: "conversations", run: runVitest },
  { name: "fuzz", run: runFuzz, missing: missingForCore, native: true },
  { name: "shim", run: runVitest },
  { name: "workerd", run: runVitest, oneByOne: true },
  { name: "client", run: runVitest },
  { name: "browser", run: runVitest, oneByOne: true, missing: missingForBrowser },
  { name: "package", run: runVitest, oneByOne: true, missing: missingForPackage },
];

/** Where a run that goes on beside another leaves what came of it; the other has built everything. */
const RESULTS = process.env["TEST_RESULTS"];

process.exitCode = await main(process.argv.slice(2));

async function main(wanted) {
  const parts = new Map(wanted.map((part) => [part.split("/")[0], part]));
  const unknown = [...parts.keys()].filter((name) => !tiers.some((tier) => tier.name === name));
  if (unknown.length > 0) {
    console.error(`There is no tier ${unknown.join(", ")}. The tiers: ${tiers.map((tier) => tier.name).join(" ")}`);
    return 2;
  }
  try {
    const chosen = tiers.filter(({ name }) => wanted.length === 0 || parts.has(name)).map((tier) => ({ ...tier, part: parts.get(tier.name) }));
    if (RESULTS !== undefined) {
      writeFileSync(RESULTS, JSON.stringify(chosen.map(runTier)));
      return 0;
    }
    const last = chosen.at(-1)?.native ? undefined : chosen.at(-1);
    const native = last ? chosen.filter((tier) => tier.native) : [];
    const results = [timed(runBuild), ...chosen.filter((tier) => tier !== last && !native.includes(tier)).map(runTier)];
    const beside = native.length > 0 ? startBeside(native.map(({ name }) => name)) : [];
    if (last) results.push(runTier(last));
    return report([...results, ...(await beside)]);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function runBuild() {
  headline("build");
  const testApps = readdirSync(join(root, "tests/apps")).map((name) => `tests/apps/${name}`);
  const built = execute("npm", ["run", "--silent", "build"]) === 0 && execute("node", ["wasm/build.mjs", ...testApps]) === 0;
  return { name: "build", passed: 0, failed: built ? 0 : 1, skipped: 0, note: built ? "" : "the build failed" };
}

function runTier(tier) {
  headline(tier.name);
  const missing = tier.missing?.();
  if (missing === undefined) return { name: tier.name, note: "", ...timed(() => tier.run(tier)) };
  console.log(`cannot run here: ${missing}`);
  const required = process.env["REQUIRE_ALL_TIERS"] === "1";
  return { name: tier.name, passed: 0, failed: required ? 1 : 0, skipped: required ? 0 : 1, note: `not run: ${missing}` };
}

// Runs tiers in a process of their own, and shows what they print once they are done.
async function startBeside(names) {
  const [results, log] = ["beside.json", "beside.log"].map((name) => join(scratch, name));
  const output = openSync(log, "w");
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), ...names], { cwd: root, env: { ...process.env, TEST_RESULTS: results }, stdio: ["ignore", output, output] });
  await once(child, "exit");
  process.stdout.write(readFileSync(log, "utf8"));
  if (existsSync(results)) return JSON.parse(readFileSync(results, "utf8"));
  return names.map((name) => ({ name, passed: 0, failed: 1, skipped: 0, note: "ended without its results" }));
}

function timed(run) {
  const start = performance.now();
  return { ...run(), seconds: (performance.now() - start) / 1000 };
}

function report(results) {
  const total = (count) => results.reduce((sum, result) => sum + result[count], 0);
  const [passed, failed, skipped] = [total("passed"), total("failed"), total("skipped")];
  headline("summary");
  for (const failure of results.flatMap(({ failures = [] }) => failures)) console.log(`failed: ${failure}`);
  for (const { name, note, seconds = 0, ...counts } of results) {
    const columns = ["passed", "failed", "skipped"].map((count) => `${String(counts[count]).padStart(5)} ${count}`);
    console.log(`${name.padEnd(14)}${seconds.toFixed(0).padStart(4)} s${columns.join("")}  ${note}`.trimEnd());
  }
  console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  return failed > 0 || passed === 0 ? 1 : 0;
}

function runTypes() {
  const results = [".", "js-shim"].map((project) => execute("tsc", ["--noEmit", "-p", project]));
  const passed = results.filter((status) => status === 0).length;
  return { passed, failed: results.length - passed, skipped: 0 };
}

function runVitest({ name, part = name, oneByOne }) {
  if (!hasTests(join(root, "tests", name))) return { passed: 0, failed: 1, skipped: 0, note: `no tests in tests/${name}` };
  const output = join(scratch, `${name}.json`);
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${output}`];
  const status = execute("vitest", ["run", `tests/${part}${part === name ? "/" : ""}`, ...reporters, ...(oneByOne ? ["--no-file-parallelism"] : [])]);
  if (!existsSync(output)) return { passed: 0, failed: 1, skipped: 0, note: "vitest ended without a report" };
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(readFileSync(output, "utf8"));
  // A file that does not load, or an error outside of any test, fails the run without failing a test.
  const failed = status === 0 ? numFailedTests : Math.max(numFailedTests, 1);
  return { passed: numPassedTests, failed, skipped: numPendingTests + numTodoTests, failures: testResults.flatMap(failuresOf) };
}

/** What failed in a file of tests, each with the first line of why. */
function failuresOf({ name, status, message, assertionResults }) {
  const failed = assertionResults.filter((test) => test.status === "failed").map(({ fullName, failureMessages }) => `${fullName}: ${failureMessages[0]}`);
  const why = failed.length === 0 && status === "failed" ? [message] : failed;
  return why.map((text) => `${relative(root, name)}: ${String(text).split("\n", 1)[0]}`);
}

function hasTests(folder) {
  return existsSync(folder) && readdirSync(folder, { recursive: true }).some((name) => /\.test\.tsx?$/.test(name));
}

function runCore() {
  return runNative("native", join(root, "build/native/core_tests"));
}

// Whole worlds from these seeds; `make sim SEEDS=...` lives through others.
function runSim() {
  return runNative("build/sim/sim", join(root, "build/sim/sim"), "1..1000");
}

// The inputs that were kept, a few seconds of looking for new ones if there is libFuzzer, and the native core beside the module.
function runFuzz() {
  if (canFuzz() && execute("make", ["--silent", "fuzzers"]) !== 0) return { passed: 0, failed: 1, skipped: 0, note: "the fuzzers do not compile" };
  const result = runNative("replays", "node", "tests/fuzz/run.mjs", "5");
  return result.skipped > 0 ? { ...result, note: "no clang with libFuzzer: nothing looked for new inputs" } : result;
}

// Makes `target`, and runs a command whose last line is "N passed, N failed", perhaps with ", N skipped".
function runNative(target, command, ...args) {
  if (execute("make", ["--silent", "-j2", target]) !== 0) return { passed: 0, failed: 1, skipped: 0, note: "does not compile" };
  const { status, stdout, error } = spawnSync(command, args, {
    cwd: root,
    env,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    timeout: 10 * minutes,
    maxBuffer: 64 * 1024 * 1024,
  });
  process.stdout.write(stdout ?? "");
  if (error) console.error(String(error));
  const counts = /(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$/.exec(stdout ?? "");
  if (counts === null) return { passed: 0, failed: 1, skipped: 0, note: "ended without its counts" };
  const failed = Number(counts[2]);
  return { passed: Number(counts[1]), failed: status === 0 ? failed : Math.max(failed, 1), skipped: Number(counts[3] ?? 0) };
}

function canFuzz() {
  const probe = join(scratch, "fuzz.c");
  writeFileSync(probe, "int LLVMFuzzerTestOneInput(const unsigned char *data, unsigned long size) { return data == 0 && size > 0; }\n");
  return works("clang", ["-fsanitize=fuzzer,address", probe, "-o", join(scratch, "fuzz")]);
}

function missingForCore() {
  const compiler = process.env["CC"] ?? "cc";
  if (!works(compiler, ["--version"])) return "no C compiler";
  const probe = join(scratch, "probe.c");
  writeFileSync(probe, "#include <sqlite3.h>\nint main(void) { return sqlite3_libversion_number() == 0; }\n");
  const compile = (...flags) => works(compiler, [...flags, probe, "-o", join(scratch, "probe"), "-lsqlite3"]);
  if (!compile()) return "no libsqlite3 to compile against (Debian: libsqlite3-dev)";
  if (!compile("-fsanitize=address,undefined")) return "the C compiler has no sanitizers";
  return undefined;
}

function missingForBrowser() {
  return chromium === undefined ? "no Chromium (CHROMIUM=/path/to/it, or one on PATH)" : undefined;
}

function missingForPackage() {
  // npm looks for its settings beside the Node that runs it: not beside the one in node_modules.
  const PATH = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => !folder.includes("node_modules")).join(delimiter);
  if (!works("npm", ["view", "partysocket", "version"], { ...process.env, PATH })) return "npm cannot reach its registry, from which the test projects are installed";
  return missingForBrowser();
}

function findChromium() {
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const onPath = (process.env["PATH"] ?? "").split(delimiter).flatMap((folder) => names.map((name) => join(folder, name)));
  return [process.env["CHROMIUM"], ...onPath].find((path) => path !== undefined && path !== "" && existsSync(path));
}

function works(command, args, env = process.env) {
  return spawnSync(command, args, { env, stdio: "ignore", timeout: 1 * minutes }).status === 0;
}

// Runs a command in the open; its exit status, or null if it did not end by itself.
function execute(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, env, stdio: ["ignore", "inherit", "inherit"], timeout: 10 * minutes });
  if (error) console.error(String(error));
  return status;
}

function headline(text) {
  console.log(`\n=== ${text} ===`);
}
