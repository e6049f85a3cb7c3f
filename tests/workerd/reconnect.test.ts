// SPDX-License-Identifier: MIT
// A deploy, as clients see it: the server dies, and a thousand sockets come back to one object at the same moment, each with its cursor.
import { afterAll, beforeAll, expect, test } from "vitest";
import { connect, type TestSocket } from "./server.ts";
import { Workerd } from "./workerd.ts";

const CLIENTS = 1000;
const AT_ONCE = 50;
const MISSED = 20;
/** Rows that a resume may read: five for each row missed, in the log, its sorting and the table, and a few besides. */
const ROWS_READ = 5 * MISSED + 10;

const server = new Workerd("tests/workerd/wrangler.toml");
beforeAll(async () => await server.start());
afterAll(async () => await server.dispose());

interface Frame {
  readonly type: string;
  readonly code?: string;
  readonly epoch: string;
  readonly shape: string;
  readonly version: number;
  readonly changes: { from: number; to: number; put: string[][] }[];
}

/** Connects, and subscribes from a cursor; asks again as long as the object has its hands full. */
async function resume(client: number, cursor: unknown): Promise<{ socket: TestSocket; answer: Frame }> {
  const socket = await connect(server.url, "Todos", "deploy");
  let answer = (await socket.subscribe(`c${client}`, "todos", cursor)) as unknown as Frame;
  while (answer.code === "rate_limited") {
    await new Promise((resolve) => setTimeout(resolve, 100));
    socket.send({ type: "subscribe", channel: "todos", cursor });
    answer = (await socket.frame()) as unknown as Frame;
  }
  return { socket, answer };
}

const rowsRead = async () => ((await (await fetch(new URL("/stats?name=deploy", server.url))).json()) as { rowsRead: number }).rowsRead;
const creates = (from: number, count: number) => Array.from({ length: count }, (_, i) => ({ number: from + i, channel: "todos", type: "create", payload: { id: `t${String(from + i).padStart(4, "0")}`, text: "x" } }));

test(`${CLIENTS} sockets that come back at once after a kill get what they missed, and nothing else`, async () => {
  let author = await connect(server.url, "Todos", "deploy");
  await author.hello("author");
  // A table that is much larger than what is missed: who read it anew would be seen.
  author.send({ type: "actions", acknowledged: 0, actions: creates(1, 200) });
  await author.frame();
  const before: Awaited<ReturnType<typeof resume>>[] = [];
  for (let at = 0; at < CLIENTS; at += AT_ONCE) before.push(...(await Promise.all(Array.from({ length: AT_ONCE }, async (_, i) => await resume(at + i, null)))));
  const { epoch, shape, version } = before[0]?.answer as Frame;

  await server.kill();
  await Promise.all(before.map(async ({ socket }) => await socket.end));
  await server.start();
  author = await connect(server.url, "Todos", "deploy");
  await author.hello("author");
  author.send({ type: "actions", acknowledged: 200, actions: creates(201, MISSED) });
  await author.frame();

  const readBefore = await rowsRead();
  const back = await Promise.all(before.map(async (_, client) => await resume(client, { epoch, shape, version })));
  const perResume = ((await rowsRead()) - readBefore) / CLIENTS;
  const expected = creates(201, MISSED).map(({ payload }) => payload.id);
  for (const { answer } of back) {
    expect(answer).toMatchObject({ type: "patch", changes: [{ from: version, to: version + MISSED }] });
    expect(answer.changes[0]?.put.map(([id]) => id)).toEqual(expected);
  }
  console.log(`${CLIENTS} resumes: ${perResume} rows read each, ${Math.round(server.memory / 2 ** 20)} MiB resident at most`);
  expect(perResume).toBeLessThanOrEqual(ROWS_READ);

  // The object lives, and everybody follows it: one more action is one frame for each.
  await author.act(201 + MISSED, "todos", "delete", { id: "t0001" });
  const frames = await Promise.all(back.map(async ({ socket }) => await socket.settle()));
  expect(frames.map((some) => some.length)).toEqual(back.map(() => 1));
  for (const { socket } of back) socket.close();
}, 90_000);
