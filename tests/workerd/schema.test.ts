// SPDX-License-Identifier: MIT
// Tables with every corner that schemas have: whatever a statement does, a subscriber that follows patches has what a fresh one gets.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Replica } from "./replica.ts";
import { startServer, type Server, type TestSocket } from "./server.ts";

let server: Server;
beforeAll(async () => void (server = await startServer()));
afterAll(async () => await server.close());

let objects = 0;

/** An object of its own with a writer and a follower of `channel`. */
async function follow(channel: string, setup: string[] = []) {
  const name = `schema-${objects++}`;
  const writer = await server.connect("Schema", name);
  await writer.hello("writer");
  let number = 0;
  const run = async (sql: string) => await writer.act(++number, "kinds", "run", { sql });
  for (const sql of setup) expect(await run(sql)).toMatchObject({ outcomes: [{ status: "committed" }] });
  const socket = await server.connect("Schema", name);
  await socket.hello("follower");
  const replica = await Replica.open(socket, channel);
  return { name, run, replica };
}

/** What a client that comes now gets. */
async function fresh(name: string, channel: string): Promise<Replica> {
  const socket: TestSocket = await server.connect("Schema", name);
  await socket.hello("fresh");
  return await Replica.open(socket, channel);
}

/** Runs statements one by one; after each, the follower has what a fresh client gets. Returns the changes it was sent, statement by statement. */
async function converge(channel: string, setup: string[], statements: string[]) {
  const { name, run, replica } = await follow(channel, setup);
  const sent = [];
  for (const sql of statements) {
    expect(await run(sql), sql).toMatchObject({ outcomes: [{ status: "committed" }] });
    sent.push(await replica.settle());
    expect(replica.records, sql).toEqual((await fresh(name, channel)).records);
  }
  return { replica, sent };
}

describe("types", () => {
  const values: [string, unknown][] = [
    ["NULL", null],
    ["''", ""],
    ["0", 0],
    ["-1", -1],
    ["9007199254740991", 9007199254740991],
    ["9007199254740993", { int: "9007199254740993" }],
    ["-9223372036854775808", { int: "-9223372036854775808" }],
    ["0.1 + 0.2", 0.1 + 0.2],
    ["1e308", 1e308],
    ["5e-324", 5e-324],
    ["1.7976931348623157e308", Number.MAX_VALUE],
    ["9e999", { real: "Infinity" }],
    ["-9e999", { real: "-Infinity" }],
    ["1.0", 1],
    ["x''", { blob: "" }],
    ["x'00FF5B7B'", { blob: "00FF5B7B" }],
    ["'a' || char(0) || 'b'", "a\0b"],
    ["char(128512) || 'é\"\\' || char(10)", '😀é"\\\n'],
    ["'[1,2]'", "[1,2]"],
    ["'{\"blob\":\"00\"}'", '{"blob":"00"}'],
    ["'9007199254740993'", "9007199254740993"],
    ["char(0xfeff) || 'bom'", "\ufeffbom"],
  ];
  test.each(values)("%s arrives as it is stored, in a patch and in a page", async (sql, cell) => {
    const { replica } = await converge("kinds", [], [`INSERT INTO kinds VALUES (1, ${sql})`, `UPDATE kinds SET value = 'other'`, `UPDATE kinds SET value = ${sql}`]);
    expect(replica.records).toEqual([[1, cell]]);
  });

  test("a row of a STRICT table arrives as it is stored, column by column", async () => {
    const { replica } = await converge("strict", [], [
      "INSERT INTO strict VALUES (1, 9007199254740993, 0.1, 'text', x'AB', 1.5)",
      "INSERT INTO strict VALUES (2, NULL, NULL, NULL, NULL, NULL)",
      "UPDATE strict SET i = 5, r = 9e999, a = x'00' WHERE id = 1",
      "UPDATE strict SET r = 1, a = 9007199254740993 WHERE id = 2",
    ]);
    expect(replica.records).toEqual([
      [1, 5, { real: "Infinity" }, "text", { blob: "AB" }, { blob: "00" }],
      [2, null, 1, null, null, { int: "9007199254740993" }],
    ]);
  });
});

describe("keys", () => {
  test("composite keys in another order than the columns, with names that need quoting and generated columns", async () => {
    const table = '"order ""of"" things"';
    const { replica } = await converge("orders", [], [
      `INSERT INTO ${table} ("group", "a b", "it's") VALUES ('', 1, 'x'), ('"q",''', 1, 'y'), ('ü', 2, 'z'), ('[', -9223372036854775807, 'w')`,
      `UPDATE ${table} SET "it's" = 'changed' WHERE "group" = ''`,
      `UPDATE ${table} SET "group" = 'moved', "a b" = 7 WHERE "group" = 'ü'`,
      `DELETE FROM ${table} WHERE "group" = '"q",'''`,
    ]);
    expect(replica.columns).toEqual(["group", "a b", "it's", "double", "kept"]);
    expect(replica.records).toEqual([
      ["", 1, "changed", 2, "CHANGED"],
      ["[", { int: "-9223372036854775807" }, "w", expect.anything(), "W"],
      ["moved", 7, "z", 14, "Z"],
    ]);
  });

  test("keys of bytes, in a table without rowids", async () => {
    const { replica } = await converge("blobs", ["INSERT INTO blobs VALUES (x'', 'empty'), (x'00', 'zero')"], [
      "UPDATE blobs SET note = 'changed' WHERE key = x'00'",
      "INSERT INTO blobs VALUES (x'FF', 'new')",
      "DELETE FROM blobs WHERE key = x''",
    ]);
    expect(replica.records).toEqual([
      [{ blob: "00" }, "changed"],
      [{ blob: "FF" }, "new"],
    ]);
  });

  test("a change of the key is one row gone and one row come", async () => {
    const { sent } = await converge("kinds", ["INSERT INTO kinds VALUES (1, 'x')"], ["UPDATE kinds SET id = 9007199254740993"]);
    expect(sent).toEqual([[expect.objectContaining({ del: [[1]], put: [[{ int: "9007199254740993" }, "x"]] })]]);
  });

  test("keys that differ only by case are one row, and a change of case arrives", async () => {
    const { replica, sent } = await converge("folded", ["INSERT INTO folded VALUES ('key', 'note')"], [
      "UPDATE folded SET note = 'NOTE'",
      "UPDATE folded SET id = 'KEY'",
    ]);
    expect(replica.records).toEqual([["KEY", "NOTE"]]);
    expect(sent[1]).toMatchObject([{ del: [["key"]], put: [["KEY", "NOTE"]] }]);
  });

  test("a key that is NULL is refused, on insert and on update, and the object goes on", async () => {
    const { run, replica } = await follow("loose");
    expect(await run("INSERT INTO loose VALUES (NULL, 'x')")).toMatchObject({ outcomes: [{ status: "rejected", code: "constraint" }] });
    await run("INSERT INTO loose VALUES ('1', 'x')");
    expect(await run("UPDATE loose SET id = NULL")).toMatchObject({ outcomes: [{ status: "rejected", code: "constraint" }] });
    await replica.settle();
    expect(replica.records).toEqual([["1", "x"]]);
  });
});

describe("statements", () => {
  test("REPLACE, UPSERT and DELETE without WHERE", async () => {
    await converge("parents", ["INSERT INTO parents VALUES ('1', 'a'), ('2', 'b'), ('3', 'c')"], [
      "REPLACE INTO parents VALUES ('1', 'b')", // takes row 2 with it: the name is unique
      "INSERT INTO parents VALUES ('3', 'z') ON CONFLICT (id) DO UPDATE SET name = excluded.name",
      "INSERT OR IGNORE INTO parents VALUES ('3', 'y')",
      "UPDATE OR REPLACE parents SET name = 'z' WHERE id = '1'",
      "DELETE FROM parents",
    ]);
  });

  test("cascades of foreign keys", async () => {
    const setup = ["INSERT INTO parents VALUES ('p', 'a')", "INSERT INTO children VALUES ('1', 'p'), ('2', 'p'), ('3', NULL)"];
    await converge("children", setup, ["UPDATE parents SET id = 'q'", "DELETE FROM parents"]);
  });

  test("the app's own triggers, whenever they run", async () => {
    const { replica } = await converge("watched", ["INSERT INTO watched VALUES ('back', 1)"], [
      "INSERT INTO watched VALUES ('count', 0)",
      "INSERT INTO watched VALUES ('gone', 0)",
      "DELETE FROM watched WHERE id = 'back'",
      "DELETE FROM watched WHERE id = 'count'",
    ]);
    expect(replica.records).toEqual([["back", 101]]);
  });

  test("a row that comes and goes in one statement's turn is nothing; an update that changes nothing is nothing", async () => {
    const { run, replica } = await follow("watched", ["INSERT INTO watched VALUES ('1', 1)"]);
    await run("INSERT INTO watched VALUES ('gone', 0)");
    expect((await replica.settle()).filter(({ put, set, del }) => put ?? set ?? del)).toEqual([]);
    await run("UPDATE watched SET count = 1");
    expect(await replica.settle()).toEqual([]);
  });

  test("a hundred columns: few changed ones go alone, those past the 52nd with the whole row", async () => {
    const cells = Array.from({ length: 99 }, (_, i) => i + 1).join(", ");
    const { sent } = await converge("wide", [`INSERT INTO wide VALUES (0, ${cells})`], [
      "UPDATE wide SET c5 = 'a', c51 = x'00'",
      "UPDATE wide SET c52 = 'b'",
      "UPDATE wide SET c99 = 'c', c1 = 1.5",
      `INSERT INTO wide VALUES (1, ${cells})`,
    ]);
    expect(sent[0]).toMatchObject([{ set: [{ columns: [5, 51], rows: [[0, "a", { blob: "00" }]] }] }]);
    expect(sent[1]?.[0]?.put?.[0]).toHaveLength(100);
    expect(sent[2]?.[0]?.put?.[0]).toHaveLength(100);
  });

  test("rows that change in many different ways at once all arrive", async () => {
    const rows = Array.from({ length: 20 }, (_, i) => `(${i})`).join(", ");
    const update = `UPDATE wide SET ${Array.from({ length: 20 }, (_, i) => `c${i + 1} = iif(c0 = ${i}, 'changed', c${i + 1})`).join(", ")}`;
    const { sent } = await converge("wide", [`INSERT INTO wide (c0) VALUES ${rows}`], [update]);
    expect(sent[0]?.[0]?.set).toHaveLength(8);
    expect(sent[0]?.[0]?.put).toHaveLength(12);
  });

  test("a change too large for a frame becomes a gap, and the catch-up a snapshot", async () => {
    const { name, run } = await follow("kinds");
    const socket = await server.connect("Schema", name);
    const page = await socket.subscribe("big", "kinds");
    await run("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000) INSERT INTO kinds SELECT i, hex(zeroblob(200)) FROM n");
    const gap = await socket.frame();
    expect(gap).toMatchObject({ type: "patch", changes: [{ from: 6000, to: 6000 }] });
    expect(gap["changes"]).not.toHaveProperty("0.put");
    socket.send({ type: "subscribe", channel: "kinds", cursor: { epoch: page["epoch"], shape: page["shape"], version: page["version"] } });
    expect(await socket.frame()).toMatchObject({ type: "page", first: true, version: 6000 });
  });
});
