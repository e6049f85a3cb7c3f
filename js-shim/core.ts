// SPDX-License-Identifier: MIT
// One instance of the module, and a turn of it: frames in, deliveries out. src/core.h says what the exports do.
import type { Cost } from "./cost.ts";
import { encoder, Host, utf8Size, type Guest, type Script, type Sockets, type Storage, type Surroundings } from "./host.ts";
import * as limits from "../wasm/build/limits.ts";
import type { ErrorCode } from "../wasm/build/protocol.ts";

/**
 * A message of a socket, or a frame of the core's own that comes as one. `size` is in bytes of UTF-8; a `huge` one has come without its text, since it is
 * larger than a frame may be. `tried` says that an instance broke down with it alone, `poisoned` that a second one did.
 */
export interface Frame {
  readonly socket: number;
  readonly message: string | ArrayBuffer;
  readonly size?: number;
  readonly huge?: boolean;
  readonly own?: boolean;
  readonly tried?: boolean;
  readonly poisoned?: boolean;
}

/**
 * What is to be done after the commit: `send` the text to the sockets, `attach` it to them, `close` them with `code` and the text as the reason, have frame
 * number `code` of the turn `wait` and come again: when what the text names is there, or with the frame before it of its socket if the text is empty; or have the
 * text come as a frame of the core's own, with the next turn and before whatever its socket sends: an answer goes on `again`.
 */
export interface Delivery {
  readonly kind: "send" | "attach" | "close" | "wait" | "again";
  readonly sockets: readonly number[];
  readonly text: string;
  readonly code: number;
}

// ds_delivery_kind
const kinds = ["send", "attach", "close", "wait", "again"] as const;

// ds_event
const events = ["start", "alarm", "connect", "close", "request"] as const;
export type AppEvent = (typeof events)[number];

/** What became of an event. */
export type EventOutcome =
  | { readonly status: "committed"; readonly result?: unknown }
  | { readonly status: "rejected"; readonly code: ErrorCode; readonly message: string; readonly data?: unknown };

interface Exports extends Guest {
  _initialize(): void;
  core_new(): number;
  core_start(core: number): number;
  core_migrate(core: number): number;
  core_apart(core: number, whole: number): number;
  core_reshaped(core: number): number;
  core_swollen(core: number): number;
  core_current(core: number): number;
  core_event(core: number, event: number, at: number, size: number, socket: number): number;
  core_admit(core: number, at: number, size: number): number;
  core_handles(core: number, event: number): number;
  core_broadcast(core: number, channel: number, channelSize: number, at: number, size: number): number;
  core_buffer(core: number, size: number): number;
  core_receive(core: number, socket: number, kind: number, at: number, size: number): void;
  core_turn(core: number): number;
  core_renew(core: number): number;
  core_end(core: number): void;
  core_close(core: number, socket: number): void;
}

// ds_frame_kind
const TEXT = 0;
const BINARY = 1;
const POISONED = 2;
const HUGE = 3;
const OWN = 4;

/** The bytes of a message, in UTF-8 if it is a text. One with more units than a frame may have bytes is not looked at further. */
export function sizeOf(message: string | ArrayBuffer): number {
  if (typeof message !== "string") return message.byteLength;
  return message.length > limits.maxFrame ? message.length : utf8Size(message);
}

/** The storage has refused a new epoch: nothing has changed, and the instance is as good as before. */
export class RenewalRefused extends Error {}

export class Core {
  readonly #host: Host;
  readonly #exports: Exports;
  readonly #core: number;

  /** Whether the object can work; if not, every frame is answered by `unavailable`. */
  ready = false;

  /** Whether the last turn was undone. */
  failed = false;

  /** Instantiates the module. Throws if it traps; so does everything else. */
  constructor(module: WebAssembly.Module, storage: Storage, sockets: Sockets, surroundings?: Surroundings, script?: Script) {
    this.#host = new Host(storage, sockets, () => this.#exports, surroundings, script);
    // The one place where the module's type is asserted: wasm/exports.c is what stands behind it, and a test compares the two.
    this.#exports = new WebAssembly.Instance(module, this.#host.imports).exports as unknown as Exports;
    this.#exports._initialize();
    this.#core = this.#exports.core_new();
  }

  /** Brings storage up to date, and returns itself: see `ready`. */
  start(): this {
    this.ready = this.#exports.core_start(this.#core) === 1;
    this.#host.end();
    return this;
  }

  /** Whether the start has given a channel another shape than it had. */
  get reshaped(): boolean {
    return this.#exports.core_reshaped(this.#core) === 1;
  }

  /** Whether the instance keeps much memory of a turn that is long over. Its memory cannot shrink: a new instance begins small. */
  get swollen(): boolean {
    return this.#exports.core_swollen(this.#core) === 1;
  }

  /** Whether the channels' tables are what they were at the start. If not, another instance is to be started. */
  isCurrent(): boolean {
    const current = this.#exports.core_current(this.#core) === 1;
    this.#end();
    return current;
  }

  /** The part of a start before the app's own code: the bookkeeping and the migrations. False if it failed. */
  migrate(): boolean {
    const done = this.#exports.core_migrate(this.#core) === 1;
    this.#host.end();
    return done;
  }

  /**
   * Does what a start, or a `migrate`, that failed has found to be done in commits of its own. "commit": commit what has been written, and call it again; "start": start again;
   * "nothing": what was answered stands. `whole` says that the host runs no code between the migrations and the start.
   */
  apart(whole: boolean): "nothing" | "commit" | "start" {
    const left = this.#exports.core_apart(this.#core, whole ? 1 : 0);
    this.#host.end();
    return (["nothing", "commit", "start"] as const)[left] ?? "nothing";
  }

  /** True if the turn that has just thrown had been committed: its changes are there, its deliveries are lost. */
  get committed(): boolean {
    return this.#host.committed;
  }

  /** Rows that the core's statements have read and written since the instance was made. */
  get rows(): Pick<Cost, "rowsRead" | "rowsWritten"> {
    return { ...this.#host.rows };
  }

  /** Runs one turn. If it throws, the instance is broken: throw it away. */
  turn(frames: readonly Frame[]): Delivery[] {
    for (const frame of frames) this.#receive(frame);
    const deliveries = this.#turn();
    this.failed = this.ready && !this.#host.committed;
    return this.#take(deliveries);
  }

  #turn(): number {
    this.#host.turning = true;
    try {
      return this.#exports.core_turn(this.#core);
    } finally {
      this.#host.turning = false;
    }
  }

  /** Begins a new epoch: for storage that was brought back from a backup. Throws a RenewalRefused if the storage does. */
  renew(): Delivery[] {
    const deliveries = this.#exports.core_renew(this.#core);
    if (deliveries) return this.#take(deliveries);
    this.#end();
    throw new RenewalRefused("The epoch could not be renewed: the log says why.");
  }

  /** Whether the app handles the event. */
  handles(event: AppEvent): boolean {
    return this.#exports.core_handles(this.#core, events.indexOf(event)) === 1;
  }

  /** Has the app handle an event in a transaction of its own. `payload` is JSON's; `socket` is the one that it is about, if any. What it changed goes out with the next turn. */
  event(event: AppEvent, payload: unknown = null, socket = -1): EventOutcome {
    const [at, size] = this.#write(JSON.stringify(payload));
    return this.#outcome(this.#exports.core_event(this.#core, events.indexOf(event), at, size, socket));
  }

  /** Judges an identity, as JSON, by the rules that it is read back by. The result is the text to attach to a socket that is let in so. */
  admit(identity: string): EventOutcome {
    return this.#outcome(this.#exports.core_admit(this.#core, ...this.#write(identity)));
  }

  #outcome(at: number): EventOutcome {
    const [text = 0, length = 0] = this.#host.words(at, 2);
    // The core writes its outcomes by docs/PROTOCOL.md.
    const outcome = JSON.parse(this.#host.read(text, length)) as EventOutcome;
    this.#end();
    return outcome;
  }

  /** Sends an event of the app's own to the channel's subscribers. */
  broadcast(channel: string, json: string): Delivery[] {
    const name = this.#write(channel);
    return this.#take(this.#exports.core_broadcast(this.#core, ...name, ...this.#write(json)));
  }

  /** The socket is gone. */
  close(socket: number): void {
    this.#exports.core_close(this.#core, socket);
  }

  #receive({ socket, message, size, huge: large, own, poisoned }: Frame): void {
    const text = typeof message === "string";
    const huge = large ?? (!own && (size ?? sizeOf(message)) > limits.maxFrame);
    const kind = huge ? HUGE : !text ? BINARY : poisoned ? POISONED : own ? OWN : TEXT;
    this.#exports.core_receive(this.#core, socket, kind, ...this.#write(text && !huge ? message : ""));
  }

  // Puts a text into the turn's arena: its address and size.
  #write(text: string): [at: number, size: number] {
    const bytes = encoder.encode(text);
    const at = this.#exports.core_buffer(this.#core, bytes.length);
    this.#host.bytes(at, bytes.length).set(bytes);
    return [at, bytes.length];
  }

  // Copies the deliveries out of memory and ends the turn.
  #take(at: number): Delivery[] {
    const deliveries = this.#deliveries(at);
    this.#end();
    return deliveries;
  }

  #end(): void {
    this.#exports.core_end(this.#core);
    this.#host.end();
  }

  // ds_deliveries: count, items; ds_delivery: kind, socket_count, sockets, piece_count, pieces, code.
  #deliveries(at: number): Delivery[] {
    const [count = 0, items = 0] = this.#host.words(at, 2);
    const words = this.#host.words(items, 6 * count);
    const deliveries: Delivery[] = [];
    for (let i = 0; i < words.length; i += 6) {
      const [kind = 0, socketCount = 0, sockets = 0, pieceCount = 0, pieces = 0, code = 0] = words.subarray(i, i + 6);
      deliveries.push({ kind: kinds[kind] ?? "send", sockets: Array.from(this.#host.words(sockets, socketCount)), text: this.#join(pieces, pieceCount), code });
    }
    return deliveries;
  }

  // ds_piece: a handle, or -1 and a view. The text is a copy: memory may change before the socket has sent it.
  #join(at: number, count: number): string {
    const words = this.#host.words(at, 3 * count);
    let text = "";
    for (let i = 0; i < words.length; i += 3) {
      const [handle = 0, bytes = 0, size = 0] = words.subarray(i, i + 3);
      text += handle < 0 ? this.#host.read(bytes, size) : this.#host.text(handle);
    }
    return text;
  }
}
