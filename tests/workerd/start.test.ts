// SPDX-License-Identifier: MIT
// What keeps an app in TypeScript from starting is said to its clients by code, and undone by the next release.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { startServer, type Server } from "./server.ts";

let server: Server;
beforeAll(async () => void (server = await startServer()));
afterAll(async () => await server.close());

const early = ["no channels", "no column", "no table", "no key", "a migration throws", "a migration waits"];
const late = ["onStart throws", "onStart throws late"];
const places = { TroubledEarly: "troubled-early", Troubled: "troubled" } as const;

test.each([...early.map((name) => ["TroubledEarly", name] as const), ...[...early, ...late].map((name) => ["Troubled", name] as const)])("%s: %s", async (app, name) => {
  await server.fetch("/mend?mended=");
  const a = await server.connect(app, name);
  a.send({ type: "hello", protocol: 2, client: "a" });
  expect(await a.frame()).toMatchObject({ type: "error", code: "unavailable" });
  expect(JSON.parse(await server.fetch(`/parties/${places[app]}/${encodeURIComponent(name)}`))).toMatchObject({ code: "unavailable" });
  expect(await server.sql(app, name, "SELECT name FROM sqlite_master WHERE name IN ('notes', 'durasync_meta')")).toEqual([]);
  await server.fetch("/mend?mended=yes");
  await server.hibernate(app, name);
  const b = await server.connect(app, name);
  expect(await b.subscribe("b", "notes")).toMatchObject({ type: "page", cells: [["made by a migration"]] });
});

test("an alarm that finds an object which could not start is put off, and rings once it could", async () => {
  const name = "onStart throws";
  const at = encodeURIComponent(name);
  const ids = async () => (await server.sql("Troubled", name, "SELECT id FROM notes ORDER BY id")).map(({ id }) => id);
  const rings = async () => Number(await server.fetch(`/troubled/rings?name=${at}`));
  await server.fetch("/mend?mended=yes");
  await server.hibernate("Troubled", name);
  await server.fetch(`/troubled/ring?name=${at}&id=100`);
  await server.fetch("/mend?mended=");
  await server.hibernate("Troubled", name);
  await vi.waitFor(async () => expect(await rings()).toBeGreaterThan(30_000), { timeout: 10_000 });
  expect(await ids()).toEqual(["made by a migration"]);
  await server.fetch("/mend?mended=yes");
  await server.hibernate("Troubled", name);
  await server.fetch(`/troubled/ring?name=${at}&id=0`);
  await vi.waitFor(async () => expect(await ids()).toEqual(["made by a migration", "rang"]), { timeout: 10_000 });
});
