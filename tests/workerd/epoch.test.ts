// SPDX-License-Identifier: MIT
// Objects whose history breaks off: renewed, emptied, brought back from an old copy. Clients notice, and what they had not sent goes through.
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { cellsOf } from "../rows.ts";
import { ServerProcess } from "./process.ts";
import { connect, startServer, type Server } from "./server.ts";

interface Known {
  readonly epoch: unknown;
  readonly shape: unknown;
  readonly version: number;
}

const cursorOf = (page: Record<string, unknown>, version: number): Known => ({ epoch: page["epoch"], shape: page["shape"], version });
const todo = (id: string, text: string) => [id, text, 0, expect.any(Number), expect.any(Number), null];

describe("in one server", () => {
  let server: Server;
  beforeAll(async () => void (server = await startServer()));
  afterAll(async () => await server.close());

  test("a renewed epoch closes every socket and resumes no cursor, and rows and outcomes stay", async () => {
    const a = await server.connect("Todos", "renewed");
    const b = await server.connect("Todos", "renewed");
    const page = await a.subscribe("a", "todos");
    b.send({ channel: "todos", sync: true });
    await b.frame();
    await a.act(1, "todos", "create", { id: "1", text: "kept" });
    await server.fetch("/renew?name=renewed");
    for (const socket of [a, b]) await vi.waitFor(() => expect(socket.closed).toEqual({ code: 1012, reason: "new_epoch" }), 5000);

    const again = await server.connect("Todos", "renewed");
    const welcome = await again.hello("a");
    expect(welcome).toMatchObject({ type: "welcome", settled: 1 });
    expect(welcome["epoch"]).not.toBe(page["epoch"]);
    again.send({ type: "subscribe", channel: "todos", cursor: cursorOf(page, 1) });
    expect(await again.frame()).toMatchObject({ type: "page", first: true, epoch: welcome["epoch"], cells: cellsOf([todo("1", "kept")]) });
    // What had been settled is not run again, what had not is.
    expect(await again.act(1, "todos", "create", { id: "1", text: "kept" })).toMatchObject({ changes: [], outcomes: [{ number: 1, status: "committed" }] });
    expect(await again.act(2, "todos", "create", { id: "2", text: "new" })).toMatchObject({ outcomes: [{ number: 2, status: "committed" }] });
    // It outlives the instance.
    await server.hibernate("Todos", "renewed");
    expect(await again.hello("a")).toMatchObject({ epoch: welcome["epoch"], settled: 2 });
  });

  test("a reset object is empty, works at once, and takes what was not sent", async () => {
    const a = await server.connect("Todos", "reset");
    const page = await a.subscribe("a", "todos");
    await a.act(1, "todos", "create", { id: "1", text: "lost" });
    await server.fetch("/reset?name=reset");
    await vi.waitFor(() => expect(a.closed).toEqual({ code: 1012, reason: "new_epoch" }), 5000);

    const again = await server.connect("Todos", "reset");
    const welcome = await again.hello("a");
    expect(welcome).toMatchObject({ settled: 0 });
    expect(welcome["epoch"]).not.toBe(page["epoch"]);
    again.send({ type: "subscribe", channel: "todos", cursor: cursorOf(page, 1) });
    expect(await again.frame()).toMatchObject({ type: "page", first: true, version: 0, total: 0, next: 0 });
    expect(await again.act(2, "todos", "create", { id: "2", text: "unsent" })).toMatchObject({ outcomes: [{ number: 2, status: "committed" }] });
    expect(await server.sql("Todos", "reset", "SELECT id FROM todos")).toEqual([{ id: "2" }]);
  });
});

describe("across a restore", () => {
  const server = new ServerProcess("tests/workerd/wrangler.toml");
  beforeAll(async () => await server.start());
  afterAll(async () => await server.dispose());

  const open = async () => await connect(server.url, "Todos", "restored");

  test("a cursor from the lost future gets a snapshot, and unsent actions go through", async () => {
    let socket = await open();
    const page = await socket.subscribe("a", "todos");
    await socket.act(1, "todos", "create", { id: "1", text: "saved" });
    await server.kill();
    server.saveStorage();

    await server.start();
    socket = await open();
    await socket.subscribe("a", "todos", cursorOf(page, 1));
    for (const number of [2, 3]) await socket.act(number, "todos", "create", { id: `${number}`, text: "lost" });
    await server.kill();
    server.restoreStorage();

    await server.start();
    await fetch(`${server.url}/renew?name=restored`);
    // Another history reaches the version that the client holds, under another meaning.
    const other = await open();
    await other.hello("other");
    for (const number of [1, 2]) await other.act(number, "todos", "create", { id: `other-${number}`, text: "another history" });
    socket = await open();
    expect(await socket.hello("a")).toMatchObject({ settled: 1 });
    socket.send({ type: "subscribe", channel: "todos", cursor: cursorOf(page, 3) });
    expect(await socket.frame()).toMatchObject({ type: "page", first: true, version: 3, cells: cellsOf([todo("1", "saved"), todo("other-1", "another history"), todo("other-2", "another history")]) });
    expect(await socket.act(4, "todos", "create", { id: "4", text: "unsent" })).toMatchObject({ changes: [{ from: 3, to: 4, put: [todo("4", "unsent")] }], outcomes: [{ number: 4, status: "committed" }] });
  }, 60_000);
});
