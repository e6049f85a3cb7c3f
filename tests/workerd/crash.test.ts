// SPDX-License-Identifier: MIT
// The server is killed by SIGKILL while clients write: what was acknowledged is there, and nothing runs twice.
import { afterAll, beforeAll, expect, test } from "vitest";
import { ServerProcess } from "./process.ts";
import { connect, type TestSocket } from "./server.ts";

const ROUNDS = 3;
const WRITERS = 3;
const ACTIONS = 150;

const server = new ServerProcess("tests/workerd/wrangler.toml");
beforeAll(async () => await server.start());
afterAll(async () => await server.dispose());

/** A client that sends numbered actions, remembers which were acknowledged, and sends the rest again after a crash. */
class Writer {
  readonly id: string;
  readonly acknowledged = new Set<number>();
  #socket: TestSocket | undefined;

  constructor(id: string) {
    this.id = id;
  }

  async connect(): Promise<number> {
    this.#socket = await connect(server.url, "Broken", "crash");
    return (await this.#socket.hello(this.id))["settled"] as number;
  }

  send(from: number, to: number): void {
    for (let number = from; number <= to; number++)
      this.#socket?.send({ type: "actions", acknowledged: 0, actions: [{ number, channel: "notes", type: "keep", payload: { id: `${this.id}-${number}` } }] });
  }

  /** Takes outcomes until `count` actions are acknowledged, or for ever if the server dies before. */
  async take(count: number): Promise<void> {
    while (this.acknowledged.size < count) {
      for (const outcome of ((await this.#socket?.frame())?.["outcomes"] ?? []) as { number: number; status: string }[]) {
        expect(outcome.status).toBe("committed");
        this.acknowledged.add(outcome.number);
      }
    }
  }
}

test(`${ROUNDS} kills under load: nothing acknowledged is lost, nothing runs twice`, async () => {
  const writers = Array.from({ length: WRITERS }, (_, i) => new Writer(`w${i}`));
  for (const writer of writers) expect(await writer.connect()).toBe(0);
  for (let round = 1; round <= ROUNDS; round++) {
    const last = round * ACTIONS;
    for (const writer of writers) writer.send(last - ACTIONS + 1, last);
    // Some are acknowledged, some are under way: the server dies in between.
    await Promise.race(writers.map(async (writer) => await writer.take(last - ACTIONS + 20)));
    await server.kill();
    await server.start();
    for (const writer of writers) {
      const settled = await writer.connect();
      expect(settled).toBeGreaterThanOrEqual(Math.max(0, ...writer.acknowledged));
      writer.send(last - ACTIONS + 1, last);
      await writer.take(last);
    }
  }
  const reader = await connect(server.url, "Broken", "crash");
  const page = (await reader.subscribe("reader", "notes")) as unknown as { rows: string[][]; next: number };
  const rows = [...page.rows];
  for (let next = page.next; next > 0; ) {
    reader.send({ type: "page", channel: "notes", after: rows.at(-1), rows: next });
    const more = (await reader.frame()) as unknown as { rows: string[][]; next: number };
    rows.push(...more.rows);
    next = more.next;
  }
  // Every id is unique in the table, so one that ran twice would have been rejected, and one that was lost is missing here.
  expect(rows).toHaveLength(ROUNDS * WRITERS * ACTIONS);
}, 120_000);
