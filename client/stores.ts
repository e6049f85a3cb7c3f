// SPDX-License-Identifier: MIT
import type { Cache } from "./cache.ts";
import type { SyncSocket } from "./connection.ts";
import { getOrMake } from "./get-or-make.ts";
import { indexedDbCache } from "./indexed-db.ts";
import type { Home } from "./session.ts";
import { shared } from "./shared.ts";
import { Store } from "./store.ts";
import type { Place } from "./keeper.ts";
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

/** What a page knows of its stores. */
type Registry = {
  bySocket: WeakMap<SyncSocket, Known>;
  byCache: WeakMap<Cache, Map<string, Store>>;
  browserCache: Cache | null | undefined;
  /** Stores in whose outbox something waits. */
  waiting: Map<Store, Home>;
  /** Who was at the page last, as the stores say; null if their socket may well know a user, but the app has not said whom. */
  user: string | null;
};

const registry = shared("stores", (): Registry => {
  return { bySocket: new WeakMap(), byCache: new WeakMap(), browserCache: null, waiting: new Map(), user: null };
});

/**
 * The store of the object behind a socket: the same one for all sockets to that object and all calls. The options count when a store is
 * made; later calls may leave them out. It does nothing until somebody subscribes or sends. After `close`, it is another one.
 */
export function storeOf(socket: SyncSocket, options: StoreOptions = {}): Store {
  const known = registry.bySocket.get(socket);
  const { user = known?.user, cache = known?.cache } = options;
  const url = socket.roomUrl;
  const isSame = known && url === known.url && user === known.user && cache === known.cache;
  if (isSame && !known.store.closed) return known.store;
  const store = find(socket, user, cache, options.app);
  registry.bySocket.set(socket, { store, url, user, cache });
  return store;
}

/** IndexedDB where it and the locks that it needs are there; else null. */
export function defaultCache(): Cache | null {
  registry.browserCache ??= globalThis.window && globalThis.indexedDB && canLock() ? indexedDbCache() : null;
  return registry.browserCache;
}

/** The stores of the page in whose outbox something waits. */
export function waitingStores(): [Store, Home][] {
  return [...registry.waiting];
}

function find(socket: SyncSocket, user: string | undefined, cache: Cache | null = defaultCache(), app?: number): Store {
  const isAnybodys = user === undefined && hasQuery(socket);
  const scope = socket.roomUrl && !isAnybodys ? JSON.stringify([socket.roomUrl, user ?? ""]) : null;
  const make = (place?: Place): Store => {
    const store: Store = new Store(socket, place, app, homeOf(() => store, socket, isAnybodys ? null : user));
    return store;
  };
  if (!cache || !scope || !canLock()) return make();
  const stores = getOrMake(registry.byCache, cache, () => new Map<string, Store>());
  if (stores.get(scope)?.closed) stores.delete(scope);
  return getOrMake(stores, scope, () => make({ cache, scope }));
}

/** `user` is null if the app has not said whose the store is, though it may well be somebody's. */
function homeOf(store: () => Store, socket: SyncSocket, user: string | null = ""): Home {
  const home = {
    object: socket.roomUrl,
    user: user ?? undefined,
    get isPresent() {
      return user === "" || registry.user === user;
    },
    arrive() {
      if (home.isPresent) return;
      registry.user = user;
      for (const other of [...registry.waiting.keys()]) other.look();
    },
    note(waits: boolean) {
      if (waits) registry.waiting.set(store(), home);
      else registry.waiting.delete(store());
    },
  };
  return home;
}

function hasQuery(socket: SyncSocket): boolean {
  const options: unknown = "partySocketOptions" in socket ? socket.partySocketOptions : null;
  return typeof options === "object" && options !== null && "query" in options && Boolean(options.query);
}
