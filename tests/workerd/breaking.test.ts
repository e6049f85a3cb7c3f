// SPDX-License-Identifier: MIT
// An instance that breaks down beside the turns, in an event of the object's: nothing of that event remains, and whoever is connected stays.
import { afterAll, beforeAll, expect, test } from "vitest";
import { startServer, type Server, type TestSocket } from "./server.ts";

let server: Server;
beforeAll(async () => void (server = await startServer()));
afterAll(async () => await server.close());

const request = async (name: string, user: string) => (await fetch(new URL(`/parties/broken/${name}?user=${user}`, server.url))).status;

async function follow(name: string): Promise<TestSocket> {
  const socket = await server.connect("Broken", name);
  await socket.subscribe("follower", "notes");
  return socket;
}

/** The next event finds an instance that works, and so does an action of the socket, which has stayed open. Theirs are the only records. */
async function checkWell(socket: TestSocket, name: string): Promise<void> {
  expect(await request(name, "fine")).toBe(200);
  expect(await socket.frame()).toMatchObject({ changes: [{ put: [["asked for"]] }] });
  expect(await socket.act(1, "notes", "keep", { id: "kept" })).toMatchObject({ changes: [{ put: [["kept"]] }], outcomes: [{ number: 1, status: "committed" }] });
  expect(socket.closed).toBeUndefined();
  expect(await server.sql("Broken", name, "SELECT id FROM notes ORDER BY id")).toEqual([{ id: "asked for" }, { id: "kept" }]);
}

test("requests that break the instance are refused, and nothing else is", async () => {
  const socket = await follow("requests");
  for (let i = 0; i < 8; i++) expect(await request("requests", "trap")).toBe(500);
  await checkWell(socket, "requests");
});

test("who breaks the instance by connecting is not let in", async () => {
  const socket = await follow("connects");
  const refused = await server.connect("Broken", "connects", { user: "refused" });
  await expect.poll(() => refused.closed).toMatchObject({ code: 4500, reason: "internal" });
  await checkWell(socket, "connects");
});

test("who breaks the instance by leaving is gone", async () => {
  const socket = await follow("leaves");
  const leaver = await server.connect("Broken", "leaves", { user: "leaver" });
  await leaver.hello("leaver");
  leaver.close();
  await expect.poll(() => leaver.closed).toBeDefined();
  await checkWell(socket, "leaves");
});

test("an alarm that breaks the instance is undone", async () => {
  const socket = await follow("alarms");
  const author = await server.connect("Broken", "alarms");
  await author.hello("author");
  expect(await author.act(1, "notes", "ring", null)).toMatchObject({ outcomes: [{ status: "committed" }] });
  await new Promise((resolve) => setTimeout(resolve, 500)); // it rings
  await checkWell(socket, "alarms");
});
