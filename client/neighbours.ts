// SPDX-License-Identifier: MIT
import type { StoredAction, StoredOutboxes } from "./cache.ts";
import type { Cursor } from "./frames.ts";
import type { Optimistic, SyncAction } from "./outbox.ts";

/** An action of another tab. `until` is where the channel has its effects, once it is settled; null before. */
type Neighbour = Optimistic & { until: Cursor | null };

/**
 * The pending actions of the other tabs with the same object. One that has gone from the cache is settled, and stays until this tab's
 * records are as far as the cache was at that moment: else its effects would vanish until their patch has come here, too.
 */
export class Neighbours {
  #actions = new Map<string, Neighbour>();

  of(channel: string): Optimistic[] {
    return [...this.#actions.values()].filter((action) => action.channel === channel);
  }

  /** Takes in what the cache holds now; `own` is this tab's client. */
  update({ actions, cursors }: StoredOutboxes, own: string): void {
    const old = this.#actions;
    this.#actions = new Map(actions.map((stored) => [nameOf(stored), old.get(nameOf(stored)) ?? neighbour(stored)]));
    for (const [name, action] of old) {
      if (this.#actions.has(name) || name.startsWith(`${own} `)) continue;
      action.until ??= cursors.get(action.channel) ?? null;
      if (action.until) this.#actions.set(name, action);
    }
  }

  /** Drops what a channel's records contain now; a channel without a cursor shows nothing that could vanish. */
  prune(channel: string, cursor: Cursor | null): void {
    for (const [name, { until, ...action }] of this.#actions) {
      if (action.channel !== channel || !until) continue;
      if (cursor?.epoch !== until.epoch || cursor.version >= until.version) this.#actions.delete(name);
    }
  }

  /** The client is this tab's own from now on. */
  drop(client: string): void {
    for (const name of this.#actions.keys()) if (name.startsWith(`${client} `)) this.#actions.delete(name);
  }

  clear(): void {
    this.#actions.clear();
  }
}

function nameOf({ client, order }: StoredAction): string {
  return `${client} ${order}`;
}

function neighbour({ channel, type, payload }: StoredAction): Neighbour {
  const action: SyncAction = payload === undefined ? { type } : { type, payload };
  return { channel, action, until: null };
}
