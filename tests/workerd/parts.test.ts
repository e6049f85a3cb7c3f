// SPDX-License-Identifier: MIT
// One table as several channels: each subscriber gets its part, and rows enter and leave as they change.
import { afterAll, beforeAll, expect, test } from "vitest";
import { Replica } from "./replica.ts";
import { startServer, type Server, type TestSocket } from "./server.ts";

let server: Server;
beforeAll(async () => void (server = await startServer()));
afterAll(async () => await server.close());

// The parts as their declarations in tests/apps/parts say them, written by hand.
const queries = {
  tasks: 'SELECT list, id, title, done, "a level", owner FROM tasks',
  names: "SELECT title, list, id FROM tasks",
  open: 'SELECT list, id, title, done, "a level", owner FROM tasks WHERE done = 0 AND "a level" > 2',
  mine: "SELECT id, list FROM tasks WHERE owner = 'me' OR owner IS NULL",
};
const channels = Object.keys(queries) as (keyof typeof queries)[];

class Party {
  readonly #name: string;
  readonly #writer: TestSocket;
  #number = 0;
  readonly replicas: Record<string, Replica> = {};

  private constructor(name: string, writer: TestSocket) {
    this.#name = name;
    this.#writer = writer;
  }

  /** A writer, and a subscriber for each channel. */
  static async start(name: string): Promise<Party> {
    const writer = await server.connect("Parts", name);
    await writer.hello("writer");
    const party = new Party(name, writer);
    for (const channel of channels) {
      const socket = await server.connect("Parts", name);
      await socket.hello(channel);
      party.replicas[channel] = await Replica.open(socket, channel);
    }
    return party;
  }

  async run(sql: string): Promise<void> {
    expect(await this.#writer.act(++this.#number, "tasks", "run", { sql })).toMatchObject({ outcomes: [{ status: "committed" }] });
  }

  /** Compares every replica with the table; returns the changes that each got since the last time. */
  async check(): Promise<Record<string, unknown>> {
    const changes: Record<string, unknown> = {};
    for (const channel of channels) {
      const replica = this.replicas[channel];
      changes[channel] = await replica?.settle();
      const rows = (await server.sql("Parts", this.#name, queries[channel])).map((row) => Object.values(row));
      expect(replica?.records, channel).toEqual(rows.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)));
    }
    return changes;
  }
}

test("each channel has its columns, in its order", async () => {
  const { replicas } = await Party.start("columns");
  expect(channels.map((channel) => replicas[channel]?.columns)).toEqual([
    ["list", "id", "title", "done", "a level", "owner"],
    ["title", "list", "id"],
    ["list", "id", "title", "done", "a level", "owner"],
    ["id", "list"],
  ]);
});

test("a change reaches the channels that show it, and no others", async () => {
  const party = await Party.start("others");
  await party.run("INSERT INTO tasks VALUES (1, 'a', 'first', 0, 5, 'you')");
  expect(await party.check()).toMatchObject({ tasks: [{ put: [[1, "a", "first", 0, 5, "you"]] }], names: [{ put: [["first", 1, "a"]] }], mine: [] });
  await party.run('UPDATE tasks SET "a level" = 6');
  expect(await party.check()).toMatchObject({ tasks: [{ set: [{ columns: [4], rows: [[1, "a", 6]] }] }], names: [], mine: [] });
  await party.run("UPDATE tasks SET owner = NULL");
  expect(await party.check()).toMatchObject({ names: [], mine: [{ put: [["a", 1]] }] });
  await party.run("UPDATE tasks SET id = 'b', done = 1");
  expect(await party.check()).toMatchObject({ open: [{ del: [[1, "a"]] }], mine: [{ put: [["b", 1]], del: [[1, "a"]] }] });
});

test("whatever is written, everybody has their part", async () => {
  const party = await Party.start("any");
  const writes = [
    "INSERT INTO tasks VALUES (1, 'a', 't', 0, 5, 'me'), (1, 'b', 't', 1, 5, NULL), (2, 'a', 't', 0, 1, 'you')",
    "UPDATE tasks SET done = 1 - done",
    "UPDATE OR REPLACE tasks SET list = 1 WHERE list = 2",
    "INSERT OR REPLACE INTO tasks VALUES (1, 'b', 'u', 0, 3, 'you')",
    "INSERT INTO tasks (list, id, done) VALUES (1, 'b', 1) ON CONFLICT DO UPDATE SET owner = 'me', \"a level\" = NULL",
    "UPDATE tasks SET \"a level\" = 9, title = 'v', id = id || '!'",
    "DELETE FROM tasks WHERE id = 'b!'",
    "UPDATE tasks SET owner = 'nobody', done = 0",
    "DELETE FROM tasks",
  ];
  for (const sql of writes) {
    await party.run(sql);
    await party.check();
  }
});
