// SPDX-License-Identifier: MIT
import { limits } from "../wasm/build/protocol.ts";
import { SyncError } from "./errors.ts";
import { encodeJson, type Outcome } from "./frames.ts";

/** An action: what to do and with what. The payload is any JSON value. */
export type SyncAction = { type: string; payload?: unknown };

/** What an action came to: the handler's result, if it gave one. */
export type Settled = { result: unknown };

/**
 * Resolves once the action is committed and its effects are among the records; rejects with a SyncError. It waits as long as it takes: an
 * action that could not be sent yet is sent on the next connection. Not awaiting it is harmless.
 */
export type Receipt = Promise<Settled>;

/** An action whose outcome is not known, or whose effects are not among the records yet. */
export type Pending = {
  readonly channel: string;
  readonly action: SyncAction;
  /** Counts from 1 for each client id, without holes. */
  number: number;
  /** Its place among all actions of this outbox, under whatever id. */
  readonly order: number;
  /** On this socket. */
  sent: boolean;
  /** Settled before this socket: its effects, if any, are in what the subscription brings, though its outcome is still to come. */
  overtaken: boolean;
  /** The action as it stands in a frame, but for its number, and the bytes it takes there. */
  readonly body: string;
  readonly size: number;
  readonly receipt: Receipt;
  readonly resolve: (settled: Settled) => void;
  readonly reject: (error: SyncError) => void;
};

/** Unsettled actions held at most; beyond it, one that nobody can send yet is refused rather than kept at the cost of the page's memory. */
export const MAX_UNSETTLED = 10_000;

/** Bytes of an actions frame around its actions, and of one action around its body; both with room to spare. */
const ENVELOPE_SIZE = 128;
const NUMBER_SIZE = 40;

/** Levels of a frame above a payload: the frame, its list of actions, the action. */
const LEVELS_ABOVE_PAYLOAD = 3;

const utf8 = new TextEncoder();

/**
 * The actions of one client that are not settled, in memory: numbered, and handed out again until their outcome is known. Callers see only
 * these methods, so that actions can be kept in storage without their noticing.
 */
export class Outbox {
  #client = newClientId();
  #last = 0;
  #added = 0;
  #told = 0;
  #unsettled = new Map<number, Pending>();

  /** The id under which the object counts these actions. */
  get client(): string {
    return this.#client;
  }

  /** The highest number whose outcome, and those of all before it, are known. */
  get acknowledged(): number {
    const [oldest] = this.#unsettled.keys();
    return oldest === undefined ? this.#last : oldest - 1;
  }

  /** True if more is acknowledged than the last frame said. */
  get hasNews(): boolean {
    return this.acknowledged > this.#told;
  }

  /** Actions without an outcome, oldest first. */
  unsettled(): IterableIterator<Pending> {
    return this.#unsettled.values();
  }

  /** Takes an action in, or throws a SyncError: it can never be sent (too large, too deep, no JSON), or the outbox is full. */
  add(channel: string, action: SyncAction): Pending {
    const body = encodeAction(channel, action);
    const size = utf8.encode(body).length + NUMBER_SIZE;
    if (size + ENVELOPE_SIZE > limits.maxFrame) throw new SyncError("frame_too_large", `The action takes ${size} bytes.`);
    if (this.#unsettled.size >= MAX_UNSETTLED) throw new SyncError("outbox_full", `${MAX_UNSETTLED} actions wait for the object.`);
    const place = { number: ++this.#last, order: ++this.#added, sent: false, overtaken: false };
    const pending: Pending = { channel, action, ...place, body, size, ...newReceipt() };
    this.#unsettled.set(pending.number, pending);
    return pending;
  }

  /** The action that this outcome settles; null if it was settled before (an outcome may be repeated). */
  settle(outcome: Outcome): Pending | null {
    const pending = this.#unsettled.get(outcome.number) ?? null;
    this.#unsettled.delete(outcome.number);
    return pending;
  }

  /** Everything is to be sent again: on a new socket, or since the object would not have it. */
  unsend(): void {
    this.resendFrom(1);
  }

  /** Actions from this number on are to be sent again. */
  resendFrom(number: number): void {
    for (const pending of this.#unsettled.values()) if (pending.number >= number) pending.sent = false;
  }

  /** The object has settled everything up to this number, in part before this socket. */
  overtake(settled: number): void {
    for (const pending of this.#unsettled.values()) if (pending.number <= settled) pending.overtaken = true;
  }

  /**
   * Starts over as a new client, for an object that has forgotten this one (restored from a backup, say) and so expects numbers that are
   * long gone. Nothing can run twice by this: what is unsettled here was numbered after what the object has forgotten.
   */
  renew(): void {
    this.#client = newClientId();
    this.#last = 0;
    this.#told = 0;
    const all = [...this.#unsettled.values()];
    this.#unsettled.clear();
    for (const pending of all) {
      Object.assign(pending, { number: ++this.#last, sent: false, overtaken: false });
      this.#unsettled.set(pending.number, pending);
    }
  }

  /** The next actions frame, null if there is nothing to send now; the actions in it count as sent. */
  take(): string | null {
    const actions: string[] = [];
    let size = ENVELOPE_SIZE;
    let flying = 0;
    for (const pending of this.#unsettled.values()) {
      flying++;
      if (pending.sent) continue;
      // More than maxOutcomes in flight could make the object refuse to remember more outcomes.
      if (flying > limits.maxOutcomes || actions.length === limits.maxActions || size + pending.size > limits.maxFrame) break;
      size += pending.size;
      pending.sent = true;
      actions.push(`{"number":${pending.number},${pending.body}`);
    }
    if (actions.length === 0) return null;
    this.#told = this.acknowledged;
    return `{"type":"actions","acknowledged":${this.#told},"actions":[${actions.join(",")}]}`;
  }
}

function encodeAction(channel: string, action: SyncAction): string {
  const payload = encodePayload(action.payload);
  const head = `"channel":${encodeJson(channel)},"type":${encodeJson(action.type)}`;
  return payload === undefined ? `${head}}` : `${head},"payload":${payload}}`;
}

function encodePayload(payload: unknown): string | undefined {
  const text = jsonOf(payload);
  if (text !== undefined && depthOf(text) > limits.maxDepth - LEVELS_ABOVE_PAYLOAD) {
    throw new SyncError("invalid_payload", "The payload is nested too deeply.");
  }
  return text;
}

function jsonOf(payload: unknown): string | undefined {
  try {
    return encodeJson(payload);
  } catch (error) {
    throw new SyncError("invalid_payload", error instanceof Error ? error.message : undefined);
  }
}

/** How many arrays and objects of a JSON text stand in one another. */
function depthOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  let inText = false;
  for (let i = 0; i < json.length; i++) {
    const unit = json[i];
    if (unit === '"') inText = !inText;
    else if (inText) i += unit === "\\" ? 1 : 0;
    else if (unit === "[" || unit === "{") deepest = Math.max(deepest, ++depth);
    else if (unit === "]" || unit === "}") depth--;
  }
  return deepest;
}

function newReceipt(): Pick<Pending, "receipt" | "resolve" | "reject"> {
  const { promise, resolve, reject } = Promise.withResolvers<Settled>();
  promise.catch(() => {});
  return { receipt: promise, resolve, reject };
}

/** Not crypto.randomUUID, which a page served without TLS (a phone on the local network) does not have. */
function newClientId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
