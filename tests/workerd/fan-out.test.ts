// SPDX-License-Identifier: MIT
// A thousand clients: one action is one frame for each of them, and all of them can come back at once.
import { afterAll, beforeAll, expect, test } from "vitest";
import { startServer, type Server, type TestSocket } from "./server.ts";

const CLIENTS = 1000;
const AT_ONCE = 25;
const ROWS = 30;

let server: Server;
beforeAll(async () => void (server = await startServer()));
afterAll(async () => await server.close());

/** Runs `step` for 0 to CLIENTS - 1, a few at a time; the results in order. */
async function eachInGroups<T>(step: (client: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let at = 0; at < CLIENTS; at += AT_ONCE) results.push(...(await Promise.all(Array.from({ length: AT_ONCE }, async (_, i) => await step(at + i)))));
  return results;
}

async function open(client: number): Promise<TestSocket> {
  const socket = await server.connect("Todos", "wide");
  await socket.hello(`c${client}`);
  return socket;
}

/** Subscribes; asks again as long as the object has its hands full. */
async function subscribe(socket: TestSocket, cursor: unknown): Promise<Record<string, unknown>> {
  for (;;) {
    socket.send({ type: "subscribe", channel: "todos", cursor });
    const answer = await socket.frame();
    if (answer["code"] !== "rate_limited") return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test(`${CLIENTS} subscribers get one frame for an action, and are all served when they come back at once`, async () => {
  const clients = await eachInGroups(async (client) => {
    const socket = await open(client);
    return { socket, page: await subscribe(socket, null) };
  });
  const { epoch, shape } = clients[0]?.page ?? {};
  const author = await server.connect("Todos", "wide");
  await author.hello("author");
  await author.act(1, "todos", "create", { id: "1", text: "to everybody" });
  const patches = await Promise.all(clients.map(async ({ socket }) => await socket.settle()));
  expect(patches.map((frames) => frames.length)).toEqual(clients.map(() => 1));
  expect(new Set(patches.flat()).size, "the same frame for all").toBe(1);
  expect(JSON.parse(patches[0]?.[0] ?? "")).toMatchObject({ changes: [{ from: 0, to: 1, put: [["1", "to everybody", 0, expect.any(Number), expect.any(Number), null]] }] });

  for (const { socket } of clients) socket.close();
  const text = "x".repeat(2000);
  const actions = Array.from({ length: ROWS }, (_, i) => ({ number: i + 2, channel: "todos", type: "create", payload: { id: `m${i}`, text } }));
  author.send({ type: "actions", acknowledged: 1, actions });
  expect((await author.frame())["outcomes"]).toHaveLength(ROWS);

  // Open again, then ask all together: more than one turn may answer.
  const back = await eachInGroups(open);
  const answers = await Promise.all(back.map(async (socket) => await subscribe(socket, { epoch, shape, version: 1 })));
  for (const answer of answers) {
    expect(answer).toMatchObject({ type: "patch", changes: [{ from: 1, to: ROWS + 1 }] });
    expect((answer["changes"] as { put: unknown[] }[])[0]?.put).toHaveLength(ROWS);
  }
  await author.act(ROWS + 2, "todos", "delete", { id: "1" });
  const last = await Promise.all(back.map(async (socket) => await socket.settle()));
  expect(last.map((frames) => frames.length)).toEqual(back.map(() => 1));
  for (const socket of back) socket.close();
}, 90_000);
