// SPDX-License-Identifier: MIT
// Migrations of tables that others refer to: foreign keys are off while one runs that needs it, and nothing is lost; in workerd, where a PRAGMA holds outside of transactions alone.
import { afterAll, beforeAll, expect, test } from "vitest";
import { connect } from "./server.ts";
import { Workerd } from "./workerd.ts";

const server = new Workerd("tests/workerd/wrangler.toml");
beforeAll(async () => await server.start());
afterAll(async () => await server.dispose());

const ask = async (path: string) => await (await fetch(server.url + path)).text();
const run = async (name: string, sql: string) => JSON.parse(await ask(`/migrated/run?name=${encodeURIComponent(name)}&id=${encodeURIComponent(sql)}`)) as unknown;

/** Has the object start anew under a release. */
async function deploy(name: string, release: number): Promise<void> {
  await ask(`/migrated/release?id=${release}`);
  await ask(`/migrated/end?name=${encodeURIComponent(name)}`);
}

async function first(name: string): Promise<Record<string, unknown>> {
  const socket = await connect(server.url, "Migrated", name);
  socket.send({ type: "hello", protocol: 2, client: "reader" });
  const answer = await socket.frame();
  if (answer["type"] === "error") return answer;
  socket.send({ type: "subscribe", channel: "children", cursor: null });
  return await socket.frame();
}

const keysAreOn = async (name: string) => expect(await run(name, "PRAGMA foreign_keys")).toEqual([{ foreign_keys: 1 }]);

/** What the process has logged since it had logged `before`; its standard error may come after an answer. */
async function logged(before: number, text: string): Promise<string> {
  await expect.poll(() => server.said.slice(before)).toContain(text);
  return server.said.slice(before);
}

const kept = ["cascade", "set null", "no action", "restrict", "drizzle", "drizzle, CRLF", "says so", "says so otherwise", "says so in a string", "a function", "a function that says so", "two of them", "the last of all", "commented"];

test.each(kept.flatMap((app) => [`${app}|`, `${app}|with a start`]))("%s: a table made anew keeps what refers to it", async (name) => {
  await deploy(name, 0);
  expect(await first(name)).toMatchObject({ type: "page", cells: [["c"], ["p"]] });
  await deploy(name, 1);
  expect(await first(name)).toMatchObject({ type: "page", cells: [["c"], ["p"], ["kept"]] });
  expect(await run(name, "SELECT typeof(n) AS type FROM parents")).toEqual([{ type: "integer" }]);
  await keysAreOn(name);
  expect(await run(name, "SELECT count(*) AS count FROM pragma_foreign_key_list('children') WHERE \"table\" = 'parents'")).toEqual([{ count: 1 }]);
});

test.each(kept)("%s: a new object runs all of them", async (app) => {
  const name = `${app}|new`;
  await deploy(name, 1);
  expect(await first(name)).toMatchObject({ type: "page", cells: [["c"], ["p"], ["kept"]] });
  await keysAreOn(name);
});

test("an object that empties itself runs them again", async () => {
  const name = "drizzle|emptied";
  await deploy(name, 1);
  await run(name, "UPDATE children SET note = 'before'");
  expect(await ask(`/migrated/empty?name=${encodeURIComponent(name)}`)).toBe("done");
  expect(await first(name)).toMatchObject({ cells: [["c"], ["p"], ["kept"]] });
  await keysAreOn(name);
});

test("a migration that says nothing of them has foreign keys", async () => {
  await deploy("cascades|", 0);
  await first("cascades|");
  await deploy("cascades|", 1);
  expect(await first("cascades|")).toMatchObject({ cells: [[], []] });
});

test.each([
  ["dangles", 'a migration failed: it leaves rows of children that refer to no row: FOREIGN KEY constraint failed (migration 3, migrations[2])', 2],
  ["dangles, and says nothing", 'a migration failed: it leaves rows of children that refer to no row: FOREIGN KEY constraint failed (migration 3, migrations[2])', 2],
  ["fails when it is off", "a migration failed: no such table: nowhere: SQLITE_ERROR (migration 3, migrations[2])", 2],
  ["throws when it is off", "a migration failed: The object failed while it handled the frame; nothing of it was kept. (migration 3, migrations[2])", 2],
  ["does not fit", 'channel "children": table "children" does not exist', 1],
])("%s: nothing of it remains, the log says which it was, and foreign keys are on", async (app, line, ran) => {
  const name = `${app}|`;
  await deploy(name, 0);
  await first(name);
  await deploy(name, 1);
  const before = server.said.length;
  expect(await first(name)).toMatchObject({ type: "error", code: "unavailable" });
  await logged(before, line);
  expect(await run(name, "SELECT migrations FROM durasync_meta")).toEqual([{ migrations: ran }]);
  expect(await run(name, "SELECT typeof(n) AS type, (SELECT parent FROM children) AS parent FROM parents")).toEqual([{ type: "text", parent: "p" }]);
  await keysAreOn(name);
  if (ran > 1) return; // what ran before it was committed before it
  await deploy(name, 2);
  expect(await first(name)).toMatchObject({ type: "page", cells: [["c"], ["p"]] });
});

test("what dangled before a migration is not held against it", async () => {
  const name = "dangled before|";
  await deploy(name, 0);
  await first(name);
  await ask(`/migrated/dangle?name=${encodeURIComponent(name)}`);
  await deploy(name, 1);
  expect(await first(name)).toMatchObject({ type: "page", cells: [["c"], ["nobody"]] });
});

test("a migration that has changed since it ran is logged by its number, and nobody is refused", async () => {
  const name = "changed|";
  await deploy(name, 0);
  await first(name);
  let before = server.said.length;
  await deploy(name, 1); // other white space, comments and capitals
  expect(await first(name)).toMatchObject({ type: "page", cells: [["c"], ["p"], [null]] });
  await deploy(name, 2);
  expect(await first(name)).toMatchObject({ type: "page", cells: [["c"], ["p"], [null]] });
  const said = await logged(before, "a migration has changed since it ran: what it did stays; add another one instead (migration 2, migrations[1])");
  expect(said.split("has changed since it ran").length - 1).toBe(1);
  // An object of a release that kept no hashes.
  await run(name, "UPDATE durasync_meta SET hashes = NULL");
  before = server.said.length;
  await deploy(name, 2);
  expect(await first(name)).toMatchObject({ type: "page" });
  await deploy(name, 1);
  expect(await first(name)).toMatchObject({ type: "page" });
  expect((await logged(before, "has changed since it ran")).split("has changed since it ran").length - 1).toBe(1);
});
