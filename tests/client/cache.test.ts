// SPDX-License-Identifier: MIT
// What every cache owes to the store, run against each of them.
import "fake-indexeddb/auto";
import { describe, expect, test, vi } from "vitest";
import { memoryCache, type Cache, type CacheWrite, type ChannelMeta, type ChannelWrite, type StoredAction } from "../../client/cache.ts";
import { indexedDbCache } from "../../client/indexed-db.ts";

const meta = (version: number, more: Partial<ChannelMeta> = {}): ChannelMeta => {
  return { cursor: { epoch: "e1", shape: "s1", version }, columns: ["id", "text"], key: [0], snapshot: null, ...more };
};
const nothing: CacheWrite = { channels: new Map(), client: null, put: [], del: [], drop: [] };
const rows = (write: Partial<ChannelWrite>, version = 1): ChannelWrite => ({ meta: meta(version), clear: false, put: [], del: [], ...write });
const toChannel = (write: ChannelWrite | null, channel = "todos"): CacheWrite => ({ ...nothing, channels: new Map([[channel, () => write]]) });
const action = (client: string, order: number): StoredAction => {
  return { client, order, number: order, channel: "todos", type: "create", payload: { id: order }, tried: false };
};
const toOutbox = (client: string, put: StoredAction[], del: number[] = [], last = 9): CacheWrite => {
  return { ...nothing, client: { client, last, seen: 5 }, put, del };
};

/** The contract of client/cache.ts. */
export function runCacheContract(name: string, newCache: () => Cache): void {
  describe(name, () => {
    test("a channel comes back as it was written, values of every type included", async () => {
      const cache = newCache();
      const record = [9007199254740993n, new Uint8Array([0, 255]), null, "nul \u0000 😀", -1.5e308, Infinity, ""];
      const snapshot = { after: ["k", { int: "9007199254740993" }], rows: 50, total: 1000 };
      await cache.write("scope", toChannel(rows({ meta: meta(3, { snapshot }), put: [["k", record]] })));
      expect(await cache.readChannel("scope", "todos")).toEqual({ meta: meta(3, { snapshot }), rows: [record] });
      expect(await cache.readChannel("scope", "notes")).toBeNull();
    });

    test("rows are put over others, deleted, and cleared before what is put with them", async () => {
      const cache = newCache();
      await cache.write("scope", toChannel(rows({ put: [["a", ["a", "1"]], ["b", ["b", "1"]], ["", ["", "1"]]] })));
      await cache.write("scope", toChannel(rows({ put: [["a", ["a", "2"]]], del: ["b", "gone"] }, 2)));
      expect((await cache.readChannel("scope", "todos"))?.rows).toEqual(expect.arrayContaining([["a", "2"], ["", "1"]]));
      expect((await cache.readChannel("scope", "todos"))?.rows).toHaveLength(2);
      await cache.write("scope", toChannel(rows({ clear: true, put: [["c", ["c", "1"]]] }, 3)));
      expect(await cache.readChannel("scope", "todos")).toEqual({ meta: meta(3), rows: [["c", "1"]] });
    });

    test("a step is told what is there and may leave it so", async () => {
      const cache = newCache();
      const told: unknown[] = [];
      const step = (stored: ChannelMeta | null) => (told.push(stored?.cursor.version ?? null), null);
      await cache.write("scope", { ...nothing, channels: new Map([["todos", step]]) });
      await cache.write("scope", toChannel(rows({}, 7)));
      await cache.write("scope", { ...nothing, channels: new Map([["todos", step]]) });
      expect(told).toEqual([null, 7]);
      expect((await cache.readChannel("scope", "todos"))?.meta).toEqual(meta(7));
    });

    test("no other write comes between a step's reading and its writing", async () => {
      const cache = newCache();
      const count = (stored: ChannelMeta | null) => rows({ put: [["n", ["n", "x"]]] }, (stored?.cursor.version ?? 0) + 1);
      await Promise.all(Array.from({ length: 20 }, () => cache.write("scope", { ...nothing, channels: new Map([["todos", count]]) })));
      expect((await cache.readChannel("scope", "todos"))?.meta.cursor.version).toBe(20);
    });

    test("rows, cursor and outbox are written together or not at all", async () => {
      const cache = newCache();
      await cache.write("scope", toOutbox("c1", [action("c1", 1)]));
      const torn = (): ChannelWrite => {
        throw new Error("half way");
      };
      const write = {
        ...toOutbox("c1", [action("c1", 2)], [1]),
        channels: new Map([["todos", () => rows({ put: [["a", ["a", "1"]]] })], ["notes", torn]]),
      };
      await expect(cache.write("scope", write)).rejects.toThrow("half way");
      expect(await cache.readChannel("scope", "todos")).toBeNull();
      expect((await cache.readOutboxes("scope")).actions).toEqual([action("c1", 1)]);
    });

    test("an outbox comes back in order, with every client, and the cursors of that moment", async () => {
      const cache = newCache();
      await cache.write("scope", toOutbox("c2", [action("c2", 1)]));
      await cache.write("scope", toOutbox("c1", [action("c1", 10), action("c1", 2)]));
      await cache.write("scope", toChannel(rows({}, 4)));
      await cache.write("scope", toOutbox("c1", [action("c1", 3)], [2]));
      const { clients, actions, cursors } = await cache.readOutboxes("scope");
      expect(clients.map(({ client }) => client).sort()).toEqual(["c1", "c2"]);
      expect(clients[0]).toMatchObject({ last: 9, seen: 5 });
      expect(actions.filter(({ client }) => client === "c1").map(({ order }) => order)).toEqual([3, 10]);
      expect(cursors).toEqual(new Map([["todos", meta(4).cursor]]));
    });

    test("a client is dropped with its actions, and only it", async () => {
      const cache = newCache();
      await cache.write("scope", toOutbox("c1", [action("c1", 1)]));
      await cache.write("scope", { ...toOutbox("c2", [action("c2", 1)]), drop: ["c1"] });
      expect(await cache.readOutboxes("scope")).toMatchObject({ clients: [{ client: "c2" }], actions: [{ client: "c2" }] });
    });

    test("a scope sees nothing of another, however alike their names, and is cleared alone or with all", async () => {
      const cache = newCache();
      for (const scope of ["a", "a b", "", "b"]) {
        await cache.write(scope, { ...toChannel(rows({ put: [["k", ["k", scope]]] })), ...{ client: { client: "c", last: 1, seen: null } } });
      }
      await cache.clear("a");
      expect(await cache.readChannel("a", "todos")).toBeNull();
      expect((await cache.readOutboxes("a")).clients).toEqual([]);
      expect((await cache.readChannel("a b", "todos"))?.rows).toEqual([["k", "a b"]]);
      expect((await cache.readChannel("", "todos"))?.rows).toEqual([["k", ""]]);
      await cache.clear();
      for (const scope of ["a b", "", "b"]) expect(await cache.readChannel(scope, "todos")).toBeNull();
    });
  });
}

runCacheContract("a memory cache", memoryCache);
let count = 0;
runCacheContract("an IndexedDB cache", () => indexedDbCache(`contract ${count++}`));

test("an IndexedDB cache commits an outbox before any of its requests has ended: the page may be gone by then", async () => {
  const commit = vi.spyOn(IDBTransaction.prototype, "commit");
  const ended = vi.fn();
  const put = vi.spyOn(IDBObjectStore.prototype, "put").mockImplementation(function (this: IDBObjectStore, ...what) {
    const request = this.add(...what);
    request.addEventListener("success", () => ended());
    return request;
  });
  commit.mockImplementationOnce(() => expect(ended).not.toHaveBeenCalled());
  await indexedDbCache("committed").write("scope", toOutbox("one", [action("one", 1), action("one", 2)]));
  expect(commit).toHaveBeenCalledOnce();
  expect(ended).toHaveBeenCalledTimes(3);
  put.mockRestore();
  commit.mockRestore();
});

test("two IndexedDB caches of one name, as two tabs have them, hold the same", async () => {
  const [one, other] = [indexedDbCache("shared"), indexedDbCache("shared")];
  await one.write("scope", toChannel(rows({ put: [["a", ["a", "1"]]] })));
  expect((await other.readChannel("scope", "todos"))?.rows).toEqual([["a", "1"]]);
});
