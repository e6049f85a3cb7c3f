// SPDX-License-Identifier: MIT
import type { Cache } from "./cache.ts";
import type { SyncSocket } from "./connection.ts";
import { getOrMake } from "./get-or-make.ts";
import { indexedDbCache } from "./indexed-db.ts";
import { Store } from "./store.ts";
import { canLock } from "./tabs.ts";

export type StoreOptions = {
  /**
   * Who is logged in. Part of what records are kept under, so that nobody sees another's. Without it nothing is kept for a socket with
   * a `query`, which may well hold a token: nobody could tell whose records those are. "" says that they are everybody's.
   */
  user?: string | undefined;
  /** Where records and unsent actions are kept; IndexedDB unless told otherwise, null for nowhere. */
  cache?: Cache | null | undefined;
  /** The version of the app that this page runs, 1 or more: an object that it does not fit says so, and the state is "needs-update". */
  app?: number | undefined;
};

type Known = { store: Store; url: string | undefined; user: string | undefined; cache: Cache | null | undefined };

const bySocket = new WeakMap<SyncSocket, Known>();
const byCache = new WeakMap<Cache, Map<string, Store>>();
let browserCache: Cache | null | undefined;

/**
 * The store of the object behind a socket: the same one for all sockets to that object and all calls. The options count when a store is
 * made; later calls may leave them out. It does nothing until somebody subscribes or sends.
 */
export function storeOf(socket: SyncSocket, options: StoreOptions = {}): Store {
  const known = bySocket.get(socket);
  const { user = known?.user, cache = known?.cache } = options;
  const url = socket.roomUrl;
  if (known && url === known.url && user === known.user && cache === known.cache) return known.store;
  const store = find(socket, user, cache, options.app);
  bySocket.set(socket, { store, url, user, cache });
  return store;
}

/** IndexedDB where it and the locks that it needs are there; else null. */
export function defaultCache(): Cache | null {
  browserCache ??= globalThis.window && globalThis.indexedDB && canLock() ? indexedDbCache() : null;
  return browserCache;
}

function find(socket: SyncSocket, user: string | undefined, cache: Cache | null = defaultCache(), app?: number): Store {
  const isAnybodys = user === undefined && hasQuery(socket);
  if (!cache || !socket.roomUrl || !canLock() || isAnybodys) return new Store(socket, undefined, app);
  const stores = getOrMake(byCache, cache, () => new Map<string, Store>());
  const scope = JSON.stringify([socket.roomUrl, user ?? ""]);
  return getOrMake(stores, scope, () => new Store(socket, { cache, scope }, app));
}

function hasQuery(socket: SyncSocket): boolean {
  const options: unknown = "partySocketOptions" in socket ? socket.partySocketOptions : null;
  return typeof options === "object" && options !== null && "query" in options && Boolean(options.query);
}
