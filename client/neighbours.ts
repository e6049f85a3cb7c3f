// SPDX-License-Identifier: MIT
import { actionOf, type Optimistic } from "./action.ts";
import type { StoredAction, StoredOutboxes } from "./cache.ts";
import type { Channel } from "./channel.ts";
import type { Cursor } from "./frames.ts";

/** An action of another tab. `until` is where the channel has its effects, once it is settled; null before. */
type Neighbour = Optimistic & { readonly client: string; until: Cursor | null };

/**
 * The pending actions of the other tabs with the same object. One that has gone from the cache is settled, and stays until this tab's
 * records are as far as the cache was at that moment: else its effects would vanish until their patch has come here, too.
 */
export class Neighbours {
  #actions = new Map<string, Neighbour>();

  /** Those of a channel, but for those whose effects its records contain now. */
  of({ name, cursor }: Channel): Optimistic[] {
    const found: Optimistic[] = [];
    for (const [key, action] of this.#actions) {
      if (action.channel !== name) continue;
      if (isOver(action, cursor)) this.#actions.delete(key);
      else found.push(action);
    }
    return found;
  }

  /** Takes in what the cache holds now; `own` is this tab's client. */
  update({ actions, cursors }: Pick<StoredOutboxes, "actions" | "cursors">, own: string): void {
    const old = this.#actions;
    this.#actions = new Map(actions.map((stored) => [nameOf(stored), old.get(nameOf(stored)) ?? newNeighbour(stored)]));
    for (const [name, action] of old) {
      if (this.#actions.has(name) || action.client === own) continue;
      action.until ??= cursors.get(action.channel) ?? null;
      if (action.until) this.#actions.set(name, action);
    }
  }

  /** The client is this tab's own from now on. */
  drop(client: string): void {
    for (const [name, action] of this.#actions) if (action.client === client) this.#actions.delete(name);
  }

  clear(): void {
    this.#actions.clear();
  }
}

/** True once the channel is as far as the action's effects; without a cursor it shows nothing that could vanish. */
function isOver({ until }: Neighbour, cursor: Cursor | null): boolean {
  return until !== null && (cursor?.epoch !== until.epoch || cursor.version >= until.version);
}

function nameOf({ client, order }: StoredAction): string {
  return `${client} ${order}`;
}

function newNeighbour(stored: StoredAction): Neighbour {
  return { client: stored.client, channel: stored.channel, action: actionOf(stored), until: null };
}
