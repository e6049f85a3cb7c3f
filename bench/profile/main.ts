// SPDX-License-Identifier: MIT
// Says where a microsecond goes: `make profile`, or `make profile CASES=create,pipelined TARGETS=durasync-c,bare`.
import { Subject } from "../cases/case.ts";
import { BenchServer } from "../harness/server.ts";
import { chosen } from "../options.ts";
import { loadTarget, serverOf } from "../targets/index.ts";
import { profiledCases, type ProfiledCase } from "./cases.ts";
import { countInstructions, readScenarios, whyNot, type Instructions, type Scenario } from "./instructions.ts";
import { Profiler } from "./profiler.ts";
import { printInstructions, printInstructionsHeading, printProfiles, printProfilesHeading, type Profiled } from "./tables.ts";

// Those that need no packages of the bench's own.
const targets = ["durasync-c", "durasync-ts", "straightforward", "bare", "exact"];
const usual = "durasync-c,straightforward,bare";

const running = new Set<BenchServer>();

async function count(scenarios: readonly Scenario[]): Promise<void> {
  const counted = new Map<Scenario, Instructions>();
  for (const scenario of scenarios) counted.set(scenario, await countInstructions(scenario));
  printInstructionsHeading();
  printInstructions(counted);
}

async function profile(one: ProfiledCase, name: string): Promise<Profiled> {
  const server = new BenchServer(serverOf(name), true);
  running.add(server);
  try {
    await server.start();
    const subject = new Subject(server, await loadTarget(name), false, one.name);
    const profiler = await Profiler.attach(server);
    const operations = await one.run(subject, profiler);
    await subject.close();
    profiler.detach();
    return { target: name, operations, profiler };
  } finally {
    await server.dispose();
    running.delete(server);
  }
}

// Whoever stops it stops its servers, and their storage goes with them.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
process.once("exit", () => running.forEach((server) => server.kill()));

const { CASES, TARGETS } = process.env;
const hindrance = whyNot();
if (hindrance !== undefined) console.log(`The core's instructions are not counted: ${hindrance}.`);
const scenarios = hindrance === undefined ? readScenarios() : [];
const wanted = CASES ? chosen<Scenario | ProfiledCase>([...scenarios, ...profiledCases], CASES, "case") : [...scenarios, ...profiledCases];
const names = chosen(targets.map((name) => ({ name })), TARGETS || usual, "target").map(({ name }) => name);

const toCount = wanted.filter((one) => "times" in one);
const toProfile = wanted.filter((one) => "run" in one);
if (toCount.length > 0) await count(toCount);
if (toProfile.length > 0) printProfilesHeading();
for (const one of toProfile) {
  const profiles: Profiled[] = [];
  for (const name of names) profiles.push(await profile(one, name));
  printProfiles(one, profiles);
}
