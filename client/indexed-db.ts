// SPDX-License-Identifier: MIT
import { openDB, type DBSchema, type IDBPDatabase, type IDBPTransaction } from "idb";
import type { Cache, CacheWrite, ChannelMeta, ChannelWrite, StoredAction, StoredClient } from "./cache.ts";
import type { SyncRecord } from "./frames.ts";

interface Schema extends DBSchema {
  channels: { key: [scope: string, channel: string]; value: ChannelMeta };
  rows: { key: [scope: string, channel: string, key: string]; value: SyncRecord };
  clients: { key: [scope: string, client: string]; value: StoredClient };
  actions: { key: [scope: string, client: string, order: number]; value: StoredAction };
}

type Name = "channels" | "rows" | "clients" | "actions";
type Names = Name[];
type Writing = IDBPTransaction<Schema, Names, "readwrite">;

const every: Names = ["channels", "rows", "clients", "actions"];

/** A cache in IndexedDB, for all objects of the page's origin, in the database of this name. It is opened when first used. */
export function indexedDbCache(name = "durasync"): Cache {
  let opened: Promise<IDBPDatabase<Schema>> | undefined;
  const open = () => (opened ??= openDatabase(name, () => (opened = undefined)));
  return {
    async readChannel(scope, channel) {
      const transaction = (await open()).transaction(["channels", "rows"]);
      const [meta, rows] = await Promise.all([
        transaction.objectStore("channels").get([scope, channel]),
        transaction.objectStore("rows").getAll(below(scope, channel)),
      ]);
      return meta ? { meta, rows } : null;
    },
    async readOutboxes(scope) {
      const transaction = (await open()).transaction(["channels", "clients", "actions"]);
      const [names, metas, clients, actions] = await Promise.all([
        transaction.objectStore("channels").getAllKeys(below(scope)),
        transaction.objectStore("channels").getAll(below(scope)),
        transaction.objectStore("clients").getAll(below(scope)),
        transaction.objectStore("actions").getAll(below(scope)),
      ]);
      const cursors = new Map(metas.map(({ cursor }, i) => [names[i]?.[1] ?? "", cursor]));
      return { clients, actions, cursors };
    },
    async write(scope, write) {
      // An outbox is written without the rows if it can be, so that no action waits for a long snapshot to be written.
      const names: Names = write.channels.size > 0 ? every : ["clients", "actions"];
      const transaction = (await open()).transaction(names, "readwrite");
      try {
        writeOutbox(transaction, scope, write);
        for (const [channel, step] of write.channels) {
          const written = step((await transaction.objectStore("channels").get([scope, channel])) ?? null);
          if (written) writeChannel(transaction, scope, channel, written);
        }
      } catch (error) {
        transaction.done.catch(() => {});
        transaction.abort();
        throw error;
      }
      await transaction.done;
    },
    async clear(scope) {
      const transaction = (await open()).transaction(every, "readwrite");
      for (const store of every) void transaction.objectStore(store).delete(scope === undefined ? below() : below(scope));
      await transaction.done;
    },
  };
}

function openDatabase(name: string, onEnd: () => void): Promise<IDBPDatabase<Schema>> {
  return openDB<Schema>(name, 1, {
    upgrade(database) {
      for (const store of every) database.createObjectStore(store);
    },
    // A newer page of the same app wants to change the database: this one gives way and opens it again when it next needs it.
    blocking(_current, _blocked, event) {
      (event.target as IDBDatabase).close();
      onEnd();
    },
    terminated: onEnd,
  });
}

function writeOutbox(transaction: Writing, scope: string, { client, put, del, drop }: CacheWrite): void {
  const clients = transaction.objectStore("clients");
  const actions = transaction.objectStore("actions");
  if (drop !== null) {
    quietly(clients.delete([scope, drop]));
    quietly(actions.delete(below(scope, drop)));
  }
  if (!client) return;
  quietly(clients.put(client, [scope, client.client]));
  for (const order of del) quietly(actions.delete([scope, client.client, order]));
  for (const action of put) quietly(actions.put(action, [scope, client.client, action.order]));
}

function writeChannel(transaction: Writing, scope: string, channel: string, { meta, clear, put, del }: ChannelWrite): void {
  const rows = transaction.objectStore("rows");
  if (clear) quietly(rows.delete(below(scope, channel)));
  for (const key of del) quietly(rows.delete([scope, channel, key]));
  for (const [key, record] of put) quietly(rows.put(record, [scope, channel, key]));
  quietly(transaction.objectStore("channels").put(meta, [scope, channel]));
}

/** A request that fails aborts its transaction, whose end tells of it; the request's own promise need not. */
function quietly(request: Promise<unknown>): void {
  request.catch(() => {});
}

/** Every key that begins with these parts: an array sorts above all texts and numbers. */
function below(...parts: string[]): IDBKeyRange {
  return IDBKeyRange.bound(parts, [...parts, []]);
}
