// SPDX-License-Identifier: MIT
// A user's own test of their object, within workerd.
import { evictDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { View, storeOf } from "durasync/client";
import { expect, test } from "vitest";

type Todo = [id: string, text: string, completed: 0 | 1];

async function open() {
  const { webSocket } = await exports.default.fetch("http://example.com/parties/todos/default", { headers: { upgrade: "websocket" } });
  webSocket.accept();
  const store = storeOf(webSocket, { cache: null });
  const view = new View<Todo, never>(store, "todos");
  view.subscribe(() => {});
  store.use(webSocket);
  return { create: (id: string) => store.send("todos", { type: "create", payload: { id, text: id } }), ids: () => view.getSnapshot().records.map(([id]) => id) };
}

test("two clients of an object converge, across an eviction", async () => {
  const [a, b] = [await open(), await open()];
  await a.create("1");
  await expect.poll(b.ids).toEqual(["1"]);
  await evictDurableObject(env.Todos.getByName("default"));
  await b.create("2");
  await expect.poll(a.ids).toEqual(["1", "2"]);
});
