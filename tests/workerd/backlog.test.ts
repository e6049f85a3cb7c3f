// SPDX-License-Identifier: MIT
// Who sends more than an object can hold is sent away, and nobody else notices.
import { afterAll, beforeAll, expect, test } from "vitest";
import { connect } from "./server.ts";
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

test("80 valid frames of a megabyte are carried out, or their socket is told to come back", async () => {
  const [greedy, other] = [await connect(server.url, "Todos", "greedy"), await connect(server.url, "Todos", "greedy")];
  await greedy.hello("greedy");
  await other.subscribe("other", "todos");
  const pad = "p".repeat(1_000_000);
  for (let i = 0; i < 80; i++) greedy.send(JSON.stringify({ type: "actions", acknowledged: 0, pad, actions: [] }));
  const [{ outcomes }] = await Promise.all([other.act(1, "todos", "create", { id: "a", text: "still here" })]);
  expect(outcomes).toMatchObject([{ number: 1, status: "committed" }]);
  greedy.close();
  other.close();
});
