// SPDX-License-Identifier: MIT
// TinyBase's own client: its store sends what has changed by itself. Nobody tells the author that it has arrived.
import { createMergeableStore, type MergeableStore } from "tinybase";
import { createWsSynchronizer } from "tinybase/synchronizers/synchronizer-ws-client";
import type { Wire } from "../../harness/wire.ts";
import type { Target } from "../target.ts";

const stores = new Map<string, MergeableStore>();
const storeOf = new WeakMap<Wire, MergeableStore>();

export const target: Target = {
  name: "tinybase",
  title: "TinyBase's synchronizer in a Durable Object: cells with hybrid clocks, merged by hashes",
  channels: ["todos"],
  mostListeners: 100,
  mostRuns: 3,
  mostRows: 10_000, // 100,000 take minutes
  hello: async (wire, client) => {
    const store = createMergeableStore(client);
    stores.set(client, store);
    storeOf.set(wire, store);
  },
  sync: async (wire) => {
    const store = storeOf.get(wire) ?? createMergeableStore();
    const synchronizer = await createWsSynchronizer(store, wire.socket, 60);
    await synchronizer.startSync();
    return { rows: store.getRowCount("todos"), first: performance.now(), cursor: null };
  },
  action: (client, _number, _settled, _channel, { payload: { id, text = "", completed = 0 } }) => {
    stores.get(client)?.setRow("todos", id, { text, completed, created_at: Date.now(), updated_at: Date.now() });
    return undefined;
  },
};
