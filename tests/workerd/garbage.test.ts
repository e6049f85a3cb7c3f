// SPDX-License-Identifier: MIT
// Storage that holds what nothing of ours has written: what goes out is JSON all the same, what cannot be told is answered by a
// code, and the object finds its way back.
import { afterAll, beforeAll, expect, test } from "vitest";
import { startServer, type Server, type TestSocket } from "./server.ts";

let server: Server;
beforeAll(async () => void (server = await startServer()));
afterAll(async () => await server.close());

interface Frame {
  readonly type: string;
  readonly outcomes?: readonly { status: string }[];
  readonly cells?: readonly (readonly unknown[])[];
}

async function follow(name: string, client: string, channel: string): Promise<[TestSocket, Frame]> {
  const socket = await server.connect("Guarded", name, { user: "ann" });
  return [socket, (await socket.subscribe(client, channel)) as unknown as Frame];
}

/** The next frame, as JSON; undefined once the socket is closed. */
async function next(socket: TestSocket): Promise<Frame | undefined> {
  const text = await Promise.race([socket.receive(), socket.end.then(() => undefined)]);
  return text === undefined ? undefined : (JSON.parse(text) as Frame);
}

/** Two round trips: whatever the object had to say has come by then. All of it is JSON. */
async function drain(socket: TestSocket): Promise<void> {
  for (let trip = 0; trip < 2; trip++) {
    socket.send({ type: "nothing" });
    for (let frame = await next(socket); frame && frame.type !== "error"; frame = await next(socket)) continue;
  }
}

/** Sends the action on a new socket. What became of it; undefined if the object could not say. */
async function attempt(name: string, client: string): Promise<string | undefined> {
  const socket = await server.connect("Guarded", name, { user: "ann" });
  socket.send({ type: "hello", protocol: 2, client });
  socket.send({ type: "actions", acknowledged: 0, actions: [{ number: 1, channel: "notes", type: "anything", payload: { id: client } }] });
  for (let frame = await next(socket); frame; frame = await next(socket)) {
    if (frame.type === "error") return undefined;
    const [outcome] = frame.outcomes ?? [];
    if (outcome) return outcome.status;
  }
  return undefined;
}

/** The same until it is settled: how often it was sent. */
async function settle(name: string, client: string): Promise<number> {
  for (let sent = 1; sent <= 4; sent++) if ((await attempt(name, client)) === "committed") return sent;
  return Infinity;
}

const entry = (channel: string, version: string, op: number, columns: string, key: string) =>
  `INSERT INTO durasync_log_${channel} (version, op, columns, key) VALUES (${version}, ${op}, ${columns}, '${key}')`;

const garbage: [what: string, ...statements: string[]][] = [
  ["columns that there are not", entry("notes", "50", 2, "4611686018427387904", '["old"]'), entry("mine", "50", 2, "4611686018427387904", '["old"]')],
  ["no columns", entry("notes", "50", 2, "0", '["old"]'), entry("mine", "50", 2, "NULL", '["old"]')],
  ["negative columns", entry("notes", "50", 2, "-1", '["old"]'), entry("mine", "50", 2, "-9223372036854775808", '["old"]')],
  ["a key that is no JSON", entry("notes", "50", 3, "0", "not json"), entry("mine", "50", 3, "0", "not json")],
  ["a key that ends too early", entry("notes", "50", 1, "0", '["old"'), entry("mine", "50", 2, "1", '["old"')],
  ["a key of two", entry("notes", "50", 1, "0", '["old","old"]'), entry("mine", "50", 1, "0", '["old","old"]')],
  ["no key", entry("notes", "50", 3, "0", ""), entry("mine", "50", 3, "0", "")],
  ["a change of no kind", entry("notes", "50", 7, "1", '["old"]'), entry("mine", "50", -7, "1", '["old"]')],
  ["the largest version", entry("notes", "9223372036854775807", 1, "0", '["old"]'), entry("mine", "9223372036854775807", 1, "0", '["old"]')],
  ["a version beyond JSON", entry("notes", "9007199254740993", 1, "0", '["old"]'), entry("mine", "9007199254740993", 1, "0", '["old"]')],
  ["no log", "DROP TABLE durasync_log_notes", "DROP TABLE durasync_log_mine"],
  ["no clients", "DROP TABLE durasync_client"],
  ["no marks", "DROP TABLE durasync_mark"],
  ["neither", "DROP TABLE durasync_client", "DROP TABLE durasync_mark", "DROP TABLE durasync_log_notes"],
  ["garbled outcomes", "UPDATE durasync_client SET outcomes = 'garbled'"],
  ["garbled generations", "UPDATE durasync_meta SET generations = '[', touched = -1"],
];

test.each(garbage.flatMap(([what, ...statements]) => [false, true].map((asleep) => ({ what, statements, asleep }))))(
  "$what (asleep: $asleep)",
  async ({ what, statements, asleep }) => {
    const name = `garbage ${what} ${asleep}`;
    const [notes] = await follow(name, "notes", "notes");
    const [mine] = await follow(name, "mine", "mine");
    expect(await settle(name, "old")).toBe(1);
    for (const statement of statements) await server.sql("Guarded", name, statement);
    if (asleep) await server.hibernate("Guarded", name);
    expect(await settle(name, "new")).toBeLessThanOrEqual(3);
    expect(await settle(name, "newer")).toBe(1);
    for (const socket of [notes, mine]) await drain(socket);
    const rows = ["new", "newer", "old"];
    expect((await server.sql("Guarded", name, "SELECT id FROM notes ORDER BY id")).map(({ id }) => id)).toEqual(rows);
    for (const channel of ["notes", "mine"]) {
      const [, page] = await follow(name, `late-${channel}`, channel);
      expect(page.cells?.[0]?.toSorted()).toEqual(rows);
    }
  },
);

test("a key travels as it was written, or is refused", async () => {
  const [socket] = await follow("keys", "a", "notes");
  for (const [i, type] of ["half a key", "a broken key"].entries()) {
    const name = "a primary key must be UTF-8";
    expect(await socket.act(i + 1, "notes", type, null)).toMatchObject({ changes: [], outcomes: [{ code: "constraint", data: { constraint: "trigger", name } }] });
  }
  const key = "\u8a9e\0\ud83d\ude00";
  expect(await socket.act(3, "notes", "a wide key", null)).toMatchObject({ changes: [{ put: [[key, null]] }], outcomes: [{ status: "committed" }] });
  expect((await follow("keys", "b", "notes"))[1].cells?.[0]).toEqual([key]);
  await server.sql("Guarded", "keys", "DELETE FROM notes");
  expect(await socket.act(4, "notes", "who", null)).toMatchObject({ changes: [{ del: [[key]] }] });
});
