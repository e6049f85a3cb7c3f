// SPDX-License-Identifier: MIT
// Who is let in stays who they are: an identity is read back as it was made or refused when it is made, whatever is attached
// to a socket, nobody runs as nobody; what a handler says is told again as it was told, and where it waits it must not write.
import { afterAll, beforeAll, expect, test } from "vitest";
import { startServer, type Server, type TestSocket } from "./server.ts";

let server: Server;
beforeAll(async () => void (server = await startServer()));
afterAll(async () => await server.close());

const connect = async (name: string, user: string) => await server.connect("Guarded", name, { user });
const ask = async (name: string, what: string, value = "") =>
  JSON.parse(await server.fetch(`/parties/guarded/${encodeURIComponent(name)}?${encodeURIComponent(`${what}=${value}`)}`)) as unknown;
const notes = async (name: string) => await server.sql("Guarded", name, "SELECT id, author FROM notes ORDER BY id");
const acts = (number: number, type: string) => ({ type: "actions", acknowledged: 0, actions: [{ number, channel: "notes", type, payload: { id: `${number}` } }] });

async function follow(name: string, client: string, user: string): Promise<TestSocket> {
  const socket = await connect(name, user);
  await socket.subscribe(client, "notes");
  return socket;
}

test.each([
  "half an emoji", "too deep", "too large", "a cycle", "a bigint", "null", "a text", "a number", "a list", "a date", "a symbol", "a function", "nothing as JSON",
  "a text as JSON", "throws as JSON",
])("an identity that is %s lets nobody in", async (user) => {
  const mallory = await connect("door", user);
  expect(await mallory.end).toEqual({ code: 4400, reason: "invalid_payload" });
  expect(await ask("door", "connections")).toEqual([]);
});

test("an identity of 4 KiB with wide letters and every subscription outlives a sleep", async () => {
  const ann = await follow("wide", "a", "as large as can be");
  await server.hibernate("Guarded", "wide");
  ann.send(acts(1, "who"));
  expect(await ann.frame()).toMatchObject({ outcomes: [{ result: { identity: { user: "ann", wide: "\u8a9e".repeat(1355) } } }] });
  expect(await ask("wide", "connections")).toEqual([{ user: "ann", client: "a", channels: ["notes"] }]);
});

test("who is nobody in particular stays so", async () => {
  const socket = await follow("nobody", "n", "nobody");
  await server.hibernate("Guarded", "nobody");
  socket.send(acts(1, "who"));
  expect(await socket.frame()).toMatchObject({ outcomes: [{ status: "committed", result: {} }] });
  expect(await ask("nobody", "connections")).toEqual([{ client: "n", channels: ["notes"] }]);
});

test.each([
  "a broken text", "an empty text", "a text", "text of a number", "text of null", "another object as text", "another object", "a number", "null", "undefined",
  "a list", "broken bytes", "no bytes", "half an emoji", "no identity",
])("a socket that carries %s is no obstacle to others, and comes back to be asked who it is", async (attachment) => {
  const name = `carries ${attachment}`;
  const ann = await follow(name, "a", "ann");
  const guest = await connect(name, "guest");
  await ask(name, "attach", attachment);
  await server.hibernate("Guarded", name);
  expect(await ask(name, "connections")).toContainEqual({ user: "ann", client: "a", channels: ["notes"] });
  expect(await ask(name, "disconnect", "bob")).toBe(0);
  guest.send({ type: "hello", protocol: 2, client: "m" });
  guest.send(acts(1, "anything"));
  expect(await guest.end).toEqual({ code: 1012, reason: "internal" });
  ann.send(acts(1, "anything"));
  expect(await ann.frame()).toMatchObject({ changes: [{ put: [["1", "ann"]] }] });
  expect(await notes(name)).toEqual([{ id: "1", author: "ann" }]);
  expect(await ask(name, "disconnect", "ann")).toBe(1);
  expect(await ann.end).toEqual({ code: 4403, reason: "forbidden" });
});

test("a socket that an earlier release has attached a text to goes on", async () => {
  const ann = await connect("older", "ann");
  expect(await ann.hello("a")).toMatchObject({ type: "welcome" });
  await ask("older", "as texts");
  await server.hibernate("Guarded", "older");
  ann.send(acts(1, "who"));
  expect(await ann.frame()).toMatchObject({ outcomes: [{ result: { identity: { user: "ann" } } }] });
  expect(await ask("older", "connections")).toEqual([{ user: "ann", client: "a", channels: [] }]);
});

test("canRead and canDo that are async permit nothing", async () => {
  const socket = await connect("async guard", "later");
  await socket.hello("a");
  socket.send({ type: "subscribe", channel: "notes", cursor: null });
  expect(await socket.frame()).toMatchObject({ type: "error", code: "internal", channel: "notes" });
  socket.send(acts(1, "anything"));
  expect(await socket.frame()).toMatchObject({ outcomes: [{ status: "rejected", code: "internal" }] });
  expect(await notes("async guard")).toEqual([]);
});

test.each([
  ["a result that is deep", { status: "committed" }],
  ["a result that is too deep", { status: "rejected", code: "internal" }],
  ["a result with half an emoji", { status: "rejected", code: "internal" }],
  ["data that is too deep", { status: "rejected", code: "internal" }],
  ["data that is a cycle", { status: "rejected", code: "internal" }],
  ["a message with half an emoji", { status: "rejected", code: "internal" }],
  ["a message with a zero", { status: "rejected", code: "conflict", message: "a\0b" }],
  ["a message that is too long", { status: "rejected", code: "internal" }],
  ["no code", { status: "rejected", code: "internal" }],
  ["quoted", { status: "rejected", code: "invalid_payload", data: { path: [] } }],
])("%s is told, and told again, before and after a sleep", async (type, outcome) => {
  const socket = await follow(type, "a", "ann");
  const last = async () => (await socket.frame())["outcomes"];
  socket.send(acts(1, "anything"));
  socket.send(acts(2, type));
  const outcomes: unknown[] = [];
  while (outcomes.length < 2) outcomes.push(...((await last()) as unknown[]));
  expect(outcomes).toEqual([{ number: 1, status: "committed" }, expect.objectContaining({ number: 2, ...outcome })]);
  for (const slept of [false, true]) {
    if (slept) await server.hibernate("Guarded", type);
    socket.send(acts(2, "anything"));
    expect(await last()).toEqual([outcomes[1]]);
  }
  expect((await notes(type)).length).toBe(outcome.status === "committed" ? 2 : 1);
  expect(JSON.stringify(outcomes).length).toBeLessThan(5000);
});

// ---- Handlers that go on

const ways = ["after an await", "after a pause", "by awaiting it", "by awaiting it after a request", "in a callback", "in spite of a refusal", "before and after",
  "in a function that waits", "in a late function that waits"];
const things = ["a statement that returns rows", "a statement behind a comment", "several statements", "a table", "a transaction", "a transaction that waits", "a value",
  "several values", "a value at once", "the end of a value", "an alarm", "the end of everything"];
const all = [...ways.map((way) => `${way}: a statement`), ...things.map((thing) => `after a pause: ${thing}`), ...things.map((thing) => `in spite of a refusal: ${thing}`)];

test.each(all)("a handler that writes outside of its transaction is refused and leaves nothing (%s)", async (type) => {
  const socket = await follow(type, "a", "ann");
  await ask(type, "write", "before");
  expect(await socket.frame()).toMatchObject({ changes: [{ put: [["before", "a request"]] }] });
  socket.send(acts(1, type));
  expect(await socket.frame()).toMatchObject({ changes: [], outcomes: [{ number: 1, status: "rejected", code: "internal" }] });
  await ask(type, "rest");
  expect(await socket.settle()).toEqual([]);
  expect(await notes(type)).toEqual([{ id: "before", author: "a request" }]);
  expect(await server.sql("Guarded", type, "SELECT name FROM sqlite_master WHERE name = 'late'")).toEqual([]);
  socket.send(acts(2, "anything"));
  expect(await socket.frame()).toMatchObject({ outcomes: [{ number: 2, status: "committed" }] });
});

test("a handler that waits may read, and everybody else may write meanwhile", async () => {
  const socket = await follow("meanwhile", "a", "ann");
  const other = await follow("meanwhile", "b", "bob");
  socket.send(acts(1, "reads later"));
  other.send({ type: "actions", acknowledged: 0, actions: [{ number: 1, channel: "notes", type: "anything", payload: { id: "b" } }] });
  await ask("meanwhile", "write", "c");
  await ask("meanwhile", "rest");
  while ((await notes("meanwhile")).length < 3) await other.settle();
  expect((await notes("meanwhile")).map(({ id }) => id)).toEqual(["1", "b", "c"]);
});

test("what a handler has started, and does not wait for, may write", async () => {
  const socket = await follow("started", "a", "ann");
  socket.send(acts(1, "starts something"));
  expect(await socket.frame()).toMatchObject({ outcomes: [{ status: "committed" }] });
  await ask("started", "rest");
  expect(await socket.frame()).toMatchObject({ changes: [{ put: [["late", null]] }] });
});
