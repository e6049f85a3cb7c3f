// SPDX-License-Identifier: MIT
// Actions that end the transaction of their whole turn: they are rejected, and nobody else notices.
import { afterAll, beforeAll, expect, test } from "vitest";
import { startServer, type ObjectClass, type Server, type TestSocket } from "./server.ts";

let server: Server;
beforeAll(async () => void (server = await startServer()));
afterAll(async () => await server.close());

type Sent = readonly [type: string, payload?: unknown];
const bump: Sent = ["run", "UPDATE todos SET n = n + 1 WHERE id = 'n'"];

async function greet(app: ObjectClass, name: string, client: string): Promise<TestSocket> {
  const socket = await server.connect(app, name);
  await socket.hello(client);
  return socket;
}

function send(socket: TestSocket, sent: readonly Sent[]): void {
  const actions = sent.map(([type, payload], at) => ({ number: at + 1, channel: "todos", type, payload }));
  socket.send({ type: "actions", acknowledged: 0, actions });
}

/** What became of the actions of the next patch that has outcomes. */
async function hear(socket: TestSocket): Promise<string[]> {
  for (;;) {
    const { outcomes = [] } = (await socket.frame()) as { outcomes?: { status: string; code?: string }[] };
    if (outcomes.length > 0) return outcomes.map(({ status, code }) => code ?? status);
  }
}

const ask = async (name: string, sql: string, app = "ending"): Promise<unknown> =>
  JSON.parse(await server.fetch(`/parties/${app}/${encodeURIComponent(name)}?sql=${encodeURIComponent(sql)}`));

// Before it and after it, in one turn, others act; and nobody's socket goes down.
async function checkAlone(name: string, guilty: Sent, code: string): Promise<void> {
  const [author, bystander] = [await greet("Ending", name, "author"), await greet("Ending", name, "bystander")];
  await bystander.subscribe("bystander", "todos");
  send(bystander, [bump]);
  send(author, [bump, guilty, bump]);
  expect(await hear(author)).toEqual(["committed", code, "committed"]);
  expect(await hear(bystander)).toEqual(["committed"]);
  expect(await ask(name, "SELECT n FROM todos WHERE id = 'n'")).toEqual([{ n: 3 }]);
  send(author, [bump, guilty, bump]);
  expect(await hear(author)).toEqual(["committed", code, "committed"]);
  expect(await ask(name, "SELECT n FROM todos WHERE id = 'n'")).toEqual([{ n: 3 }]);
  expect([author.closed, bystander.closed]).toEqual([undefined, undefined]);
}

test.each<[string, Sent]>([
  ["by its text", ["run", "INSERT OR ROLLBACK INTO todos (id) VALUES ('n')"]],
  ["by its text, with more around it", ["run", "UPDATE todos SET n = 500; insert /* x */ or\nrollback into todos (id) values ('n'); UPDATE todos SET n = 1000"]],
  ["and its handler catches it and goes on", ["step", "catch it and go on"]],
  ["in a transaction of its own", ["step", "end it in a transaction within"]],
])("an action that ends the transaction %s is rejected alone", async (how, guilty) => {
  await checkAlone(how, guilty, "constraint");
});

test("so is one that does it by a table or a trigger, made by another action", async () => {
  const name = "by its schema";
  await ask(name, "CREATE TABLE once (id TEXT UNIQUE ON CONFLICT ROLLBACK); INSERT INTO once VALUES ('1')");
  await ask(name, "CREATE TRIGGER guard AFTER DELETE ON once BEGIN SELECT RAISE(ROLLBACK, 'for good'); END");
  await checkAlone(name, ["run", "INSERT INTO once VALUES ('1')"], "constraint");
  await checkAlone(`${name} once more`, ["run", ["CREATE TABLE more (id TEXT UNIQUE ON CONFLICT ROLLBACK)", "INSERT INTO more VALUES ('1'), ('1')"]], "constraint");
});

test("what others broadcast in that turn is heard once", async () => {
  const follower = await greet("Ending", "events", "follower");
  const author = await greet("Ending", "events", "author");
  await follower.subscribe("follower", "todos");
  send(author, [["step", "broadcast"], ["step", "catch it and go on"]]);
  expect(await hear(author)).toEqual(["committed", "constraint"]);
  const events = (await follower.settle()).filter((frame) => frame.includes('"event"')).map((frame) => (JSON.parse(frame) as { event: string }).event);
  expect(events).toEqual(["by another"]);
});

test("in C, too", async () => {
  const socket = await greet("EndingC", "c", "author");
  const actions: Sent[] = [["bump", { by: 1 }], ["conflict"], ["bump", { by: 100 }], ["raise"], ["leave open"], ["bump", { by: 1000 }]];
  send(socket, actions);
  expect(await hear(socket)).toEqual(["committed", "constraint", "committed", "constraint", "committed", "committed"]);
  expect(await (await greet("EndingC", "c", "reader")).subscribe("reader", "todos")).toMatchObject({ cells: [["n", "m"], [1102, 1]] });
  expect(socket.closed).toBeUndefined();
});
