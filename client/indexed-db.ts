// SPDX-License-Identifier: MIT
import { promisifyRequest as promised } from "idb-keyval";
import type { Cache, CacheWrite, ChannelMeta, ChannelWrite, StoredAction, StoredClient } from "./cache.ts";
import type { SyncRecord } from "./frames.ts";

/** What each store holds; its keys begin with the scope: [scope, channel], [scope, channel, key], [scope, client], [scope, client, order]. */
type Schema = { channels: ChannelMeta; rows: SyncRecord; clients: StoredClient; actions: StoredAction };
type Name = keyof Schema;

const every: Name[] = ["channels", "rows", "clients", "actions"];

/** A cache in IndexedDB, for all objects of the page's origin, in the database of this name. It is opened when first used. */
export function indexedDbCache(name = "durasync"): Cache {
  let opened: Promise<IDBDatabase> | undefined;
  const open = () => {
    const opening = openDatabase(name, () => forget(opening));
    // Whoever asks next tries again.
    opening.catch(() => forget(opening));
    return opening;
  };
  const forget = (one: typeof opened) => {
    if (opened === one) opened = undefined;
  };
  const begin = async (names: Name[], mode: IDBTransactionMode, durability: IDBTransactionDurability = "default") => {
    const start = (database: IDBDatabase) => {
      const transaction = database.transaction(names, mode, { durability });
      // The next one does not rely on a database of which the browser has lost hold.
      transaction.addEventListener("abort", () => database.close());
      return transaction;
    };
    const first = (opened ??= open());
    const database = await first;
    try {
      return start(database);
    } catch {
      // Browsers close databases without a word: Safari does after a sleep.
      forget(first);
      return start(await (opened ??= open()));
    }
  };
  return {
    async readChannel(scope, channel) {
      const transaction = await begin(["channels", "rows"], "readonly");
      const [meta, rows] = await Promise.all([metaOf(transaction, scope, channel), allOf(transaction, "rows", scope, channel)]);
      return meta ? { meta, rows } : null;
    },
    async readOutboxes(scope) {
      const transaction = await begin(["channels", "clients", "actions"], "readonly");
      const [names, metas, clients, actions] = await Promise.all([
        promised(transaction.objectStore("channels").getAllKeys(below(scope))),
        allOf(transaction, "channels", scope),
        allOf(transaction, "clients", scope),
        allOf(transaction, "actions", scope),
      ]);
      const cursors = new Map(metas.map((meta, i) => [(names[i] as [scope: string, channel: string])[1], meta?.cursor]));
      return { clients, actions, cursors };
    },
    async readScopes() {
      const keys = await promised((await begin(["actions"], "readonly")).objectStore("actions").getAllKeys());
      return [...new Set((keys as string[][]).flatMap(([scope]) => scope ?? []))];
    },
    async write(scope, write) {
      // An outbox is written without the rows if it can be, so that no action waits for a long snapshot to be written.
      const durability = write.drop.length > 0 ? "strict" : "default";
      const transaction = await begin(write.channels.size > 0 ? every : ["clients", "actions"], "readwrite", durability);
      try {
        writeOutbox(transaction, scope, write);
        for (const [channel, step] of write.channels) {
          const written = step((await metaOf(transaction, scope, channel)) ?? null);
          if (written) writeChannel(transaction, scope, channel, written);
        }
      } catch (error) {
        transaction.abort();
        throw error;
      }
      transaction.commit(); // whether or not the page lives to hear how its requests end: it may be reloaded at any moment
      await promised(transaction);
    },
    async clear(scope) {
      const transaction = await begin(every, "readwrite");
      for (const store of every) transaction.objectStore(store).delete(scope === undefined ? below() : below(scope));
      await promised(transaction);
    },
  };
}

async function openDatabase(name: string, onEnd: () => void): Promise<IDBDatabase> {
  const request = indexedDB.open(name, 1);
  request.onupgradeneeded = () => {
    for (const store of every) request.result.createObjectStore(store);
  };
  const database = await promised(request);
  database.onclose = onEnd;
  // A newer page of the same app wants to change the database: this one gives way and opens it again when it next needs it.
  database.onversionchange = () => {
    database.close();
    onEnd();
  };
  return database;
}

function metaOf(transaction: IDBTransaction, scope: string, channel: string): Promise<ChannelMeta | undefined> {
  return promised<ChannelMeta | undefined>(transaction.objectStore("channels").get([scope, channel]));
}

function allOf<N extends Name>(transaction: IDBTransaction, store: N, ...parts: string[]): Promise<Schema[N][]> {
  return promised<Schema[N][]>(transaction.objectStore(store).getAll(below(...parts)));
}

// A request that fails aborts its transaction, whose end tells of it.

function writeOutbox(transaction: IDBTransaction, scope: string, { client, put, del, drop }: CacheWrite): void {
  const clients = transaction.objectStore("clients");
  const actions = transaction.objectStore("actions");
  for (const old of drop) {
    clients.delete([scope, old]);
    actions.delete(below(scope, old));
  }
  if (!client) return;
  clients.put(client, [scope, client.client]);
  for (const order of del) actions.delete([scope, client.client, order]);
  for (const action of put) actions.put(action, [scope, client.client, action.order]);
}

function writeChannel(transaction: IDBTransaction, scope: string, channel: string, { meta, clear, put, del }: ChannelWrite): void {
  const rows = transaction.objectStore("rows");
  if (clear) rows.delete(below(scope, channel));
  for (const key of del) rows.delete([scope, channel, key]);
  for (const [key, record] of put) rows.put(record, [scope, channel, key]);
  transaction.objectStore("channels").put(meta, [scope, channel]);
}

/** Every key that begins with these parts: an array sorts above all texts and numbers. */
function below(...parts: string[]): IDBKeyRange {
  return IDBKeyRange.bound(parts, [...parts, []]);
}
