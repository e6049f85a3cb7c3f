// SPDX-License-Identifier: MIT
// The platform's own hibernation, which nobody asks for: an idle object goes to sleep with its sockets open, and nothing of ours keeps it awake.
import { afterAll, beforeAll, expect, test } from "vitest";
import { startServer, type Server } from "./server.ts";

// The platform lets an object be idle for ten seconds before it sleeps.
const IDLE = 12_000;

let server: Server;
beforeAll(async () => void (server = await startServer()));
afterAll(async () => await server.close());

const constructions = async () => Number(await server.fetch("/constructions?name=idle"));

test("an idle object sleeps, pings do not wake it, and the next write reaches every subscriber", async () => {
  // One socket after another: two that are opened at the same moment keep an object awake in local workerd, whatever it does.
  const a = await server.connect("Todos", "idle");
  await a.subscribe("a", "todos");
  const b = await server.connect("Todos", "idle");
  await b.subscribe("b", "todos");
  const old = await server.connect("Todos", "idle");
  old.send({ channel: "todos", sync: true });
  await old.frame();
  await a.act(1, "todos", "create", { id: "1", text: "before" });
  await b.frame();
  await old.frame();
  expect(await constructions()).toBe(1);

  await new Promise((resolve) => setTimeout(resolve, IDLE));
  b.send("ping");
  expect(await b.receive()).toBe("pong");
  expect(await constructions()).toBe(1);

  expect(await a.act(2, "todos", "create", { id: "2", text: "after" })).toMatchObject({ changes: [{ from: 1, to: 2 }], outcomes: [{ number: 2, status: "committed" }] });
  expect(await constructions(), "it had been asleep").toBe(2);
  expect(await b.frame()).toMatchObject({ changes: [{ from: 1, to: 2, put: [["2", "after", 0, expect.any(Number), expect.any(Number), null]] }] });
  expect(await old.frame()).toMatchObject({ broadcast: true, payload: [["2", "after", 0, expect.any(Number), expect.any(Number), null]] });
}, 60_000);
