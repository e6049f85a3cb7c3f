// SPDX-License-Identifier: MIT
import type { Channel, Progress } from "./channel.ts";
import { SyncError } from "./errors.ts";

/**
 * How a channel stands: "connecting" before the first connection, "syncing" while records are still to come, "live" in step, "offline" with
 * the line down; "needs-update" if the page is too old or too new for the object, "denied" if it is not let in, "failed" if anything else
 * is wrong (see `error` for all three).
 */
export type SyncState = "connecting" | "syncing" | "live" | "offline" | "needs-update" | "denied" | "failed";

export type SyncStatus = {
  readonly state: SyncState;
  /** Actions sent to the channel whose effects are not among its records yet. */
  readonly pending: number;
  /** "persistent" if records and unsent actions outlive the page, "memory" if the browser has no place for them, or refused one. */
  readonly storage: "persistent" | "memory";
  /** The version that the records last changed at, or came into step; undefined before there are any. */
  readonly version?: number | undefined;
  /** While a snapshot comes whose size is known. */
  readonly progress?: Progress | undefined;
  readonly error?: SyncError | undefined;
};

/** What a status depends on besides its channel. */
export type Circumstances = {
  pending: number;
  storage: SyncStatus["storage"];
  session: {
    readonly open: boolean;
    /** There was a connection, or a try at one. */
    readonly dialled: boolean;
    readonly failure: SyncError | null;
  };
};

const NEEDS_UPDATE: ReadonlySet<string> = new Set(["unsupported_protocol", "app_too_old", "app_too_new"]);

/** Close codes after which dialling again would only be turned away again: "policy violation", and 4400 to 4499 by convention. */
export function isTerminal(code: number | undefined): code is number {
  return code === 1008 || (code !== undefined && code >= 4400 && code <= 4499);
}

/** What a terminal close code says; a reason that is an error code says it better. */
export function errorOfClose(code: number, reason: string | undefined): SyncError {
  if (reason && /^[a-z_]+$/.test(reason)) return new SyncError(reason);
  if (code === 4426) return new SyncError("app_too_old", reason);
  const denied = code === 1008 || code === 4401 || code === 4403;
  return new SyncError(denied ? "forbidden" : "internal", reason || "The object closed the connection.");
}

/** The status; `last` again if it says the same. */
export function statusOf(last: SyncStatus, channel: Channel, hasNewRecords: boolean, around: Circumstances): SyncStatus {
  const { pending, storage, session } = around;
  const error = session.failure ?? channel.error ?? undefined;
  const state = error ? stateOfError(error) : stateOf(channel, session);
  const progress = sameProgress(last.progress, channel.progress);
  const moved = hasNewRecords || state !== last.state || last.version === undefined;
  const version = moved ? channel.cursor?.version : last.version;
  const status: SyncStatus = { state, pending, storage, version, progress, error };
  const names = Object.keys(status) as (keyof SyncStatus)[];
  return names.every((name) => last[name] === status[name]) ? last : status;
}

function stateOfError({ code }: SyncError): SyncState {
  if (NEEDS_UPDATE.has(code)) return "needs-update";
  return code === "forbidden" ? "denied" : "failed";
}

function stateOf(channel: Channel, { open, dialled }: Circumstances["session"]): SyncState {
  if (open) return channel.phase === "live" ? "live" : "syncing";
  return dialled || globalThis.navigator?.onLine === false ? "offline" : "connecting";
}

function sameProgress(last: Progress | undefined, now: Progress | undefined): Progress | undefined {
  return last && now && last.loaded === now.loaded && last.total === now.total ? last : now;
}
