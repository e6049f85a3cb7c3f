// SPDX-License-Identifier: MIT
// The bench measures what it says: every target that is installed everywhere does the same work, and a case that breaks is told.
import { afterEach, describe, expect, test } from "vitest";
import { Subject, can, creates } from "../../bench/cases/case.ts";
import { cases } from "../../bench/cases/index.ts";
import { localCases } from "../../bench/cases/local.ts";
import { BenchServer } from "../../bench/harness/server.ts";
import { Crowd } from "../../bench/harness/crowd.ts";
import { readOptions } from "../../bench/options.ts";
import { readCallgrind, withCalls } from "../../bench/profile/callgrind.ts";
import { profiledCases } from "../../bench/profile/cases.ts";
import { Profiler } from "../../bench/profile/profiler.ts";
import { judge } from "../../bench/report/goals.ts";
import { loadTarget, serverOf } from "../../bench/targets/index.ts";

let close: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const step of close.reverse()) await step();
  close = [];
});

async function subjectOf(name: string, deflate = false, inspected = false): Promise<Subject> {
  const server = new BenchServer(serverOf(name), inspected);
  close.push(async () => await server.dispose());
  await server.start();
  const subject = new Subject(server, await loadTarget(name), deflate, "object");
  close.push(async () => await subject.close());
  return subject;
}

describe.each(["durasync-ts", "straightforward", "bare", "exact"])("%s", (name) => {
  test("sends every row of a first sync, settles every action, and tells every listener", async () => {
    const subject = await subjectOf(name);
    await subject.server.seed("object", 1000);
    const author = await subject.follow("object", "author");
    expect(await author.sync()).toMatchObject({ rows: 1000 });
    const crowd = await Crowd.open(subject.target, subject.place("object"), 3);
    subject.atEnd(async () => await crowd.close());
    await crowd.ask("watch", "burst-000019");
    author.send(creates("burst", 20));
    await author.settled();
    const { messages, bytes } = await crowd.ask("seen", undefined);
    expect(messages).toBeGreaterThanOrEqual(3);
    expect(bytes).toBeGreaterThan(3 * 20 * "burst-000000".length);
    const late = await subject.follow("object", "late");
    // The limit's dump is a copy that actions do not reach.
    expect((await late.sync()).rows).toBe(name === "bare" || name === "exact" ? 1000 : 1020);
  });

  test("gives a client that comes back the rows that it has missed", async () => {
    const subject = await subjectOf(name);
    const resume = cases.find((one) => one.name === "resume");
    const step = await resume?.prepare(subject);
    expect(await step?.(0)).toMatchObject({ rows: 10 });
  });
});

test("compressed bytes are counted as they travel", async () => {
  const [plain, compressed] = [await subjectOf("bare"), await subjectOf("bare", true)];
  const bytes = async (subject: Subject) => {
    await subject.server.seed("object", 1000);
    const reader = await subject.follow("object", "reader");
    return { received: reader.wire.received, bytes: reader.wire.bytes };
  };
  const [a, b] = [await bytes(plain), await bytes(compressed)];
  expect(b.bytes).toBe(a.bytes);
  expect(a.received).toBeGreaterThan(a.bytes);
  expect(b.received).toBeLessThan(a.received / 1.5);
});

test("what the client does by itself is measured on pages that it takes", async () => {
  for (const name of ["merge-1k", "render-1k"]) {
    const lanes = Object.values(localCases.find((one) => one.name === name)?.lanes ?? {});
    expect(lanes.length).toBeGreaterThan(0);
    for (const step of lanes) expect(await step()).toMatchObject({ "pages, ms": expect.any(Number), "one change, ms": expect.any(Number) });
  }
});

test("a target stands in the cases that it can do", async () => {
  const target = { ...(await loadTarget("bare")), mostRows: 10_000, settles: undefined };
  const { settles: _, ...silent } = target;
  const names = cases.filter((one) => can(silent, one)).map(({ name }) => name);
  expect(names).toContain("first-sync-10k");
  expect(names).not.toContain("first-sync-100k");
  expect(names).not.toContain("sequential");
});

test("options name what there is", async () => {
  await expect(readOptions({ CASES: "nothing" })).rejects.toThrow("There is no case nothing. There are: first-sync-1k");
  await expect(readOptions({ TARGETS: "bare", RUNS: "none" })).rejects.toThrow("RUNS is to be a number");
  const { cases: chosen, targets, deflate } = await readOptions({ CASES: "first-sync-1k,wake", TARGETS: "bare", DEFLATE: "no" });
  expect(chosen.map(({ name }) => name)).toEqual(["first-sync-1k", "wake-0", "wake-100", "wake-10k"]);
  expect(targets.map(({ name }) => name)).toEqual(["bare"]);
  expect(deflate).toEqual([false]);
});

test("goals are judged by medians without compression, and only those that were measured", () => {
  const runs = (ms: number[]) => ({ "last row, ms": ms });
  const result = (deflate: boolean, ours: number[]) => ({ name: "first-sync-10k", title: "", deflate, targets: { "durasync-c": runs(ours), straightforward: runs([100]), bare: runs([40]) } });
  const results = { begun: "", node: "", cases: [result(true, [1]), result(false, [10, 45, 900])] };
  expect(judge(results).map(({ wanted, measured, met }) => ({ wanted, measured, met }))).toEqual([
    { wanted: "at least 2x", measured: { "durasync-c": "2.22x" }, met: true },
    { wanted: "at most 1.25x", measured: { "durasync-c": "1.13x" }, met: true },
  ]);
});

test("a profile names the functions that ran, and whose they are", async () => {
  const subject = await subjectOf("durasync-ts", false, true);
  for (const one of profiledCases) {
    const profiler = await Profiler.attach(subject.server);
    const own = new Subject(subject.server, subject.target, false, one.name);
    expect(await one.run(own, profiler, true)).toBeGreaterThan(0);
    await own.close();
    profiler.detach();
    expect(profiler.cpu).toBeGreaterThan(0);
    if (one.name !== "pipelined") continue; // the others may be too short to be seen
    const kinds = new Set([...profiler.functions.values()].map(({ kind }) => kind));
    expect([...kinds]).toEqual(expect.arrayContaining(["core", "script", "platform"]));
  }
});

test("callgrind's counts are a function's own, and those of what it calls", () => {
  const functions = readCallgrind(["ob=(1) /build/scenarios", "fl=(1) src/a.c", "fn=(1) outer", "12 5", "cob=(2) /lib/libc.so", "cfi=(2) ???", "cfn=(2) memcpy", "calls=2 0", "+1 40", "cfn=(1)",
    "calls=1 12", "* 9", "fi=(3) src/b.h", "* 2", "", "ob=(2)", "fl=(2)", "fn=(2)", "0 40", ""].join("\n"));
  const [outer, memcpy] = [functions.get("(1)"), functions.get("(2)")];
  expect(outer).toMatchObject({ name: "outer", file: "src/a.c", object: "/build/scenarios", own: 7 });
  expect(memcpy).toMatchObject({ name: "memcpy", file: "???", object: "/lib/libc.so", own: 40 });
  expect(outer && withCalls(outer, "(1)")).toBe(47);
});
