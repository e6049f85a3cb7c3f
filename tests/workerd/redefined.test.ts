// SPDX-License-Identifier: MIT
// Tables that the app's own code redefines without a migration. A table that is made anew has lost the triggers that note its changes: nobody may go on in the belief that nothing happens to it.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { startServer, type ObjectClass, type Server, type TestSocket } from "./server.ts";

let server: Server;
beforeAll(async () => void (server = await startServer()));
afterAll(async () => await server.close());

const NOTES = "CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL)";
const REMADE = `DROP TABLE notes; ${NOTES}; INSERT INTO notes VALUES ('remade')`;
const away = { code: 1012, reason: "new_shape" };

const run = async (name: string, sql: string | string[], how = "") =>
  await server.fetch(`/parties/redefined/${encodeURIComponent(name)}?${[sql].flat().map((one) => `sql=${encodeURIComponent(one)}`).join("&")}${how}`);

async function follow(name: string, channel: string, cursor: unknown = null, app: ObjectClass = "Redefined"): Promise<{ socket: TestSocket; answer: Record<string, unknown>; cursor: unknown }> {
  const socket = await server.connect(app, name);
  const answer = await socket.subscribe(channel, channel, cursor);
  return { socket, answer, cursor: { epoch: answer["epoch"], shape: answer["shape"], version: answer["version"] } };
}

// Whoever followed is sent away; comes back to what there is now; and hears of what happens from then on. The other channel is resumed.
async function checkRemade(name: string, remake: () => Promise<unknown>): Promise<void> {
  await run(name, "INSERT INTO notes VALUES ('before'); INSERT INTO others VALUES ('before')");
  const notes = await follow(name, "notes");
  const others = await follow(name, "others");
  await remake();
  expect(await notes.socket.end).toEqual(away);
  expect(await others.socket.end).toEqual(away);
  const again = await follow(name, "notes", notes.cursor);
  expect(again.answer).toMatchObject({ type: "page", cells: [["remade"]] });
  expect((await follow(name, "others", others.cursor)).answer).toMatchObject({ type: "patch" });
  await run(name, "INSERT INTO notes VALUES ('after')");
  expect(await again.socket.frame()).toMatchObject({ changes: [{ channel: "notes", put: [["after"]] }] });
}

test.each([
  ["a request", async (name: string) => await run(name, REMADE)],
  ["a request, step by step", async (name: string) => await run(name, ["DROP TABLE notes", NOTES, "INSERT INTO notes VALUES ('remade')"])],
  ["a transaction", async (name: string) => await run(name, REMADE, "&transaction")],
  ["a comment before it", async (name: string) => await run(name, `-- Once more\n/* from the beginning */ ${REMADE}`)],
  ["a table that takes its place", async (name: string) => await run(name, "CREATE TABLE new (id TEXT PRIMARY KEY NOT NULL); INSERT INTO new VALUES ('remade'); DROP TABLE notes; ALTER TABLE new RENAME TO notes")],
])("a table made anew by %s is fetched anew, and followed", async (name, remake) => {
  await checkRemade(name, async () => await remake(name));
});

test("by an action, which is committed", async () => {
  const name = "an action";
  await checkRemade(name, async () => {
    const author = await server.connect("Redefined", name);
    await author.hello("author");
    expect(await author.act(1, "notes", "run", REMADE)).toMatchObject({ outcomes: [{ number: 1, status: "committed" }] });
    expect(await author.end).toEqual(away);
  });
});

test("by onStart, whenever the object wakes", async () => {
  const name = "at every start";
  for (const id of ["1", "2"]) {
    const { socket, answer } = await follow(name, "notes");
    expect(answer).toMatchObject({ cells: [["made by onStart"]] });
    await run(name, `INSERT INTO notes VALUES ('${id}')`);
    expect(await socket.frame()).toMatchObject({ changes: [{ put: [[id]] }] });
    await server.hibernate("Redefined", name);
    await run(name, "SELECT 1"); // wakes it
    expect(await socket.end).toEqual(away);
  }
});

test("by an app in C", async () => {
  const { socket, cursor } = await follow("remade", "notes", null, "Broken");
  expect(await socket.act(1, "notes", "remake", { id: "remade" })).toMatchObject({ outcomes: [{ status: "committed" }] });
  expect(await socket.end).toEqual(away);
  const again = await follow("remade", "notes", cursor, "Broken");
  expect(again.answer).toMatchObject({ type: "page", cells: [["remade"]] });
  expect(await again.socket.act(2, "notes", "keep", { id: "after" })).toMatchObject({ changes: [{ put: [["after"]] }] });
});

test("a column that the channel gets is fetched, and one that is renamed", async () => {
  const name = "columns";
  const before = await follow(name, "notes");
  await run(name, "ALTER TABLE notes ADD COLUMN text TEXT");
  expect(await before.socket.end).toEqual(away);
  await run(name, "INSERT INTO notes VALUES ('1', 'x')");
  const wider = await follow(name, "notes", before.cursor);
  expect(wider.answer).toMatchObject({ type: "page", cells: [["1"], ["x"]] });
  await run(name, "ALTER TABLE notes RENAME COLUMN text TO title");
  expect(await wider.socket.end).toEqual(away);
  const renamed = await follow(name, "notes", wider.cursor);
  expect(renamed.answer).toMatchObject({ type: "page", cells: [["1"], ["x"]] });
  await run(name, "UPDATE notes SET title = 'y'");
  expect(await renamed.socket.frame()).toMatchObject({ changes: [{ set: [{ rows: [["1", "y"]] }] }] });
});

test.each([
  ["a table of the object's own", "CREATE TABLE own (id); INSERT INTO own VALUES (1)", ""],
  ["a table that is there already", "CREATE TABLE IF NOT EXISTS notes (id)", ""],
  ["an index", "CREATE INDEX by_id ON notes (id)", ""],
  ["a table that comes and goes", "CREATE TABLE scratch (id); DROP TABLE scratch", ""],
  ["a text that looks like it", "INSERT INTO others VALUES ('; drop table notes')", ""],
  ["what is undone", REMADE, "&transaction&undone"],
])("nobody is disturbed by %s", async (name, sql, how) => {
  const { socket } = await follow(name, "notes");
  await run(name, sql, how);
  await run(name, "INSERT INTO notes VALUES ('after')");
  expect(await socket.frame()).toMatchObject({ changes: [{ channel: "notes", put: [["after"]] }] });
  await server.hibernate("Redefined", name);
  await run(name, "INSERT INTO notes VALUES ('later')");
  expect(await socket.frame()).toMatchObject({ changes: [{ channel: "notes", put: [["later"]] }] });
  expect(socket.closed).toBeUndefined();
});

test("without a table the object is unavailable, and works again when there is one", async () => {
  const name = "gone";
  const { socket, cursor } = await follow(name, "notes");
  const done = run(name, ["DROP TABLE notes", `${NOTES}; INSERT INTO notes VALUES ('back')`]);
  await vi.waitFor(async () => expect(await socket.act(1, "notes", "run", "SELECT 1")).toMatchObject({ type: "error", code: "unavailable" }));
  await done;
  expect(await socket.end).toEqual(away);
  expect((await follow(name, "notes", cursor)).answer).toMatchObject({ type: "page", cells: [["back"]] });
});

test("whose storage is emptied under its clients, the object begins anew, and they with it", async () => {
  const name = "emptied";
  const { socket, cursor } = await follow(name, "notes");
  const author = await server.connect("Redefined", name);
  await author.hello("author");
  expect(await author.act(1, "notes", "run", "INSERT INTO notes VALUES ('before')")).toMatchObject({ outcomes: [{ status: "committed" }] });
  expect(await socket.frame()).toMatchObject({ changes: [{ put: [["before"]] }] });
  await server.fetch(`/parties/redefined/${name}?step=empty%20unnoticed`);
  // What comes first finds no table: it is not carried out, and comes again.
  expect(await author.act(2, "notes", "run", "INSERT INTO notes VALUES ('after')")).toMatchObject({ type: "error", code: "internal" });
  expect(await author.end).toEqual(away);
  await socket.end;
  const again = await follow(name, "notes", cursor);
  expect(again.answer).toMatchObject({ type: "page", cells: [[]] });
  const back = await server.connect("Redefined", name);
  expect(await back.hello("author")).toMatchObject({ type: "welcome", settled: 0 });
  expect(await back.act(1, "notes", "run", "INSERT INTO notes VALUES ('after')")).toMatchObject({ outcomes: [{ status: "committed" }] });
  expect(await again.socket.frame()).toMatchObject({ changes: [{ put: [["after"]] }] });
});
