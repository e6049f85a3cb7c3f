// SPDX-License-Identifier: MIT
import * as limits from "../wasm/build/limits.ts";
import type { StoredAction } from "./cache.ts";
import { SyncError } from "./errors.ts";
import { encodeJson } from "./frames.ts";
import { frozen } from "./frozen.ts";
import { Progression, type SendOptions } from "./receipt.ts";

/** An action: what to do and with what. The payload is any JSON value; what JSON makes of another, at `send`, is all that there is of it. */
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
  /**
   * What the cache knows of it: nothing, that it exists, that it may be tried. Only the last may be sent, and what is in "memory" since
   * there is no cache.
   */
  kept: "not" | "saved" | "tried" | "memory";
  /** Settled before this socket: its effects, if any, are in what the subscription brings, though its outcome is still to come. */
  overtaken: boolean;
  /** Parts of `LINGER` that it has waited with nobody there. */
  waited: number;
  /** Its author was told that it is left behind. */
  left: boolean;
  /** The action as it stands in a frame, but for its number, and the bytes it takes there. Every copy is made of this text. */
  readonly body: string;
  readonly size: number;
  readonly progression: Progression;
};

/** Bytes of an actions frame around its actions, and of one action around its body; both with room to spare. */
export const ENVELOPE_SIZE = 128;
const NUMBER_SIZE = 40;

/** Levels of a frame above an action: the frame, its list of actions. */
const LEVELS_ABOVE_ACTION = 2;

const utf8 = new TextEncoder();

/** An action that nothing is known of yet, or a SyncError is thrown: it can never be sent (too large, too deep, no JSON). */
export function newPending(channel: string, said: SyncAction, onStage?: SendOptions["onStage"]): Pending {
  const body = bodyOf(channel, said);
  const size = utf8.encode(body).length + NUMBER_SIZE;
  if (size + ENVELOPE_SIZE > limits.maxFrame) throw new SyncError("frame_too_large", `The action takes ${size} bytes.`);
  const action = frozen(copyOf({ body }));
  const progression = new Progression(onStage);
  const state = { number: 0, order: 0, sent: false, tried: false, overtaken: false, waited: 0, left: false, kept: "not" as const };
  return { channel, action, body, size, progression, ...state };
}

/** The action once more: a reducer may have changed the one that is shown. */
export function copyOf({ body }: Pick<Pending, "body">): SyncAction {
  return actionOf(JSON.parse(`{${body}`));
}

/** An action as the cache keeps it. */
export function storedAction(client: string, pending: Pending, tried: boolean): StoredAction {
  const { type, payload } = copyOf(pending);
  return { client, order: pending.order, number: pending.number, channel: pending.channel, type, payload, tried };
}

/** The action as it was before it was stored. */
export function actionOf({ type, payload }: Pick<StoredAction, "type" | "payload">): SyncAction {
  return { type, payload };
}

function bodyOf(channel: unknown, action: SyncAction): string {
  try {
    const { type, payload } = action;
    if (typeof channel !== "string" || typeof type !== "string") throw new TypeError("A channel and a type are texts.");
    const text = encodeJson({ channel, type, payload });
    if (depthOf(text) > limits.maxDepth - LEVELS_ABOVE_ACTION) throw new TypeError("The payload is nested too deeply.");
    return text.slice(1);
  } catch (error) {
    throw new SyncError("invalid_payload", String(error));
  }
}

/** How many arrays and objects of a JSON text stand in one another. Throws at a number that JSON.rawJSON has written and a copy would round. */
function depthOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  // A text is matched so that it is passed over as a whole.
  for (const [part] of json.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{}]|-?\d[^,\]}]*/g)) {
    if (part === "[" || part === "{") deepest = Math.max(deepest, ++depth);
    else if (part === "]" || part === "}") depth--;
    else if (part[0] !== '"' && String(Number(part)) !== part) throw new TypeError(`The number ${part} would be rounded.`);
  }
  return deepest;
}
