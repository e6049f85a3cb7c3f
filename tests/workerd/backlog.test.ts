// SPDX-License-Identifier: MIT
// Who sends more than an object can hold is sent away, and nobody else notices.
import { afterAll, beforeAll, expect, test } from "vitest";
import { connect, type TestSocket } from "./server.ts";
import * as limits from "../../wasm/build/limits.ts";
import { Workerd } from "./workerd.ts";

const server = new Workerd("tests/workerd/wrangler.toml");
beforeAll(async () => await server.start());
afterAll(async () => await server.dispose());

test("frames of three megabytes in fewer units than the cap are refused, and their socket goes on", async () => {
  const socket = await connect(server.url, "Todos", "wide frames");
  await socket.hello("wide");
  for (let i = 0; i < 40; i++) socket.send(JSON.stringify({ type: "x", p: "\u20ac".repeat(1_000_000) }));
  for (let i = 0; i < 40; i++) expect(await socket.frame()).toMatchObject({ type: "error", code: "frame_too_large" });
  expect(await socket.hello("wide")).toMatchObject({ type: "welcome" });
  socket.close();
});

// "hello", then an action whose handler waits until the test lets it go: what the socket sends behind it is held.
async function holdUp(name: string): Promise<TestSocket> {
  const socket = await connect(server.url, "Scripted", name);
  await socket.hello("greedy");
  socket.send({ type: "actions", acknowledged: 0, actions: [{ number: 1, channel: "notes", type: "later", payload: { id: `held ${name}`, text: "" } }] });
  return socket;
}

async function checkOthers(name: string): Promise<void> {
  const other = await connect(server.url, "Scripted", name);
  expect(await other.hello("other")).toMatchObject({ type: "welcome" });
  other.close();
}

test("who sends more than an object can hold behind a handler that waits is sent away, and nobody else", async () => {
  const greedy = await holdUp("bytes");
  const pad = "p".repeat(1_000_000);
  for (let i = 0; i < 40; i++) greedy.send(JSON.stringify({ type: "actions", acknowledged: 0, pad, actions: [] }));
  await expect.poll(() => greedy.closed, { timeout: 10_000 }).toMatchObject({ code: 1013, reason: "rate_limited" });
  await checkOthers("bytes");
});

test("who sends more frames than a socket may have waiting is sent away, however small they are", async () => {
  const greedy = await holdUp("frames");
  for (let i = 0; i < limits.maxWaitingFrames + 100; i++) greedy.send("{}");
  await expect.poll(() => greedy.closed, { timeout: 10_000 }).toMatchObject({ code: 1013, reason: "rate_limited" });
  await checkOthers("frames");
});

test("80 valid frames of a megabyte are handled in turns of some, and their socket stays", async () => {
  const socket = await connect(server.url, "Todos", "large frames");
  await socket.hello("large");
  const pad = "p".repeat(1_000_000);
  for (let i = 0; i < 80; i++) {
    socket.send(JSON.stringify({ type: "actions", acknowledged: 0, pad, actions: [] }));
    if (i % 8 === 7) await socket.settle();
  }
  expect(await socket.act(1, "todos", "create", { id: "a", text: "still here" })).toMatchObject({ outcomes: [{ number: 1, status: "committed" }] });
  socket.close();
});
