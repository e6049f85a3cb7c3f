// SPDX-License-Identifier: MIT
// What keeps an app in TypeScript from starting is said to its clients by code, and undone by the next release.
import { afterAll, beforeAll, expect, test } from "vitest";
import { startServer, type Server } from "./server.ts";

let server: Server;
beforeAll(async () => void (server = await startServer()));
afterAll(async () => await server.close());

test.each(["no channels", "no column", "no table", "no key", "a migration throws", "a migration waits", "onStart throws", "onStart throws late"])("%s", async (name) => {
  await server.fetch("/mend?mended=");
  const a = await server.connect("Troubled", name);
  a.send({ type: "hello", protocol: 2, client: "a" });
  expect(await a.frame()).toMatchObject({ type: "error", code: "unavailable" });
  expect(await server.fetch(`/parties/troubled/${encodeURIComponent(name)}`)).toMatch(/^This is a durasync object/);
  await server.fetch("/mend?mended=yes");
  await server.hibernate("Troubled", name);
  const b = await server.connect("Troubled", name);
  expect(await b.subscribe("b", "notes")).toMatchObject({ type: "page", cells: [["made by a migration"]] });
});
