// SPDX-License-Identifier: MIT
// Handlers that go wrong: nothing of them remains, their author gets a code, everybody else does not notice.
import { afterAll, beforeAll, expect, test } from "vitest";
import { startServer, type Server } from "./server.ts";

let server: Server;
beforeAll(async () => void (server = await startServer()));
afterAll(async () => await server.close());

const rows = async (name: string) => (await server.sql("Broken", name, "SELECT id FROM notes ORDER BY id")).map(({ id }) => id);

test.each([
  ["half", "internal"],
  ["refuse", "conflict"],
  ["twice", "constraint"],
  ["open-rows", "rejected"],
  ["trap", "internal"],
  ["no-such-action", "unknown_action"],
])("an action that ends in %s is rejected by `%s` and leaves nothing", async (type, code) => {
  const a = await server.connect("Broken", type);
  const b = await server.connect("Broken", type);
  await a.subscribe("a", "notes");
  await b.subscribe("b", "notes");
  expect(await a.act(1, "notes", type, { id: "x" })).toMatchObject({ changes: [], outcomes: [{ number: 1, status: "rejected", code }] });
  expect(await a.act(2, "notes", "keep", { id: "y" })).toMatchObject({ outcomes: [{ number: 2, status: "committed" }] });
  expect(await b.frame()).toMatchObject({ changes: [{ put: [["y"]] }] });
  expect(await rows(type)).toEqual(["y"]);
});

test("of several actions in a frame one fails alone, a trap included", async () => {
  const a = await server.connect("Broken", "several");
  const b = await server.connect("Broken", "several");
  await a.subscribe("a", "notes");
  await b.subscribe("b", "notes");
  const types = ["keep", "refuse", "keep", "half", "answer"];
  const actions = types.map((type, i) => ({ number: i + 1, channel: "notes", type, payload: { id: `${i}` } }));
  a.send({ type: "actions", acknowledged: 0, actions });
  expect((await a.frame())["outcomes"]).toMatchObject([
    { status: "committed" },
    { status: "rejected", code: "conflict", message: "Not today." },
    { status: "committed" },
    { status: "rejected", code: "internal" },
    { status: "committed", result: { answer: 42 } },
  ]);
  // Two frames that arrive together: the one that traps takes nothing with it.
  a.send({ type: "actions", acknowledged: 5, actions: [{ number: 6, channel: "notes", type: "trap", payload: { id: "6" } }] });
  b.send({ type: "actions", acknowledged: 0, actions: [{ number: 1, channel: "notes", type: "keep", payload: { id: "from b" } }] });
  await server.fetch("/"); // lets both arrive
  expect([...(await a.settle()), ...(await b.settle())].join()).toContain("from b");
  expect(await rows("several")).toEqual(["0", "2", "4", "from b"]);
});

test("an answer that is under way when an instance breaks down ends with its socket, whose client comes back", async () => {
  const a = await server.connect("Broken", "pages");
  await a.hello("a");
  await server.sql("Broken", "pages", "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) INSERT INTO notes SELECT format('%06d', i) FROM n");
  const b = await server.connect("Broken", "pages");
  await b.hello("b");
  b.send({ type: "subscribe", channel: "notes", cursor: null, pages: 5 });
  a.send({ type: "actions", acknowledged: 0, actions: [{ number: 1, channel: "notes", type: "trap", payload: { id: "x" } }] });
  expect((await a.frame())["outcomes"]).toMatchObject([{ number: 1, status: "rejected", code: "internal" }]);
  await b.end;
  expect(b.closed).toEqual({ code: 1011, reason: "internal" });
  expect(await a.act(2, "notes", "keep", { id: "y" })).toMatchObject({ outcomes: [{ number: 2, status: "committed" }] });
});

test("a repeated action is answered from the store, with its result, and runs once", async () => {
  const a = await server.connect("Broken", "repeat");
  await a.hello("a");
  const actions = ["answer", "refuse"].map((type, i) => ({ number: i + 1, channel: "notes", type, payload: { id: `${i}` } }));
  a.send({ type: "actions", acknowledged: 0, actions });
  const first = await a.frame();
  await server.hibernate("Broken", "repeat");
  const again = await server.connect("Broken", "repeat");
  expect(await again.hello("a")).toMatchObject({ settled: 2 });
  again.send({ type: "actions", acknowledged: 0, actions });
  expect((await again.frame())["outcomes"]).toEqual(first["outcomes"]);
  expect(await rows("repeat")).toEqual(["0"]);
});

test("a number that is not the next one is not run, and the right one is named", async () => {
  const a = await server.connect("Broken", "order");
  await a.hello("a");
  a.send({ type: "actions", acknowledged: 0, actions: [{ number: 3, channel: "notes", type: "keep", payload: { id: "3" } }] });
  expect(await a.frame()).toMatchObject({ type: "error", code: "out_of_order", expected: 1 });
  expect(await rows("order")).toEqual([]);
});

test("garbage gets a typed answer, and the object lives on", async () => {
  const a = await server.connect("Broken", "garbage");
  await a.hello("a");
  const deep = "[".repeat(1_000_000);
  for (const text of ["null", "5", "[]", "", "{", deep, '{"type":5}', '"\\ud800"', '{"type":"subscribe"}', '{"type":"actions","acknowledged":0,"actions":[5]}', '{"type":"page","channel":"notes","after":[],"rows":1}']) {
    a.send(text);
    expect(await a.frame(), text.slice(0, 60)).toMatchObject({ type: "error", code: "bad_frame", message: expect.any(String) });
  }
  a.sendBytes(new Uint8Array([0, 1, 2]));
  expect(await a.frame()).toMatchObject({ code: "bad_frame" });
  a.send(`"${"x".repeat(1_100_000)}"`);
  expect(await a.frame()).toMatchObject({ code: "frame_too_large" });
  a.send(`"${"é".repeat(600_000)}"`);
  expect(await a.frame()).toMatchObject({ code: "frame_too_large" });
  for (const channel of ["notes; DROP TABLE notes", "sqlite_master", "durasync_meta", "Notes", ""]) {
    a.send({ type: "subscribe", channel, cursor: null });
    expect(await a.frame()).toMatchObject({ type: "error", code: "unknown_channel", channel });
    a.send({ channel, sync: true });
    expect(await a.frame()).toMatchObject({ code: "bad_frame" });
  }
  const b = await server.connect("Broken", "garbage");
  b.send({ type: "subscribe", channel: "notes", cursor: null });
  expect(await b.frame()).toMatchObject({ code: "hello_expected" });
  b.send({ type: "hello", protocol: 3, client: "b" });
  expect(await b.frame()).toMatchObject({ code: "unsupported_protocol" });
  b.send({ type: "hello", protocol: 2, client: "'; --" });
  expect(await b.frame()).toMatchObject({ code: "bad_frame" });
  expect(await a.act(1, "notes", "keep", { id: "alive" })).toMatchObject({ outcomes: [{ status: "committed" }] });
  expect(await rows("garbage")).toEqual(["alive"]);
});
