// SPDX-License-Identifier: MIT
import type { Cursor, SyncRecord, WireRecord } from "./frames.ts";
import { getOrMake } from "./get-or-make.ts";

/** What is kept of a channel besides its rows. */
export type ChannelMeta = {
  readonly cursor: Cursor;
  readonly columns: readonly string[];
  /** Positions of the primary key's columns, in key order. */
  readonly key: readonly number[];
  /** Of a snapshot that is not complete: the last key that came, the rows to ask for next, the number of all. Null if it is complete. */
  readonly snapshot: { readonly after: WireRecord; readonly rows: number; readonly total: number } | null;
};

export type StoredChannel = { meta: ChannelMeta; rows: SyncRecord[] };

/** Rows go by their key as a text. With `clear`, every row that was there goes first. */
export type ChannelWrite = { meta: ChannelMeta; clear: boolean; put: [key: string, record: SyncRecord][]; del: string[] };

/** An action of the outbox. `order` is its place among its client's and its name in the cache; the number can still change. */
export type StoredAction = {
  readonly client: string;
  readonly order: number;
  readonly number: number;
  readonly channel: string;
  readonly type: string;
  readonly payload: unknown;
  /** It may have reached the object. */
  readonly tried: boolean;
};

/** What is kept of a client besides its actions: the last number it gave away, and the object's clock when it last said welcome. */
export type StoredClient = { readonly client: string; readonly last: number; readonly seen: number | null };

/** Every client of a scope, its actions in order, and the cursors of the channels at that same moment. */
export type StoredOutboxes = { clients: StoredClient[]; actions: StoredAction[]; cursors: Map<string, Cursor> };

/** What one transaction writes. */
export type CacheWrite = {
  /** Decides what to write to a channel by what it holds; null for nothing. It is called in the transaction and must return at once. */
  readonly channels: ReadonlyMap<string, (stored: ChannelMeta | null) => ChannelWrite | null>;
  readonly client: StoredClient | null;
  readonly put: readonly StoredAction[];
  /** Actions of `client` by their order. */
  readonly del: readonly number[];
  /** Clients to forget, with their actions, before anything is put: `client` itself may be one of them. */
  readonly drop: readonly string[];
};

/**
 * Where records and unsent actions outlive the page. Everything is kept by scope, and a scope sees nothing of another. What is owed:
 *  - `write` is one transaction: all of it is there afterwards, or nothing, whenever the machine stops,
 *  - no other write of the scope, from whichever tab, comes between a step's reading and its writing,
 *  - a write that drops clients is on the disk when it resolves: their actions go on under another id, and would run twice if they came back,
 *  - a read sees the state between two writes, and what was written before it began,
 *  - values come back as they were given: bigints, Uint8Arrays, every text.
 * A promise that rejects, or takes longer than some seconds, means that the cache is of no use at present. The store then goes on in memory,
 * tries it again now and then, and at last writes all that it has.
 */
export interface Cache {
  /** Null if nothing is kept of the channel. */
  readChannel(scope: string, channel: string): Promise<StoredChannel | null>;
  readOutboxes(scope: string): Promise<StoredOutboxes>;
  /** The scopes that hold actions. Without it, `outboxes` looks only at those that the page itself has open. */
  readScopes?(): Promise<string[]>;
  write(scope: string, write: CacheWrite): Promise<void>;
  /** Forgets a scope, or every scope. */
  clear(scope?: string): Promise<void>;
}

type Scope = {
  channels: Map<string, { meta: ChannelMeta; rows: Map<string, SyncRecord> }>;
  clients: Map<string, StoredClient>;
  actions: Map<string, Map<number, StoredAction>>;
};

/** A cache that lasts as long as the page: for tests, and for environments that have a storage of their own in mind. */
export function memoryCache(): Cache {
  const scopes = new Map<string, Scope>();
  const scopeOf = (name: string) => getOrMake(scopes, name, (): Scope => ({ channels: new Map(), clients: new Map(), actions: new Map() }));
  return {
    async readChannel(scope, channel) {
      const stored = scopeOf(scope).channels.get(channel);
      return stored ? { meta: stored.meta, rows: [...stored.rows.values()] } : null;
    },
    async readOutboxes(scope) {
      const { channels, clients, actions } = scopeOf(scope);
      const cursors = new Map([...channels].map(([name, { meta }]) => [name, meta.cursor]));
      const sorted = [...actions.values()].flatMap((own) => [...own.values()].sort((a, b) => a.order - b.order));
      return { clients: [...clients.values()], actions: sorted, cursors };
    },
    async readScopes() {
      return [...scopes].filter(([, { actions }]) => [...actions.values()].some(({ size }) => size > 0)).map(([scope]) => scope);
    },
    async write(scope, write) {
      writeToMemory(scopeOf(scope), write);
    },
    async clear(scope) {
      if (scope === undefined) scopes.clear();
      else scopes.delete(scope);
    },
  };
}

function writeToMemory({ channels, clients, actions }: Scope, write: CacheWrite): void {
  // Every step decides before anything is written, so that one that throws leaves nothing behind.
  const steps = [...write.channels].map(([name, step]) => [name, step(channels.get(name)?.meta ?? null)] as const);
  for (const [name, step] of steps) {
    if (!step) continue;
    const rows = step.clear ? new Map<string, SyncRecord>() : (channels.get(name)?.rows ?? new Map<string, SyncRecord>());
    for (const key of step.del) rows.delete(key);
    for (const [key, record] of step.put) rows.set(key, record);
    channels.set(name, { meta: step.meta, rows });
  }
  for (const client of write.drop) {
    clients.delete(client);
    actions.delete(client);
  }
  if (!write.client) return;
  const { client } = write.client;
  const own = actions.get(client) ?? new Map<number, StoredAction>();
  clients.set(client, write.client);
  actions.set(client, own);
  for (const order of write.del) own.delete(order);
  for (const action of write.put) own.set(action.order, action);
}
