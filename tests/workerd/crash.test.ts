// SPDX-License-Identifier: MIT
// workerd is killed by SIGKILL under load, over and over, on the same storage: what was acknowledged is there, nothing runs twice, everybody converges. `make crash ROUNDS=...` for more.
import "fake-indexeddb/auto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { memoryCache } from "../../client/cache.ts";
import { indexedDbCache } from "../../client/indexed-db.ts";
import { crashFigures, printFigures, ROUNDS } from "./figures.ts";
import { Workerd } from "./workerd.ts";
import { RawWriter, readTable, StoreWriter, type Target, type Writer } from "./writers.ts";

/** Milliseconds of load before the kill, at most; a turn of all writers takes some ten. */
const LOAD = 60;
const BURST = 100;
/** Milliseconds that a first answer may take. */
const PATIENCE = 5000;
/** Every so many rounds everything is settled before there is more. */
const REST = 4;
/** Kills beyond ROUNDS, at most, until one has come between a commit and what it tells: those that never do prove nothing. */
const MORE = 30;

const server = new Workerd("tests/workerd/wrangler.toml");
beforeAll(async () => await server.start());
afterAll(async () => await server.dispose());

const chance = (limit: number) => Math.floor(Math.random() * limit);
const sleep = async (milliseconds: number) => await new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Resolves as soon as one of them has heard of something, however long a busy machine takes: most of the load is then on its way. */
async function answered(raw: RawWriter[]): Promise<void> {
  const heard = () => raw.reduce((sum, { acknowledged }) => sum + acknowledged.size, 0);
  const before = heard();
  for (const end = Date.now() + PATIENCE; heard() === before && Date.now() < end; ) await new Promise(setImmediate);
}

/** One life of the server: load, perhaps a line that loses what the server says, death somewhere in it or in the middle of it, perhaps a page that ends and comes back meanwhile. */
async function round(raw: RawWriter[], stores: StoreWriter[]): Promise<void> {
  const writers = [...raw, ...stores];
  // What is not kept by the time of the kill may be kept later, or never, if its page ends.
  for (const writer of writers) void writer.write(1 + chance(BURST));
  if (chance(2) === 0) raw[chance(raw.length)]?.deafen();
  await (chance(2) === 0 ? sleep(chance(LOAD)) : answered(raw));
  await server.kill();
  if (chance(2) === 0) stores[chance(stores.length)]?.reload();
  await server.start();
  await Promise.all(writers.map(async (writer) => await writer.welcomed()));
}

test(`${ROUNDS} kills under load: nothing acknowledged is lost, nothing runs twice, everybody converges`, async () => {
  const target: Target = { url: server.url, objectClass: "Schema", room: "crash" };
  const raw = ["r0", "r1", "r2"].map((id) => new RawWriter(target, id));
  const stores = [memoryCache(), indexedDbCache("crash")].map((cache, i) => new StoreWriter(target, `s${i}`, cache));
  const writers: Writer[] = [...raw, ...stores];
  await Promise.all(writers.map(async (writer) => await writer.welcomed()));
  let rounds = 0;
  while (rounds < ROUNDS || (rounds < ROUNDS + MORE && raw.every(({ unheard }) => unheard === 0))) {
    await round(raw, stores);
    if (++rounds % REST === 0) await Promise.all(writers.map(async (writer) => await writer.settled()));
  }
  await Promise.all(writers.map(async (writer) => await writer.settled()));
  const table = await readTable(target);
  await expect.poll(() => stores.map(({ entries }) => entries), { timeout: 30_000 }).toEqual(stores.map(() => table));
  const [ofRaw, ofStores] = [await crashFigures(raw, table, server.starts - 1), await crashFigures(stores, table, server.starts - 1)];
  printFigures({ "raw sockets": ofRaw, stores: ofStores });
  for (const writer of writers) writer.close();
  expect(writers.flatMap(({ complaints }) => complaints)).toEqual([]);
  for (const figures of [ofRaw, ofStores]) expect(figures).toMatchObject({ restarts: rounds, lost: 0, doubled: 0, unsettled: 0 });
  expect(ofRaw.unheard).toBeGreaterThan(0);
}, 60_000 + (ROUNDS + MORE) * 5000);
