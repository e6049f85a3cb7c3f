// SPDX-License-Identifier: MIT
// The crash tests' own count: what is lost, doubled or unsettled shows in it.
import { afterAll, beforeAll, expect, test } from "vitest";
import { crashFigures, type Ledger } from "./figures.ts";
import { connect } from "./server.ts";
import { Workerd } from "./workerd.ts";
import { RawWriter, readTable, type Target } from "./writers.ts";

const server = new Workerd("tests/workerd/wrangler.toml");
beforeAll(async () => await server.start());
afterAll(async () => await server.dispose());

const ledger = (id: string, sent: string[], acknowledged: string[], waiting: string[]): Ledger => ({
  id,
  sent: new Set(sent),
  acknowledged: new Set(acknowledged),
  unheard: 0,
  waiting: async () => new Set(waiting),
});

test("what was acknowledged and is missing is lost, what is there twice is doubled, what is still held is neither", async () => {
  const sent = ["a-1", "a-2", "a-3", "a-4"];
  const count = async (acknowledged: string[], waiting: string[], table: string[]) => await crashFigures([ledger("a", sent, acknowledged, waiting)], table, 0);
  expect(await count(sent, [], sent)).toMatchObject({ sent: 4, acknowledged: 4, lost: 0, doubled: 0, unsettled: 0 });
  expect(await count(sent, [], ["a-1", "a-2", "a-3"])).toMatchObject({ lost: 1, doubled: 0, unsettled: 0 });
  expect(await count(sent, [], [...sent, "a-2"])).toMatchObject({ lost: 0, doubled: 1, unsettled: 0 });
  expect(await count(["a-1", "a-2", "a-3"], ["a-4"], ["a-1", "a-2", "a-3"])).toMatchObject({ lost: 0, doubled: 0, unsettled: 1 });
  // All at once, and an acknowledgement counts though its author holds the entry as well.
  expect(await count(["a-1", "a-2"], ["a-1", "a-4"], ["a-2", "a-2", "a-3", "a-3"])).toMatchObject({ lost: 1, doubled: 2, unsettled: 2 });
});

test("what was sent, and is neither held nor there, is lost though nobody was told anything", async () => {
  expect(await crashFigures([ledger("a", ["a-1", "a-2"], [], [])], ["a-1"], 0)).toMatchObject({ sent: 2, acknowledged: 0, lost: 1, doubled: 0 });
});

test("each kind of authors is counted by itself", async () => {
  const [a, b] = [ledger("a", ["a-1"], ["a-1"], []), ledger("b", ["b-1"], ["b-1"], [])];
  const table = ["a-1", "b-1", "b-1"];
  expect(await crashFigures([a], table, 0)).toMatchObject({ sent: 1, lost: 0, doubled: 0 });
  expect(await crashFigures([b], table, 0)).toMatchObject({ sent: 1, lost: 0, doubled: 1 });
  expect(await crashFigures([a, b], table, 0)).toMatchObject({ sent: 2, lost: 0, doubled: 1 });
});

test("an entry that somebody deletes from a real table is lost, one that is written again is doubled, one that never arrives is unsettled", async () => {
  const target: Target = { url: server.url, objectClass: "Schema", room: "figures" };
  const writer = new RawWriter(target, "w");
  await writer.welcomed();
  await writer.write(3);
  await writer.settled();
  expect(await crashFigures([writer], await readTable(target), 0)).toMatchObject({ sent: 3, acknowledged: 3, lost: 0, doubled: 0, unsettled: 0 });

  const other = await connect(server.url, "Schema", "figures");
  await other.hello("other");
  const statements = ["DELETE FROM kinds WHERE value = 'w-1'", "INSERT INTO kinds (value) VALUES ('w-2')"];
  other.send({ type: "actions", acknowledged: 0, actions: statements.map((sql, i) => ({ number: i + 1, channel: "kinds", type: "run", payload: { sql } })) });
  expect(await other.frame()).toMatchObject({ outcomes: [{ status: "committed" }, { status: "committed" }] });
  other.close();
  writer.close();
  await writer.write(1);
  expect(await crashFigures([writer], await readTable(target), 0)).toMatchObject({ sent: 4, acknowledged: 3, lost: 1, doubled: 1, unsettled: 1 });
});
