// SPDX-License-Identifier: MIT
// The todo object in workerd: hibernation, writers besides actions, who gets what.
import { afterAll, beforeAll, expect, test } from "vitest";
import { limits } from "../../wasm/build/protocol.ts";
import { cellsOf, rowsOf } from "../rows.ts";
import { startServer, type Server } from "./server.ts";

let server: Server;
beforeAll(async () => void (server = await startServer()));
afterAll(async () => await server.close());

const created = (id: string) => [expect.objectContaining({ channel: "todos", put: [[id, expect.any(String), 0, expect.any(Number), expect.any(Number), null]] })];

test("an action reaches its author and every other subscriber, in one frame each", async () => {
  const a = await server.connect("Todos", "two");
  const b = await server.connect("Todos", "two");
  await a.subscribe("a", "todos");
  await b.subscribe("b", "todos");
  const own = await a.act(1, "todos", "create", { id: "1", text: "milk" });
  expect(own).toMatchObject({ type: "patch", outcomes: [{ number: 1, status: "committed" }], changes: created("1") });
  expect(await b.frame()).toMatchObject({ type: "patch", outcomes: [], changes: created("1") });
  expect(await a.settle()).toEqual([]);
});

test("after a hibernation the next write reaches every subscriber, and nobody has to say anything again", async () => {
  const a = await server.connect("Todos", "sleep");
  const b = await server.connect("Todos", "sleep");
  const c = await server.connect("Todos", "sleep");
  await a.subscribe("a", "todos");
  await b.subscribe("b", "todos");
  c.send({ channel: "todos", sync: true, from: null });
  await c.frame();
  await server.hibernate("Todos", "sleep");
  expect(await a.act(1, "todos", "create", { id: "1", text: "awake" })).toMatchObject({ changes: created("1") });
  expect(await b.frame()).toMatchObject({ changes: created("1") });
  expect(await c.frame()).toMatchObject({ broadcast: true, type: "update", payload: [["1", "awake", 0, expect.any(Number), expect.any(Number), null]] });
  await server.hibernate("Todos", "sleep");
  b.send("ping");
  expect(await b.receive()).toBe("pong");
  expect(await b.act(1, "todos", "delete", { id: "1" })).toMatchObject({ changes: [{ del: [["1"]] }] });
  expect(await a.frame()).toMatchObject({ changes: [{ del: [["1"]] }] });
});

test("a client that was away gets what it missed, deletions included", async () => {
  const a = await server.connect("Todos", "away");
  await a.subscribe("a", "todos");
  await a.act(1, "todos", "create", { id: "1", text: "stays" });
  await a.act(2, "todos", "create", { id: "2", text: "goes" });
  const b = await server.connect("Todos", "away");
  const page = await b.subscribe("b", "todos");
  expect(page).toMatchObject({ type: "page", next: 0, cells: cellsOf([["1", "stays", 0, expect.any(Number), expect.any(Number), null], ["2", "goes", 0, expect.any(Number), expect.any(Number), null]]) });
  b.close();
  await a.act(3, "todos", "delete", { id: "2" });
  await a.act(4, "todos", "create", { id: "3", text: "new" });
  await server.hibernate("Todos", "away");
  const again = await server.connect("Todos", "away");
  const missed = await again.subscribe("b", "todos", { epoch: page["epoch"], shape: page["shape"], version: page["version"] });
  expect(missed).toMatchObject({ type: "patch", changes: [{ from: 2, to: 4, del: [["2"]], put: [["3", "new", 0, expect.any(Number), expect.any(Number), null]] }] });
});

test("rows written by a request, an RPC method and an alarm reach the subscribers", async () => {
  const a = await server.connect("Todos", "writers");
  await a.subscribe("a", "todos");
  await server.fetch("/parties/todos/writers?insert=by-request");
  expect(await a.frame()).toMatchObject({ changes: created("by-request") });
  await server.fetch("/rpc?name=writers&id=by-rpc");
  expect(await a.frame()).toMatchObject({ changes: created("by-rpc") });
  await server.fetch("/parties/todos/writers?insert=x&later");
  expect(await a.frame()).toMatchObject({ changes: created("by-alarm") });
});

test("who has not subscribed gets nothing", async () => {
  const a = await server.connect("Todos", "quiet");
  const b = await server.connect("Todos", "quiet");
  await b.hello("b");
  await a.subscribe("a", "todos");
  await a.act(1, "todos", "create", { id: "1", text: "private" });
  expect(await b.settle()).toEqual([]);
  b.send({ type: "subscribe", channel: "todos", cursor: null });
  expect(await b.frame()).toMatchObject({ type: "page" });
  b.send({ type: "unsubscribe", channel: "todos" });
  await b.settle();
  await a.act(2, "todos", "create", { id: "2", text: "private again" });
  expect(await b.settle()).toEqual([]);
});

test("a burst of single frames becomes few commits, in order, and one acknowledgement each", async () => {
  const a = await server.connect("Todos", "burst");
  const b = await server.connect("Todos", "burst");
  await a.subscribe("a", "todos");
  await b.subscribe("b", "todos");
  for (let number = 1; number <= 200; number++)
    a.send({ type: "actions", acknowledged: 0, actions: [{ number, channel: "todos", type: "create", payload: { id: `${number}`, text: "x" } }] });
  const numbers: number[] = [];
  while (numbers.length < 200) for (const outcome of (await a.frame())["outcomes"] as { number: number }[]) numbers.push(outcome.number);
  expect(numbers).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
  const frames = await b.settle();
  const ids = frames.flatMap((frame) => (JSON.parse(frame) as { changes: { put: string[][] }[] }).changes.flatMap((change) => change.put.map(([id]) => id)));
  expect(ids).toEqual(Array.from({ length: 200 }, (_, i) => `${i + 1}`));
  expect(frames.length).toBeLessThan(100);
});

test("10,000 rows come in pages below the cap, in key order, each once", async () => {
  const a = await server.connect("Todos", "pages");
  await a.hello("a");
  for (let from = 0; from < 10_000; from += 500) {
    const actions = Array.from({ length: 500 }, (_, i) => ({ number: from + i + 1, channel: "todos", type: "create", payload: { id: `${from + i}`.padStart(5, "0"), text: "a todo of usual length, more or less" } }));
    a.send({ type: "actions", acknowledged: from, actions });
    await a.frame();
  }
  a.send({ type: "subscribe", channel: "todos", cursor: null });
  const ids: string[] = [];
  let pages = 0;
  for (;;) {
    const text = await a.receive();
    const page = JSON.parse(text) as { cells: string[][]; next: number; end?: string[] };
    expect(Buffer.byteLength(text)).toBeLessThan(900_000);
    ids.push(...rowsOf<string>(page).map(([id = ""]) => id));
    pages++;
    if (page.next === 0) break;
    a.send({ type: "page", channel: "todos", after: page.end, rows: page.next });
  }
  expect(ids).toEqual(Array.from({ length: 10_000 }, (_, i) => `${i}`.padStart(5, "0")));
  expect(pages).toBeGreaterThan(3);
});

test("the pages of an answer follow without being asked for, and no message of the client's is counted for them", async () => {
  const b = await server.connect("Todos", "pages");
  await b.hello("b");
  const framesIn = async () => (JSON.parse(await server.fetch("/stats?name=pages")) as { framesIn: number }).framesIn;
  const before = await framesIn();
  b.send({ type: "subscribe", channel: "todos", id: 5, cursor: null, pages: 5 });
  const first = await b.frame();
  const ids = rowsOf<string>(first);
  while (ids.at(-1)?.[0] !== (first["after"] as string[])[0]) {
    const page = await b.frame();
    expect(page).toMatchObject({ type: "page", first: false, id: 5 });
    ids.push(...rowsOf<string>(page));
  }
  expect(ids.map(([id]) => id)).toEqual(Array.from(ids, (_, i) => `${i}`.padStart(5, "0")));
  expect(ids.length).toBeGreaterThan(4000);
  expect(await framesIn()).toBe(before + 1);
  expect(await b.settle()).toEqual([]);
});

test("a page whose rows together are larger than a text may be comes in parts, and the snapshot is whole", async () => {
  const ROWS = 200; // the rows of a first page: 12 MB, of which the runtime takes 8 as one text, and the platform 2
  const a = await server.connect("Todos", "bulky");
  await a.hello("a");
  await server.sql("Todos", "bulky", `WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < ${ROWS})
    INSERT INTO todos SELECT printf('%03d', i), replace(hex(zeroblob(30000)), '0', 'x'), 0, 1, 1, NULL FROM c`);
  a.send({ type: "subscribe", channel: "todos", cursor: null });
  const ids: string[] = [];
  for (let asked = true; asked; ) {
    const page = (await a.frame()) as unknown as { type: string; cells: string[][]; next: number; end?: string[] };
    expect(page.type).toBe("page");
    ids.push(...rowsOf<string>(page).map(([id = ""]) => id));
    asked = page.next > 0;
    if (asked) a.send({ type: "page", channel: "todos", after: page.end, rows: 200 });
  }
  expect(ids).toEqual(Array.from({ length: ROWS }, (_, i) => `${i + 1}`.padStart(3, "0")));
});

test("a client that closes its socket is answered, asleep or awake", async () => {
  const [a, b] = [await server.connect("Todos", "closing"), await server.connect("Todos", "closing")];
  await a.hello("a");
  a.close();
  expect((await a.end).code).toBe(1000);
  await b.hello("b");
  await server.hibernate("Todos", "closing");
  b.close();
  expect((await b.end).code).toBe(1000);
});

test("a socket that sends too much at once is told so, and is heard again a moment later", async () => {
  const a = await server.connect("Todos", "wild");
  await a.hello("a");
  const codes = new Map<unknown, number>();
  for (let i = 0; i < 6000; i++) a.send({ type: "nothing" });
  for (let i = 0; i < 6000; i++) {
    const { code } = await a.frame();
    codes.set(code, (codes.get(code) ?? 0) + 1);
  }
  expect([...codes.keys()].sort()).toEqual(["bad_frame", "rate_limited"]);
  expect(codes.get("bad_frame")).toBeGreaterThanOrEqual(limits.frameBurst - 1);
  await expect.poll(async () => (await a.act(1, "todos", "create", { id: "1", text: "calm again" }))["type"]).toBe("patch");
});

test("an address without an object says so", async () => {
  expect(await server.fetch("/parties/nothing/here")).toBe("There is no such object.\n");
  expect(await server.fetch("/parties/todos/%ff")).toBe("The name is not URL-encoded.\n");
  expect(await server.fetch("/parties/todos/here")).toContain("connect by WebSocket");
});

test("an app in C answers requests with a status and headers, and its rejections by their code", async () => {
  const request = async () => await fetch(new URL("/parties/conform-c/requests?id=1", server.url));
  const made = await request();
  expect([made.status, made.headers.get("x-made"), await made.text()]).toEqual([201, "yes", "made"]);
  const again = await request();
  expect(again.status).toBe(409);
  expect(await again.json()).toMatchObject({ code: "constraint", data: { constraint: "unique", name: "notes.id" } });
});

test("an app in C hears who leaves, after a sleep too, and what it writes then is told", async () => {
  const a = await server.connect("ConformC", "leaving");
  await a.subscribe("a", "notes");
  const leaver = await server.connect("ConformC", "leaving", { user: "leaver" });
  await leaver.hello("l");
  await server.hibernate("ConformC", "leaving");
  leaver.close();
  expect(await a.frame()).toMatchObject({ changes: [{ put: [["left", "somebody went", "leaver"]] }] });
});

test("an alarm that an app in C could not handle is rung again", async () => {
  const a = await server.connect("ConformC", "alarm");
  await a.subscribe("a", "notes");
  await server.sql("ConformC", "alarm", "INSERT INTO notes VALUES ('alarm', 'in the way', NULL)");
  await a.frame();
  expect(await a.act(1, "notes", "remind", null)).toMatchObject({ outcomes: [{ status: "committed" }] });
  await new Promise((resolve) => setTimeout(resolve, 500)); // it rings in vain
  await server.sql("ConformC", "alarm", "UPDATE notes SET id = 'out of the way' WHERE id = 'alarm'");
  await a.frame();
  expect(await a.frame()).toMatchObject({ changes: [{ put: [["alarm", "made by the alarm", null]] }] });
});
