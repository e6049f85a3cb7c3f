// SPDX-License-Identifier: MIT
// The object is taken out of memory in the middle of things, with its sockets open: what is being sent arrives whole, once and in order.
import { afterAll, beforeAll, expect, test } from "vitest";
import { limits } from "../../wasm/build/protocol.ts";
import { rowsOf } from "../rows.ts";
import { startServer, type Server, type TestSocket } from "./server.ts";

let server: Server;
beforeAll(async () => void (server = await startServer()));
afterAll(async () => await server.close());

const SLICE = 50;
const TORN = 3;

/** How often the object was made. */
const lives = async (name: string) => Number(await server.fetch(`/constructions?name=${name}`));

/** Takes the object out of memory, if the frames that wake it are not still on their way. */
async function evict(name: string): Promise<void> {
  await server.hibernate("Todos", name).catch((error: Error) => {
    if (!error.message.includes("not currently running")) throw error;
  });
}

interface Page {
  readonly type: string;
  readonly version: number;
  readonly first: boolean;
  readonly cells: string[][];
  readonly next: number;
  readonly end?: string[];
}

async function nextPage(socket: TestSocket, { end, next }: Page): Promise<Page> {
  socket.send({ type: "page", channel: "todos", after: end, rows: next });
  return (await socket.frame()) as unknown as Page;
}

const create = (number: number, id: string, text: string) => ({ number, channel: "todos", type: "create", payload: { id, text } });

test("a snapshot goes on where it was, though the object was made anew before every page", async () => {
  const name = "paged";
  const author = await server.connect("Todos", name);
  await author.hello("author");
  const ids = Array.from({ length: 1000 }, (_, i) => `t${String(i).padStart(4, "0")}`);
  const text = "x".repeat(1000);
  for (let at = 0; at < ids.length; at += limits.maxActions) {
    author.send({ type: "actions", acknowledged: at, actions: ids.slice(at, at + limits.maxActions).map((id, i) => create(at + i + 1, id, text)) });
    await author.frame();
  }
  const reader = await server.connect("Todos", name);
  let page = (await reader.subscribe("reader", "todos")) as unknown as Page;
  const seen = rowsOf(page).map(([id]) => id);
  let pages = 1;
  for (; page.next > 0; pages++) {
    // The author writes meanwhile: behind the page and ahead of it.
    await server.hibernate("Todos", name);
    await author.act(ids.length + pages, "todos", "update", { id: "t0000", text: `page ${pages}` });
    expect(await reader.frame()).toMatchObject({ type: "patch", changes: [{ from: page.version, to: page.version + 1, set: [{ rows: [["t0000", `page ${pages}`, expect.any(Number)]] }] }] });
    await server.hibernate("Todos", name);
    page = await nextPage(reader, page);
    expect(page).toMatchObject({ type: "page", first: false });
    seen.push(...rowsOf(page).map(([id]) => id));
  }
  expect(pages).toBeGreaterThan(3);
  expect(seen).toEqual(ids);
  expect(await lives(name)).toBe(1 + 2 * (pages - 1));
  expect(await reader.settle()).toEqual([]);
});

test("a burst of single frames is answered in order, each action once, though the object was made anew in the middle of it", async () => {
  const name = "torn";
  const [author, reader] = [await server.connect("Todos", name), await server.connect("Todos", name)];
  await reader.subscribe("reader", "todos");
  await author.subscribe("author", "todos");
  const outcomes: { number: number; status: string }[] = [];
  const put: string[] = [];
  let sent = 0;
  let torn = 0;
  const answered = (async () => {
    while (torn < TORN || outcomes.length < sent) {
      const { outcomes: some, changes } = (await author.frame()) as unknown as { outcomes: typeof outcomes; changes: { put: string[][] }[] };
      outcomes.push(...some);
      put.push(...changes.flatMap((change) => change.put.map(([id = ""]) => id)));
    }
  })();
  const evictions: Promise<void>[] = [];
  // It goes on until it has been taken out often enough with answers outstanding.
  while (torn < TORN) {
    for (let i = 0; i < SLICE; i++) author.send({ type: "actions", acknowledged: outcomes.length, actions: [create(++sent, `b${String(sent).padStart(6, "0")}`, "burst")] });
    evictions.push(evict(name).then(() => void (torn += Number(outcomes.length > 0 && outcomes.length < sent))));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all([...evictions, answered]);
  expect(await lives(name)).toBeGreaterThan(2);
  expect(outcomes).toEqual(outcomes.map((_, i) => ({ number: i + 1, status: "committed" })));
  expect(put).toEqual(put.toSorted());
  expect(new Set(put).size).toBe(sent);
  const heard = (await reader.settle()).flatMap((frame) => (JSON.parse(frame) as { changes: { put: string[][] }[] }).changes.flatMap((change) => change.put.map(([id]) => id)));
  expect(heard).toEqual(put);
});
