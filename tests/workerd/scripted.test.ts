// SPDX-License-Identifier: MIT
// An app in TypeScript, on the prebuilt core.
import { once } from "node:events";
import { WebSocket as Insistent } from "ws";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startServer, type Server, type TestSocket } from "./server.ts";

let server: Server;
beforeAll(async () => void (server = await startServer()));
afterAll(async () => await server.close());

const ids = async (name: string) => (await server.sql("Scripted", name, "SELECT id FROM notes WHERE id NOT LIKE 'start%' AND id <> '0' ORDER BY id")).map(({ id }) => id);

async function follow(name: string, client: string, user?: string): Promise<TestSocket> {
  const socket = await server.connect("Scripted", name, user === undefined ? {} : { user });
  await socket.subscribe(client, "notes");
  return socket;
}

const act = (socket: TestSocket, number: number, type: string, payload: unknown) => socket.act(number, "notes", type, payload);

test("what migrations and onStart made is there before anybody is answered, and each wake is news", async () => {
  const a = await server.connect("Scripted", "start");
  expect(await a.subscribe("a", "notes")).toMatchObject({ total: 2, cells: [["0", "start 0"], ["made by a migration", "woken"], [null, null]] });
  await server.hibernate("Scripted", "start");
  const waking = act(a, 1, "who", null);
  expect(await waking).toMatchObject({ changes: [{ put: [["start 1", "woken", null]] }] });
  expect(await a.frame()).toMatchObject({ outcomes: [{ number: 1, status: "committed" }] });
});

test("an action's changes reach everyone and its result its author", async () => {
  const a = await follow("act", "a", "ann");
  const b = await follow("act", "b");
  const put = [{ channel: "notes", put: [["1", "milk", "ann"]] }];
  expect(await act(a, 1, "create", { id: "1", text: "milk" })).toMatchObject({ changes: put, outcomes: [{ status: "committed", result: [["1", "milk", "ann"]] }] });
  expect(await b.frame()).toMatchObject({ changes: put, outcomes: [] });
});

test.each([
  ["conflict", { code: "conflict", message: "Somebody was faster.", data: { winner: "b" } }],
  ["throw", { code: "internal", message: "The object failed while it handled the frame; nothing of it was kept." }],
  ["throw nothing", { code: "internal" }],
  ["no such code", { code: "internal" }],
  ["bad sql", { code: "internal", message: "The object failed while it handled the frame; nothing of it was kept." }],
  ["big", { code: "internal" }],
  ["bigint", { code: "internal" }],
  ["no such type", { code: "unknown_action" }],
  ["too early", { code: "internal" }],
  ["wipe", { code: "forbidden" }],
  ["not for guests", { code: "forbidden" }], // before anything is said of the payload
  ["checked", { code: "invalid_payload", message: "`text` must be a string.", data: { path: ["text"] } }],
  ["checked later", { code: "invalid_payload", message: "Nobody knows it.", data: { path: ["texts", 2, "Symbol(a symbol)"] } }],
])("a handler that ends in `%s` is rejected by code and leaves nothing", async (type, outcome) => {
  const a = await follow(`reject ${type}`, "a", "ann");
  const answer = await act(a, 1, type, { id: "x" });
  expect(answer).toMatchObject({ changes: [], outcomes: [{ number: 1, status: "rejected", ...outcome }] });
  expect(JSON.stringify(answer)).not.toContain("secret");
  expect(await act(a, 2, "create", { id: "y", text: "" })).toMatchObject({ outcomes: [{ number: 2, status: "committed" }] });
  expect(await ids(`reject ${type}`)).toEqual(["y"]);
});

test("a step of a handler can be undone, and the handler go on", async () => {
  const a = await follow("step", "a");
  expect(await act(a, 1, "try in vain", { id: "1" })).toMatchObject({ changes: [{ put: [["1", "second try", null]] }], outcomes: [{ status: "committed", result: [["1", "second try", null]] }] });
});

test("a handler gets what the schema has made of the payload, though it took its time", async () => {
  const a = await follow("schema", "a");
  expect(await act(a, 1, "checked later", { id: "1", text: "known" })).toMatchObject({ changes: [{ put: [["1", "answer to 1", null]] }], outcomes: [{ status: "committed" }] });
});

test("a constraint is told by its name, whoever ran the statement", async () => {
  const a = await follow("constraint", "a");
  await act(a, 1, "create", { id: "1", text: "" });
  expect(await act(a, 2, "create", { id: "1", text: "" })).toMatchObject({ outcomes: [{ code: "constraint", data: { constraint: "unique", name: "notes.id" } }] });
  expect(await act(a, 3, "create", { id: "2", text: "x".repeat(200) })).toMatchObject({ outcomes: [{ code: "constraint", data: { constraint: "check", name: "short" } }] });
});

test("a handler that waits runs its function as the transaction, in its client's order, while others go on", async () => {
  const a = await follow("later", "a");
  const b = await follow("later", "b");
  const actions = ["later", "create", "later without a function"].map((type, i) => ({ number: i + 1, channel: "notes", type, payload: { id: `a${i + 1}`, text: "" } }));
  a.send({ type: "actions", acknowledged: 0, actions });
  a.send({ type: "actions", acknowledged: 0, actions: [{ number: 4, channel: "notes", type: "create", payload: { id: "a4", text: "" } }] });
  expect(await act(b, 1, "create", { id: "b1", text: "" })).toMatchObject({ outcomes: [{ number: 1 }], changes: [{ put: [["b1", "", null]] }] });
  const numbers: unknown[] = [];
  while (numbers.length < 4) numbers.push(...((await a.frame())["outcomes"] as { number: number; status: string }[]).map(({ number, status }) => `${number} ${status}`));
  expect(new Set(numbers)).toEqual(new Set(["1 committed", "2 committed", "3 committed", "4 committed"]));
  expect(await ids("later")).toEqual(["a1", "a2", "a4", "b1"]);
  expect(await server.fetch("/scripted/asked?name=later&id=a1")).toBe("1");
});

test("an action that waits and is sent again by another socket of its client runs once", async () => {
  const a = await follow("again", "a");
  const frame = { type: "actions", acknowledged: 0, actions: [{ number: 1, channel: "notes", type: "later", payload: { id: "once" } }] };
  a.send(frame);
  const again = await server.connect("Scripted", "again");
  await again.hello("a");
  again.send(frame);
  expect(await again.frame()).toMatchObject({ outcomes: [{ number: 1, status: "committed", result: [["once", "answer to once", null]] }] });
  expect(await ids("again")).toEqual(["once"]);
  expect(await server.fetch("/scripted/asked?name=again&id=once")).toBe("1");
});

test("an action whose socket closes while it waits is there when its client comes back and sends it again", async () => {
  const a = await follow("gone", "a");
  const frame = { type: "actions", acknowledged: 0, actions: [{ number: 1, channel: "notes", type: "later", payload: { id: "held" } }] };
  a.send(frame);
  await server.fetch("/"); // lets it arrive
  a.close();
  const again = await server.connect("Scripted", "gone");
  expect(await again.hello("a")).toMatchObject({ settled: 0 });
  again.send(frame);
  await server.fetch("/scripted/let-go?name=gone");
  expect(await again.frame()).toMatchObject({ outcomes: [{ number: 1, status: "committed" }] });
  expect(await ids("gone")).toEqual(["held"]);
});

test("an action that waits does not run once its author is shut out", async () => {
  const ann = await follow("shut out", "a", "ann");
  ann.send({ type: "actions", acknowledged: 0, actions: [{ number: 1, channel: "notes", type: "later", payload: { id: "held for ann" } }] });
  await server.fetch("/"); // lets it arrive
  const b = await follow("shut out", "b");
  expect(await server.fetch("/scripted/ban-and-let-go?name=shut%20out&id=ann")).toBe("1");
  expect(await b.settle()).toEqual([]);
  expect(await ids("shut out")).toEqual([]);
});

test.each([
  ["fails later", "not_found"],
  ["waits twice", "internal"],
])("what goes wrong after the waiting rejects the action: %s", async (type, code) => {
  const a = await follow(type, "a");
  expect(await act(a, 1, type, { id: "x" })).toMatchObject({ outcomes: [{ number: 1, status: "rejected", code }] });
  expect(await ids(type)).toEqual([]);
});

test("version 1 waits as well", async () => {
  const a = await server.connect("Scripted", "v1");
  a.send({ channel: "notes", rpc: true, id: "r1", action: { type: "later", payload: { id: "1" } } });
  expect(await a.frame()).toMatchObject({ type: "success", id: "r1", result: [["1", "answer to 1", null]] });
});

test("what a method, an alarm or a request writes reaches the subscribers, though nobody says so", async () => {
  const a = await follow("writers", "a");
  await server.fetch("/scripted/write?name=writers&id=by-method");
  expect(await a.frame()).toMatchObject({ changes: [{ put: [["by-method", "written by a method", null]] }] });
  await server.fetch("/scripted/write-later?name=writers&id=by-alarm");
  expect(await a.frame()).toMatchObject({ changes: [{ put: [["by-alarm", "written by a method", null]] }] });
  expect(await server.fetch("/parties/scripted/writers?id=by-request")).toBe("written");
  expect(await a.frame()).toMatchObject({ changes: [{ put: [["by-request", "written by a method", null]] }] });
});

test("what a transaction that waits writes is told once it is committed, and never if it is undone", async () => {
  const a = await follow("slowly", "a");
  await server.fetch("/scripted/write-slowly?name=slowly&id=undone&fails");
  expect(await a.settle()).toEqual([]);
  await server.fetch("/scripted/write-slowly?name=slowly&id=done");
  expect(await a.frame()).toMatchObject({ changes: [{ from: 0, to: 1, put: [["done", "written by a method", null]] }] });
});

test("what a transaction writes is told once it is committed, also if it is to be told at once, and never if it is undone", async () => {
  const a = await follow("flushed", "a");
  await server.fetch("/scripted/write-and-flush?name=flushed&id=undone&fails");
  expect(await a.settle()).toEqual([]);
  await server.fetch("/scripted/write-and-flush?name=flushed&id=done");
  expect(await a.frame()).toMatchObject({ changes: [{ from: 0, to: 1, put: [["done", "written by a method", null]] }] });
});

test("an event reaches the channel's subscribers and is stored nowhere", async () => {
  const a = await follow("event", "a");
  const stranger = await server.connect("Scripted", "event");
  await stranger.hello("s");
  await server.fetch("/scripted/broadcast?name=event&id=ann");
  expect(await a.frame()).toEqual({ type: "event", channel: "notes", event: { typing: "ann" } });
  expect(await stranger.settle()).toEqual([]);
});

test("an event that a handler sends goes out when its turn is over", async () => {
  const a = await follow("loud", "a");
  const b = await follow("loud", "b");
  const actions = ["create", "create loudly", "create", "create loudly", "create"].map((type, i) => ({ number: i + 1, channel: "notes", type, payload: { id: `${i + 1}`, text: "x".repeat(50) } }));
  a.send({ type: "actions", acknowledged: 0, actions });
  const put = actions.map(({ payload: { id, text } }) => [id, text, null]);
  expect(await a.frame()).toMatchObject({ changes: [{ put }], outcomes: actions.map(({ number }) => ({ number, status: "committed" })) });
  expect(await b.frame()).toMatchObject({ changes: [{ put }] });
  for (const socket of [a, b]) for (const creates of ["2", "4"]) expect(await socket.frame()).toEqual({ type: "event", channel: "notes", event: { creates } });
});

test("who connects is known to every handler, across a hibernation", async () => {
  const a = await follow("who", "a", "ann");
  expect(await act(a, 1, "who", null)).toMatchObject({ outcomes: [{ result: { identity: { user: "ann", role: "guest" }, client: "a", number: 1 } }] });
  await server.hibernate("Scripted", "who");
  a.send({ type: "actions", acknowledged: 1, actions: [{ number: 2, channel: "notes", type: "who", payload: null }] });
  await a.frame(); // what onStart wrote
  expect(await a.frame()).toMatchObject({ outcomes: [{ number: 2, result: { identity: { user: "ann", role: "guest" } } }] });
  expect(JSON.parse(await server.fetch("/scripted/who?name=who"))).toEqual([{ identity: { user: "ann", role: "guest" }, client: "a", channels: ["notes"] }]);
});

test("who may not connect is turned away with a code that says so for good", async () => {
  const mallory = await server.connect("Scripted", "door", { user: "mallory" });
  expect(await mallory.end).toEqual({ code: 4403, reason: "forbidden" });
});

test("an identity that is too large lets nobody in, for good", async () => {
  const everybody = await server.connect("Scripted", "door", { user: "everybody" });
  expect(await everybody.end).toEqual({ code: 4400, reason: "invalid_payload" });
});

test("a token can come as a subprotocol behind the first, which is the one that is chosen", async () => {
  const a = await server.connect("Scripted", "token", { protocols: ["durasync", "ann"] });
  expect(a.protocol).toBe("durasync");
  await a.subscribe("a", "notes");
  expect(await act(a, 1, "who", null)).toMatchObject({ outcomes: [{ result: { identity: { user: "ann" } } }] });
});

test("where origins are declared, their pages are let in and no others", async () => {
  for (const origin of ["https://evil.example", "https://app.example.evil.example", server.url.origin]) {
    expect(await (await server.connect("Scripted", "origin", { origin })).end).toEqual({ code: 4403, reason: "forbidden" });
  }
  const own = await server.connect("Scripted", "origin", { origin: "https://app.example" });
  expect(await own.hello("a")).toMatchObject({ type: "welcome" });
});

test("who has missed more than the declared window fetches anew, and others resume", async () => {
  const a = await follow("window", "a");
  const { epoch, shape, version } = await a.subscribe("a", "notes");
  const insert = async (from: number, to: number) => void (await server.sql("Scripted", "window", `WITH RECURSIVE n (i) AS (SELECT ${from} UNION ALL SELECT i + 1 FROM n WHERE i < ${to}) INSERT INTO notes SELECT i, '', NULL FROM n`));
  await insert(1, 20);
  expect(await (await server.connect("Scripted", "window")).subscribe("b", "notes", { epoch, shape, version })).toMatchObject({ type: "patch" });
  await insert(21, 200);
  expect(await (await server.connect("Scripted", "window")).subscribe("c", "notes", { epoch, shape, version })).toMatchObject({ type: "page" });
});

test("a channel is read by those who may, and no longer by one who is shut out", async () => {
  const guest = await follow("read", "g", "ann");
  guest.send({ type: "subscribe", channel: "secrets", cursor: null });
  expect(await guest.frame()).toMatchObject({ type: "error", code: "forbidden", channel: "secrets" });
  const admin = await server.connect("Scripted", "read", { user: "root" });
  expect(await admin.subscribe("r", "secrets")).toMatchObject({ type: "page", channel: "secrets" });
  expect(await server.fetch("/scripted/ban?name=read&id=ann")).toBe("1");
  expect(await guest.end).toEqual({ code: 4403, reason: "forbidden" });
  expect(await admin.settle()).toEqual([]);
});

test("one who is shut out and will not go is not heard any more, and nobody who goes by themselves is cut short", async () => {
  const socket = new Insistent(new URL("/parties/scripted/insist?user=ann", server.url));
  await once(socket, "open");
  const act = (number: number) => socket.send(JSON.stringify({ type: "actions", acknowledged: 0, actions: [{ number, channel: "notes", type: "create", payload: { id: `${number}` } }] }));
  socket.send(JSON.stringify({ type: "hello", protocol: 2, client: "a" }));
  act(1);
  await expect.poll(async () => await ids("insist")).toEqual(["1"]);
  socket.pause(); // it does not read that it is to go
  expect(await server.fetch("/scripted/ban?name=insist&id=ann")).toBe("1");
  expect(JSON.parse(await server.fetch("/scripted/who?name=insist"))).toEqual([]);
  act(2);
  const b = await follow("insist", "b", "bob");
  for (let number = 1; number <= 50; number++) b.send({ type: "actions", acknowledged: 0, actions: [{ number, channel: "notes", type: "create", payload: { id: `b${number}` } }] });
  b.close();
  await expect.poll(async () => (await ids("insist")).length).toBeGreaterThanOrEqual(51);
  await server.hibernate("Scripted", "insist");
  act(3);
  expect(await (await follow("insist", "c", "carol")).settle()).toEqual([]);
  expect(await ids("insist")).toEqual(["1", ...Array.from({ length: 50 }, (_, i) => `b${i + 1}`).sort()]);
  socket.terminate();
});

test("a page that is too old or too new is told so", async () => {
  const a = await server.connect("Scripted", "versions");
  for (const [app, code] of [[1, "app_too_old"], [4, "app_too_new"]]) {
    a.send({ type: "hello", protocol: 2, client: "a", app });
    expect(await a.frame()).toMatchObject({ type: "error", code });
  }
  a.send({ type: "hello", protocol: 2, client: "a", app: 2 });
  expect(await a.frame()).toMatchObject({ type: "welcome" });
});

test("partysync's first example runs as it is", async () => {
  const a = await server.connect("Seed", "seed");
  a.send({ channel: "todos", sync: true, from: null });
  expect(await a.frame()).toEqual({ channel: "todos", sync: true, payload: [] });
  const b = await server.connect("Seed", "seed");
  await b.subscribe("b", "todos");
  a.send({ channel: "todos", rpc: true, id: "1", action: { type: "create", payload: { id: "1", text: "milk", completed: 0 } } });
  expect(await a.frame()).toMatchObject({ type: "success", rpc: true, id: "1", result: [["1", "milk", 0, expect.any(String), expect.any(String), null]] });
  expect(await b.frame()).toMatchObject({ changes: [{ put: [["1", "milk", 0, expect.any(String), expect.any(String), null]] }] });
});
