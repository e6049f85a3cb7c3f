// SPDX-License-Identifier: MIT
import { useLayoutEffect, useMemo, useSyncExternalStore } from "react";
import type { SyncSocket } from "./connection.ts";
import type { Receipt, SyncAction } from "./outbox.ts";
import { storeOf, type SyncStatus } from "./store.ts";
import { View, type Reducer } from "./view.ts";

/** Sends an action to the channel; the same function as long as socket and channel are. */
export type Send<A> = (action: A) => Receipt;

/**
 * Keeps a component in step with a channel of the object behind `socket` (a PartySocket; see usePartySocket). Returns
 *  - the records as tuples in column order, in key order; the same array, and the same tuples, as long as they do not change,
 *  - `send`, whose receipt resolves when the action's effects are among the records and rejects with a SyncError,
 *  - how the channel stands.
 * `reducer` shows an action's effect before the object has answered; `isPending` tells the records that it made from the object's own.
 */
export function useSync<R extends readonly unknown[], A extends SyncAction>(
  channel: string,
  socket: SyncSocket,
  reducer?: Reducer<R, A>,
): [records: R[], send: Send<A>, status: SyncStatus] {
  const { view, send } = useMemo(() => {
    const store = storeOf(socket);
    const send: Send<A> = (action) => store.send(channel, action);
    return { view: new View<R, A>(store, channel, reducer), send };
    // A reducer written in place is a new one with each render: the effect below hands it on without a new view.
  }, [socket, channel]);
  useLayoutEffect(() => {
    view.reducer = reducer;
  });
  const { records, status } = useSyncExternalStore(view.subscribe, view.getSnapshot, view.getSnapshot);
  return [records, send, status];
}
