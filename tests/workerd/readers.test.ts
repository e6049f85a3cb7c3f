// SPDX-License-Identifier: MIT
// Thousands of readers who each see rows of their own: everybody can act, and hears of what they may see. HUGE=1 takes more of them.
import { afterAll, beforeAll, expect, test } from "vitest";
import { connect, type TestSocket } from "./server.ts";
import { Workerd } from "./workerd.ts";

const READERS = process.env["HUGE"] ? 8_000 : 4_000;
const AT_ONCE = 20;

const server = new Workerd("tests/workerd/wrangler.toml");
beforeAll(async () => await server.start());
afterAll(async () => await server.dispose());

async function follow(reader: number): Promise<TestSocket> {
  const socket = await connect(server.url, "Crowd", "readers", { user: `u${reader}` });
  expect(await socket.subscribe(`c${reader}`, "mine")).toMatchObject({ type: "page", cells: [[], [], []] });
  return socket;
}

test(`each of ${READERS} readers hears of their own rows, and of those for all`, async () => {
  const sockets: TestSocket[] = [];
  while (sockets.length < READERS) {
    const at = sockets.length;
    sockets.push(...(await Promise.all(Array.from({ length: AT_ONCE }, async (_, i) => await follow(at + i)))));
  }
  const [one, other] = sockets as [TestSocket, TestSocket];
  expect(await one.act(1, "mine", "keep", { id: "one", shared: 0 })).toMatchObject({ changes: [{ put: [["one", "u0", 0]] }], outcomes: [{ status: "committed" }] });
  expect(await other.act(1, "mine", "keep", { id: "two", shared: 0 })).toMatchObject({ changes: [{ put: [["two", "u1", 0]] }], outcomes: [{ status: "committed" }] });
  // One turn that concerns every one of them, and nothing else has come before it.
  one.send({ type: "actions", acknowledged: 1, actions: [{ number: 2, channel: "mine", type: "keep", payload: { id: "all", shared: 1 } }] });
  for (const socket of sockets) expect(await socket.frame()).toMatchObject({ changes: [{ put: [["all", "u0", 1]] }] });
  expect(sockets.filter(({ closed }) => closed !== undefined)).toEqual([]);
  for (const socket of sockets) socket.close();
}, 180_000);
