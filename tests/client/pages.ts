// SPDX-License-Identifier: MIT
// Pages of one browser, each with a store of its own on the storage that they share. A page's end is `close`, which frees its locks.
import "fake-indexeddb/auto";
import { afterEach, expect, vi } from "vitest";
import type { Cache } from "../../client/cache.ts";
import { indexedDbCache } from "../../client/indexed-db.ts";
import { Store } from "../../client/store.ts";
import { page, ScriptedSocket, welcome } from "./scripted-object.ts";

type Sent = ReturnType<ScriptedSocket["takeSent"]>[number];

let count = 0;
/** Closed after each test. */
export const stores: Store[] = [];

afterEach(() => {
  for (const store of stores.splice(0)) store.close();
});

/** A browser's storage for one object: pages opened on it share it. */
export function browser(cache: Cache = indexedDbCache(`pages ${count++}`)) {
  const scope = `scope ${count++}`;
  return {
    cache,
    scope,
    open(channel: string | null = "todos") {
      const socket = new ScriptedSocket();
      const store = new Store(socket, { cache, scope });
      stores.push(store);
      const listener = vi.fn();
      if (channel) store.subscribe(channel, listener);
      const until = <T>(check: () => T) => vi.waitFor(check, { timeout: 5000, interval: 2 });
      const connect = async (...frames: unknown[]) => {
        // The hello goes out as soon as both the socket and the cache are ready.
        socket.open();
        await until(() => expect(socket.sent.map(({ type }) => type)).toContain(channel ? "subscribe" : "hello"));
        for (const frame of frames) socket.receive(frame);
      };
      const sent = (type: string) => until(() => {
        const found = socket.sent.filter((frame) => frame.type === type);
        expect(found).not.toEqual([]);
        socket.sent = socket.sent.filter((frame) => frame.type !== type);
        return found;
      });
      return { socket, store, listener, until, connect, sent };
    },
  };
}

export type Browser = ReturnType<typeof browser>;
export const stored = ({ cache, scope }: Browser) => cache.readChannel(scope, "todos");
export const outbox = async ({ cache, scope }: Browser) => (await cache.readOutboxes(scope)).actions;
export const numbers = (frames: Sent[]) => frames.flatMap(({ actions }) => (actions as { number: number }[]).map(({ number }) => number));
export const settled = <T>(check: () => T) => vi.waitFor(check, { timeout: 5000, interval: 2 });

/** A browser in which a page has been, and has kept these rows at version 10. */
export async function filled(rows = [["a", "one"], ["b", "two"]]): Promise<Browser> {
  const all = browser();
  const first = all.open();
  await first.connect(welcome(), page(rows));
  await settled(async () => expect((await stored(all))?.rows).toHaveLength(rows.length));
  first.store.close();
  return all;
}
