// SPDX-License-Identifier: MIT
import * as limits from "../wasm/build/limits.ts";
import type { StoredAction } from "./cache.ts";
import { SyncError } from "./errors.ts";
import { encodeJson } from "./frames.ts";
import { Progression, type SendOptions } from "./receipt.ts";

/** An action: what to do and with what. The payload is any JSON value. */
export type SyncAction = { type: string; payload?: unknown };

/** An action that shows over the records. */
export type Optimistic = { readonly channel: string; readonly action: SyncAction };

/** An action whose outcome is not known, or whose effects are not among the records yet. */
export type Pending = Optimistic & {
  /** Counts from 1 for each client id, without holes. */
  number: number;
  /** Its place among all actions of this outbox, under whatever id. */
  order: number;
  /** On this socket. */
  sent: boolean;
  /** On some socket: it may have reached the object. */
  tried: boolean;
  /** What the cache knows of it: nothing, that it exists, that it may be tried. Only the last may be sent. */
  kept: "not" | "saved" | "tried";
  /** Settled before this socket: its effects, if any, are in what the subscription brings, though its outcome is still to come. */
  overtaken: boolean;
  /** The action as it stands in a frame, but for its number, and the bytes it takes there. */
  readonly body: string;
  readonly size: number;
  readonly progression: Progression;
};

/** Bytes of an actions frame around its actions, and of one action around its body; both with room to spare. */
export const ENVELOPE_SIZE = 128;
const NUMBER_SIZE = 40;

/** Levels of a frame above a payload: the frame, its list of actions, the action. */
const LEVELS_ABOVE_PAYLOAD = 3;

const utf8 = new TextEncoder();

/** An action that nothing is known of yet, or a SyncError is thrown: it can never be sent (too large, too deep, no JSON). */
export function newPending(channel: string, action: SyncAction, onStage?: SendOptions["onStage"]): Pending {
  const payload = encodePayload(action.payload);
  const head = `"channel":${encodeJson(channel)},"type":${encodeJson(action.type)}`;
  const body = payload === undefined ? `${head}}` : `${head},"payload":${payload}}`;
  const size = utf8.encode(body).length + NUMBER_SIZE;
  if (size + ENVELOPE_SIZE > limits.maxFrame) throw new SyncError("frame_too_large", `The action takes ${size} bytes.`);
  const progression = new Progression(onStage);
  return { channel, action, body, size, progression, number: 0, order: 0, sent: false, tried: false, overtaken: false, kept: "not" };
}

/** An action as the cache keeps it. */
export function storedAction(client: string, { order, number, channel, action }: Pending, tried: boolean): StoredAction {
  return { client, order, number, channel, type: action.type, payload: action.payload, tried };
}

/** The action as it was before it was stored. */
export function actionOf({ type, payload }: StoredAction): SyncAction {
  return { type, payload };
}

function encodePayload(payload: unknown): string | undefined {
  try {
    const text = encodeJson(payload);
    if (text === undefined || depthOf(text) <= limits.maxDepth - LEVELS_ABOVE_PAYLOAD) return text;
  } catch (error) {
    throw new SyncError("invalid_payload", String(error));
  }
  throw new SyncError("invalid_payload", "The payload is nested too deeply.");
}

/** How many arrays and objects of a JSON text stand in one another. */
function depthOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  // A text is matched so that it is passed over as a whole.
  for (const [part] of json.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{}]/g)) {
    if (part === "[" || part === "{") deepest = Math.max(deepest, ++depth);
    else if (part.length === 1) depth--;
  }
  return deepest;
}
