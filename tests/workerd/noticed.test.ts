// SPDX-License-Identifier: MIT
// What the app's own code does to its storage is noticed, however it says it: its subscribers get what it wrote, and an object that has emptied itself begins anew at once.
import { afterAll, beforeAll, expect, test } from "vitest";
import { startServer, type Server, type TestSocket } from "./server.ts";

let server: Server;
beforeAll(async () => void (server = await startServer()));
afterAll(async () => await server.close());

const INSERT = "INSERT INTO notes VALUES ('after')";
const emptied = { code: 1012, reason: "new_epoch" };

/** Has the object take the steps in one request, and returns what the last has brought. */
async function take(name: string, ...steps: string[]): Promise<unknown> {
  const answer = await server.fetch(`/parties/redefined/${encodeURIComponent(name)}?${steps.map((step) => `step=${encodeURIComponent(step)}`).join("&")}`);
  return answer.startsWith("Error: ") ? answer : (JSON.parse(answer) as unknown);
}

async function follow(name: string): Promise<{ socket: TestSocket; answer: Record<string, unknown> }> {
  const socket = await server.connect("Redefined", name);
  return { socket, answer: await socket.subscribe("reader", "notes") };
}

test.each([
  ["WITH new (id) AS (VALUES ('after')) INSERT INTO notes SELECT id FROM new"],
  ["/* a comment */ INSERT INTO notes VALUES ('after')"],
  ["-- SELECT\nINSERT INTO notes VALUES ('after')"],
  ["SELECT 1; INSERT INTO notes VALUES ('after')"],
  ["INSERT INTO notes VALUES ('after'); SELECT 1"],
  ["INSERT INTO notes VALUES ('after') RETURNING id"],
  ["INSERT INTO notes VALUES ('after'); SELECT * FROM nowhere"], // fails behind what it has written
  ["INSERT OR FAIL INTO notes VALUES ('after'), ('before')"], // fails at its second row, and keeps the first
])("%s reaches who follows", async (sql) => {
  await take(sql, "INSERT INTO notes VALUES ('before')");
  const { socket } = await follow(sql);
  await take(sql, sql);
  expect(await socket.frame()).toMatchObject({ type: "patch", changes: [{ put: [["after"]] }] });
});

test("what only reads is no news, and takes no turn", async () => {
  const reads = ["SELECT * FROM notes", "WITH n AS (SELECT 1) SELECT * FROM n", "/* a comment */ VALUES (1)", "PRAGMA table_info(notes)", "EXPLAIN DELETE FROM notes"];
  await take("reads", "turns");
  const turns = await take("reads", "turns");
  await take("reads", ...reads);
  expect(await take("reads", "turns")).toBe(turns);
});

test.each([["DROP/* at once */TABLE notes"], ["SELECT 1; DROP TABLE notes"], ["DROP\tTABLE notes"]])("%s has the object look at its tables", async (sql) => {
  const { socket } = await follow(sql);
  await take(sql, sql, "CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL)", INSERT);
  expect(await socket.end).toEqual({ code: 1012, reason: "new_shape" });
  expect((await follow(sql)).answer).toMatchObject({ type: "page", cells: [["after"]] });
});

test.each([
  ["a request", ["empty", INSERT]],
  ["a request that does not wait", ["empty, and do not wait", INSERT]],
  ["two calls at once", ["empty twice", INSERT]],
  ["an RPC method", ["empty by an RPC method"]],
  ["an alarm", ["empty by an alarm"]],
])("an object that is emptied by %s has its tables at once, and tells its subscribers", async (how, steps) => {
  await take(how, "INSERT INTO notes VALUES ('before')", "put a value");
  const { socket, answer } = await follow(how);
  await take(how, ...steps);
  expect(await socket.end).toEqual(emptied);
  const again = await follow(how);
  expect(again.answer).toMatchObject({ type: "page", cells: [["after"]] });
  expect(again.answer["epoch"]).not.toBe(answer["epoch"]);
  expect(await take(how, "INSERT INTO notes VALUES ('later')", "count the values")).toBe(0);
  expect(await again.socket.frame()).toMatchObject({ changes: [{ put: [["later"]] }] });
});

test("an object with an onStart of its own has started by the time that deleteAll() resolves", async () => {
  const name = "at every start";
  const { socket } = await follow(name);
  await take(name, "empty", INSERT);
  expect(await socket.end).toEqual(emptied);
  expect((await follow(name)).answer).toMatchObject({ cells: [["made by onStart", "after"]] });
});

test.each([
  ["empty in transactionSync", "Error: deleteAll() in a transaction cannot be undone"],
  ["empty in a transaction", "Error: Cannot call deleteAll() within a transaction"],
])("%s is refused, and nothing is lost", async (step, refusal) => {
  await take(step, "INSERT INTO notes VALUES ('before')");
  const { socket } = await follow(step);
  expect(await take(step, step)).toContain(refusal);
  expect(await take(step, INSERT, "SELECT count(*) AS notes FROM notes")).toEqual([{ notes: 2 }]);
  expect(await socket.frame()).toMatchObject({ changes: [{ put: [["after"]] }] });
});

test("a handler that empties the object is refused, and nothing is lost", async () => {
  const { socket } = await follow("by a handler");
  await take("by a handler", "INSERT INTO notes VALUES ('before')");
  await socket.frame();
  expect(await socket.act(1, "notes", "run", "empty, and do not wait")).toMatchObject({ outcomes: [{ number: 1, status: "rejected", code: "internal" }] });
  expect(await take("by a handler", "SELECT count(*) AS notes FROM notes")).toEqual([{ notes: 1 }]);
  expect(socket.closed).toBeUndefined();
});
