// SPDX-License-Identifier: MIT
import type { Cache, StoredAction } from "./cache.ts";
import { getOrMake } from "./get-or-make.ts";
import type { Stage } from "./receipt.ts";
import { defaultCache, waitingStores } from "./stores.ts";
import { ownedClients, ownerOf } from "./tabs.ts";

/** Actions without an outcome, of one user, for one channel of one object. Plain JSON. */
export type Waiting = {
  /** The object's address, as its socket's `roomUrl` says it; null if it does not. */
  object: string | null;
  /** Whose they are; "" for everybody's, null if the app has not said. */
  user: string | null;
  channel: string;
  /** How many they are. */
  count: number;
  /** How many are at each stage. "left_behind" are those that no open page sees to: the object has to be opened for them. */
  stages: Partial<Record<Stage, number>>;
};

type Place = Pick<Waiting, "object" | "user">;

/** What waits in the outboxes of this page, and of earlier and other pages in the cache: IndexedDB, unless told otherwise. */
export async function outboxes(cache: Cache | null = defaultCache()): Promise<Waiting[]> {
  const found = new Map<string, Waiting>();
  const add = ({ object, user }: Place, channel: string, stage: Stage) => {
    const none = (): Waiting => ({ object, user, channel, count: 0, stages: {} });
    const waiting = getOrMake(found, JSON.stringify([object, user, channel]), none);
    waiting.count++;
    waiting.stages[stage] = (waiting.stages[stage] ?? 0) + 1;
  };
  const kept = cache ? await keptIn(cache) : [];
  const here = waitingStores().map(([store, home]) => ({ ...store.waiting(), home }));
  for (const { actions, home } of here) {
    for (const { channel, progression } of actions) add(placeOf(home), channel, progression.stage);
  }
  const clients = new Set(here.flatMap((store) => store.clients));
  for (const { action, stage, place } of kept) if (!clients.has(action.client)) add(place, action.channel, stage);
  return [...found.values()];
}

type Kept = { action: StoredAction; stage: Stage; place: Place };

async function keptIn(cache: Cache): Promise<Kept[]> {
  const owned = await ownedClients();
  const scopes = (await cache.readScopes?.()) ?? waitingStores().flatMap(([{ place }]) => place?.scope ?? []);
  const all = [...new Set(scopes)].map(async (scope): Promise<Kept[]> => {
    const { actions } = await cache.readOutboxes(scope);
    const stageOf = ({ client, tried }: StoredAction) => {
      return owned.has(ownerOf(scope, client)) ? (tried ? "sent" : "saved") : "left_behind";
    };
    return actions.map((action) => ({ action, stage: stageOf(action), place: placeOfScope(scope) }));
  });
  return (await Promise.all(all)).flat();
}

function placeOf({ object, user }: { readonly object: string | undefined; readonly user: string | undefined }): Place {
  return { object: object ?? null, user: user ?? null };
}

/** A scope is an object and a user as JSON, unless somebody has made a store by hand. */
function placeOfScope(scope: string): Place {
  try {
    const [object, user]: string[] = JSON.parse(scope);
    return placeOf({ object, user });
  } catch {
    return { object: scope, user: null };
  }
}
