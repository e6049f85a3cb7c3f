// SPDX-License-Identifier: MIT
import { createContext, createElement, use, useCallback, useContext, useLayoutEffect, useMemo, useState } from "react";
import { useSyncExternalStore, type ReactNode } from "react";
import type { SyncSocket } from "./connection.ts";
import type { Cell } from "./frames.ts";
import { getOrMake } from "./get-or-make.ts";
import type { SyncAction } from "./action.ts";
import type { Receipt, SendOptions } from "./receipt.ts";
import type { SyncStatus } from "./status.ts";
import type { Dehydrated, Store } from "./store.ts";
import { storeOf, type StoreOptions } from "./stores.ts";
import { View, type Reducer, type RecordForm } from "./view.ts";

/** Sends an action to the channel; the same function as long as the object and the channel are. */
export type Send<A> = (action: A, options?: SendOptions) => Receipt;

export type SyncOptions = {
  /** Records as objects with the columns' names, for the reducer, too; tuples in column order unless told otherwise. */
  as?: RecordForm | undefined;
  /** Records that were rendered on the server (see `Store.dehydrate`): shown at once, and resumed from their cursor. */
  initial?: Dehydrated | undefined;
};

type Tuples = SyncOptions & { as?: "tuples" | undefined };
type Objects = SyncOptions & { as: "objects" };

/** A socket, or null for that of the SyncProvider above. */
export type SocketOrProvided = SyncSocket | null;

/** What useSync returns. */
export type Synced<R, A> = [records: readonly R[], send: Send<A>, status: SyncStatus];

type Provided = StoreOptions & { socket: SyncSocket };

const Context = createContext<Provided | null>(null);

/** Gives the components below it a socket, and says how its store keeps things; hooks get at it by the socket null. */
export function SyncProvider({ socket, user, cache, app, children }: StoreOptions & { socket: SyncSocket; children?: ReactNode }): ReactNode {
  const value = useMemo(() => ({ socket, user, cache, app }), [socket, user, cache, app]);
  return createElement(Context.Provider, { value }, children);
}

/** The store behind a socket, for what the hooks do not do: `onRejected`, `clear`, `dehydrate`. */
export function useStore(socket: SocketOrProvided = null): Store {
  return useLine(socket).store;
}

/**
 * Keeps a component in step with a channel of the object behind `socket` (a PartySocket; see usePartySocket). Returns
 *  - the records, in key order; the same array, and the same records, as long as they do not change,
 *  - `send`, whose receipt resolves when the action's effects are among the records and rejects with a SyncError,
 *  - how the channel stands.
 * `reducer` shows an action's effect before the object has answered; `isPending` tells the records that it made from the object's own.
 */
export function useSync<R extends readonly unknown[], A extends SyncAction>(
  channel: string,
  socket: SocketOrProvided,
  reducer?: Reducer<R, A>,
  options?: Tuples,
): Synced<R, A>;
export function useSync<R extends object, A extends SyncAction>(
  channel: string,
  socket: SocketOrProvided,
  reducer: Reducer<R, A> | undefined,
  options: Objects,
): Synced<R, A>;
export function useSync<R extends object, A extends SyncAction>(
  channel: string,
  socket: SocketOrProvided,
  reducer?: Reducer<R, A>,
  options: SyncOptions = {},
): Synced<R, A> {
  const { store, target } = useLine(socket);
  const { as, initial } = options;
  const { view, send } = useMemo(() => {
    if (initial) store.hydrate(channel, initial);
    const send: Send<A> = (action, sendOptions) => store.send(channel, action, sendOptions);
    return { view: new View<R, A>(store, channel, reducer, as), send };
    // A reducer written in place is a new one with each render: the effect below hands it on without a new view.
  }, [store, channel, as]);
  useLayoutEffect(() => {
    view.reducer = reducer;
  });
  const { records, status } = useSyncExternalStore(useSubscribe(store, target, view), view.getSnapshot, view.getServerSnapshot);
  return [records, send, status];
}

/** What is synced, as a type that page and object share: for each channel, its record and its actions. */
export type SharedChannels<Names extends PropertyKey = string> = { [Channel in Names]: [record: object, action: SyncAction] };

type Rest<R extends object, A extends SyncAction> = R extends readonly unknown[]
  ? [reducer?: Reducer<R, A> | undefined, options?: Tuples]
  : [reducer: Reducer<R, A> | undefined, options: Objects];

/** `useSync` for the channels of a shared type, which then says what each channel's records and actions are: `const useBoard = syncHook<BoardChannels>()`. */
export function syncHook<C extends SharedChannels<keyof C>>() {
  type Hook = <Name extends keyof C & string>(channel: Name, socket: SocketOrProvided, ...rest: Rest<C[Name][0], C[Name][1]>) => Synced<C[Name][0], C[Name][1]>;
  return useSync as Hook; // the same function, of which more is known
}

/** The same, but it suspends until there is something to show: records, or a reason why there are none. For the browser only. */
export const useSyncSuspense: typeof useSync = <R extends object, A extends SyncAction>(
  channel: string,
  socket: SocketOrProvided,
  reducer?: Reducer<R, A>,
  options: SyncOptions = {},
): Synced<R, A> => {
  const { store } = useLine(socket);
  const waiting = options.initial ? null : store.ready(channel);
  if (waiting) use(waiting);
  return useSync(channel, socket, reducer, options as Objects);
};

/** One record by its key (a cell, or its cells in key order). Renders again only if that record changes; undefined if there is none. */
export function useRecord<R extends object, A extends SyncAction = SyncAction>(
  channel: string,
  socket: SocketOrProvided,
  key: Cell | readonly Cell[],
  reducer?: Reducer<R, A>,
  options: SyncOptions = {},
): R | undefined {
  const { subscribe, view } = useSharedView(channel, socket, reducer, options);
  const find = () => view.find(key);
  return useSyncExternalStore(subscribe, find, find);
}

/** What `select` makes of the records. Renders again only if that changes by `isEqual`. */
export function useSelect<T, R extends object, A extends SyncAction = SyncAction>(
  channel: string,
  socket: SocketOrProvided,
  select: (records: readonly R[]) => T,
  reducer?: Reducer<R, A>,
  options: SyncOptions & { isEqual?: (a: T, b: T) => boolean } = {},
): T {
  const { subscribe, view } = useSharedView(channel, socket, reducer, options);
  const [last] = useState<{ made: { records: readonly R[]; select: unknown; value: T } | null }>({ made: null });
  const getSelection = () => {
    const { records } = view.getSnapshot();
    if (last.made?.records === records && last.made.select === select) return last.made.value;
    const value = select(records);
    const isSame = last.made && (options.isEqual ?? Object.is)(last.made.value, value);
    last.made = { records, select, value: last.made && isSame ? last.made.value : value };
    return last.made.value;
  };
  return useSyncExternalStore(subscribe, getSelection, getSelection);
}

/** How a channel stands. Renders again only if that changes. */
export function useSyncStatus(channel: string, socket: SocketOrProvided = null): SyncStatus {
  const { subscribe, view } = useSharedView(channel, socket, undefined, {});
  const getStatus = () => view.getSnapshot().status;
  return useSyncExternalStore(subscribe, getStatus, getStatus);
}

function useLine(socket: SocketOrProvided): { store: Store; target: SyncSocket } {
  const provided = useContext(Context);
  const target = socket ?? provided?.socket;
  if (!target) throw new Error("durasync: no socket, and no SyncProvider.");
  const { user, cache, app } = provided ?? {};
  const store = useMemo(() => storeOf(target, { user, cache, app }), [target, user, cache, app]);
  return { store, target };
}

function useSharedView<R extends object, A>(
  channel: string,
  socket: SocketOrProvided,
  reducer: Reducer<R, A> | undefined,
  { as = "tuples", initial }: SyncOptions,
) {
  const { store, target } = useLine(socket);
  const view = useMemo(() => {
    if (initial) store.hydrate(channel, initial);
    return sharedView(store, channel, reducer, as);
  }, [store, channel, reducer, as]);
  return { view, subscribe: useSubscribe(store, target, view) };
}

function useSubscribe(store: Store, target: SyncSocket, view: { subscribe(listener: () => void): () => void }) {
  return useCallback(
    (listener: () => void) => {
      const release = store.use(target);
      const end = view.subscribe(listener);
      return () => {
        end();
        release();
      };
    },
    [store, target, view],
  );
}

const sharedViews = new WeakMap<Store, WeakMap<object, Map<string, unknown>>>();

/** One view for all components that watch a channel by the same reducer, so that a list of many rows replays an action once. */
function sharedView<R extends object, A>(store: Store, channel: string, reducer: Reducer<R, A> | undefined, as: RecordForm): View<R, A> {
  const ofStore = getOrMake(sharedViews, store, () => new WeakMap<object, Map<string, unknown>>());
  const ofReducer = getOrMake(ofStore, reducer ?? store, () => new Map<string, unknown>());
  return getOrMake(ofReducer, `${as} ${channel}`, () => new View<R, A>(store, channel, reducer, as)) as View<R, A>;
}
