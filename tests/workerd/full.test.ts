// SPDX-License-Identifier: MIT
// Writes that fail: a disk that is full (SQLITE_FULL, by the platform's own path), and statements that SQLite refuses in the middle of a burst.
import { afterAll, beforeAll, expect, test } from "vitest";
import { memoryCache } from "../../client/cache.ts";
import { connect } from "./server.ts";
import { Workerd } from "./workerd.ts";
import { RawWriter, StoreWriter, type Target, type Writer } from "./writers.ts";

// More entries than the free bytes of the last pages take.
const BURST = 300;
const ROUNDS = 12;

const server = new Workerd("tests/workerd/wrangler.toml", { flags: ["experimental"] });
beforeAll(async () => await server.start());
afterAll(async () => await server.dispose());

/** Asks the object; again if it has just ended, as every write on a full disk makes it. */
async function ask(path: string): Promise<string> {
  for (;;) {
    const answer = await fetch(new URL(path, server.url));
    if (answer.ok) return await answer.text();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
const setRoom = async (isThere: boolean, name = "full") => await ask(`/cramped/room?name=${name}&id=${isThere ? "yes" : "no"}`);
const onDisk = async (name = "full") => JSON.parse(await ask(`/cramped/entries?name=${name}`)) as string[];

test("on a full disk nothing is acknowledged that is not there, and once there is room each action is carried out once", async () => {
  const target: Target = { url: server.url, objectClass: "Cramped", room: "full" };
  const raw = ["r0", "r1"].map((id) => new RawWriter(target, id));
  const store = new StoreWriter(target, "s0", memoryCache());
  const writers: Writer[] = [...raw, store];
  const acknowledged = () => writers.flatMap((writer) => [...writer.acknowledged]);
  const everybody = async (does: (writer: Writer) => Promise<void>) => await Promise.all(writers.map(does));
  await everybody((writer) => writer.welcomed());
  await everybody((writer) => writer.write(10));
  await everybody((writer) => writer.settled());

  await setRoom(false);
  await everybody((writer) => writer.write(BURST));
  await Promise.all(raw.map(async (writer) => await writer.dropped()));
  expect(server.said).toContain("database or disk is full");
  expect(await onDisk()).toEqual(expect.arrayContaining(acknowledged()));
  // They come back, are welcome, send again what was not acknowledged, and the disk is still full.
  for (const writer of raw) {
    await writer.welcomed();
    await writer.dropped();
  }
  expect(await onDisk()).toEqual(expect.arrayContaining(acknowledged()));
  expect(acknowledged().length).toBeLessThan(writers.length * (10 + BURST));

  await setRoom(true);
  await everybody((writer) => writer.welcomed());
  await everybody((writer) => writer.settled());
  expect(writers.flatMap(({ complaints }) => complaints)).toEqual([]);
  const entries = await onDisk();
  expect(entries.toSorted()).toEqual(writers.flatMap(({ sent }) => [...sent]).toSorted());
  await expect.poll(() => store.entries).toEqual(entries);
  for (const writer of writers) writer.close();
}, 60_000);

test("however bursts meet the full disk, every outcome that anybody hears is of an action that is there", async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const target: Target = { url: server.url, objectClass: "Cramped", room: `bursts ${round}` };
    const raw = ["r0", "r1", "r2"].map((id) => new RawWriter(target, id));
    for (const writer of raw) {
      await writer.welcomed();
      await writer.write(3 + round);
      await writer.settled();
    }
    await setRoom(false, target.room);
    let ended = 0;
    const ends = raw.map(async (writer) => await writer.dropped().then(() => ended++));
    // Frames of all sizes, in turns of all sizes: the disk is full now for a handler, now for the log, now for the bookkeeping.
    for (let i = 1; ended < raw.length; i++) {
      for (const [j, writer] of raw.entries()) await writer.write(1 + ((i * 7 + j * 13 + round * 5) % 40));
      await new Promise((resolve) => setTimeout(resolve, i % 3));
    }
    await Promise.all(ends);
    expect(raw.flatMap(({ complaints }) => complaints)).toEqual([]);
    expect(await onDisk(target.room)).toEqual(expect.arrayContaining(raw.flatMap(({ acknowledged }) => [...acknowledged])));
    for (const writer of raw) writer.close();
  }
}, 60_000);

test("a statement that fails in the middle of a burst is rejected alone, each time it is asked for, and the rest is done in order", async () => {
  const [author, follower] = [await connect(server.url, "Broken", "burst"), await connect(server.url, "Broken", "burst")];
  await author.hello("author");
  await follower.subscribe("follower", "notes");
  const fails = (number: number) => number % 7 === 0;
  const send = () => {
    for (let number = 1; number <= BURST; number++) author.send({ type: "actions", acknowledged: 0, actions: [{ number, channel: "notes", type: fails(number) ? "half" : "keep", payload: { id: String(number).padStart(4, "0") } }] });
  };
  const expected = Array.from({ length: BURST }, (_, i) => (fails(i + 1) ? { number: i + 1, status: "rejected", code: "internal" } : { number: i + 1, status: "committed" }));
  const outcomes = async () => {
    const all: unknown[] = [];
    while (all.length < BURST) all.push(...((await author.frame())["outcomes"] as unknown[]));
    return all;
  };
  send();
  expect(await outcomes()).toMatchObject(expected);
  send();
  expect(await outcomes()).toMatchObject(expected);
  const heard = (await follower.settle()).flatMap((frame) => (JSON.parse(frame) as { changes: { put: string[][] }[] }).changes.flatMap(({ put }) => put.map(([id]) => Number(id))));
  expect(heard).toEqual(expected.filter(({ status }) => status === "committed").map(({ number }) => number));
});
