// SPDX-License-Identifier: MIT
// One instance of the module, and a turn of it: frames in, deliveries out. src/core.h says what the exports do.
import { Host, type Guest, type Sockets, type Storage, type Surroundings } from "./host.ts";
import { limits } from "../wasm/build/protocol.ts";

/** A message of a socket; `poisoned` once it has brought an instance down. */
export interface Frame {
  readonly socket: number;
  readonly message: string | ArrayBuffer;
  readonly poisoned?: boolean;
}

/** What is to be done after the commit: `send` the text to the sockets, `attach` it to them, or `close` them with `code` and the text as the reason. */
export interface Delivery {
  readonly kind: "send" | "attach" | "close";
  readonly sockets: readonly number[];
  readonly text: string;
  readonly code: number;
}

// ds_delivery_kind
const kinds = ["send", "attach", "close"] as const;

interface Exports extends Guest {
  _initialize(): void;
  core_new(): number;
  core_start(core: number): number;
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

const encoder = new TextEncoder();
const nothing = new Uint8Array(0);

export class Core {
  readonly #host: Host;
  readonly #exports: Exports;
  readonly #core: number;

  /** Whether the object can work; if not, every frame is answered by `unavailable`. */
  readonly ready: boolean;

  /** Instantiates the module and brings storage up to date. Throws if the module traps. */
  constructor(module: WebAssembly.Module, storage: Storage, sockets: Sockets, surroundings?: Surroundings) {
    this.#host = new Host(storage, sockets, surroundings);
    // The one place where the module's type is asserted: wasm/exports.c is what stands behind it, and a test compares the two.
    this.#exports = new WebAssembly.Instance(module, this.#host.imports).exports as unknown as Exports;
    this.#host.attach(this.#exports);
    this.#exports._initialize();
    this.#core = this.#exports.core_new();
    this.ready = this.#exports.core_start(this.#core) === 1;
    this.#host.end();
  }

  /** True if the turn that has just thrown had been committed: its changes are there, its deliveries are lost. */
  get committed(): boolean {
    return this.#host.committed;
  }

  /** Rows that the core's statements have read and written since the instance was made. */
  get rows(): { read: number; written: number } {
    return { read: this.#host.rowsRead, written: this.#host.rowsWritten };
  }

  /** Runs one turn. If it throws, the instance is broken: throw it away. */
  turn(frames: readonly Frame[]): Delivery[] {
    for (const frame of frames) this.#receive(frame);
    return this.#take(this.#exports.core_turn(this.#core));
  }

  /** Begins a new epoch: for storage that was brought back from a backup. */
  renew(): Delivery[] {
    return this.#take(this.#exports.core_renew(this.#core));
  }

  /** The socket is gone. */
  close(socket: number): void {
    this.#exports.core_close(this.#core, socket);
  }

  #receive({ socket, message, poisoned }: Frame): void {
    const text = typeof message === "string";
    const huge = (text ? message.length : message.byteLength) > limits.maxFrame;
    const bytes = text && !huge ? encoder.encode(message) : nothing;
    const at = this.#exports.core_buffer(this.#core, bytes.length);
    this.#host.bytes(at, bytes.length).set(bytes);
    this.#exports.core_receive(this.#core, socket, huge ? HUGE : !text ? BINARY : poisoned ? POISONED : TEXT, at, bytes.length);
  }

  // Copies the deliveries out of memory and ends the turn.
  #take(at: number): Delivery[] {
    const deliveries = this.#deliveries(at);
    this.#exports.core_end(this.#core);
    this.#host.end();
    return deliveries;
  }

  #words(at: number, count: number): Uint32Array {
    return new Uint32Array(this.#host.bytes(at, 4 * count).slice().buffer);
  }

  // ds_deliveries: count, items; ds_delivery: kind, socket_count, sockets, piece_count, pieces, code.
  #deliveries(at: number): Delivery[] {
    const [count = 0, items = 0] = this.#words(at, 2);
    return Array.from({ length: count }, (_, i) => {
      const [kind = 0, socketCount = 0, sockets = 0, pieceCount = 0, pieces = 0, code = 0] = this.#words(items + 24 * i, 6);
      return { kind: kinds[kind] ?? "send", sockets: [...this.#words(sockets, socketCount)], text: this.#join(pieces, pieceCount), code };
    });
  }

  // ds_piece: a handle, or -1 and a view. The text is a copy: memory may change before the socket has sent it.
  #join(at: number, count: number): string {
    const words = new Int32Array(this.#words(at, 3 * count).buffer);
    let text = "";
    for (let i = 0; i < words.length; i += 3) {
      const [handle = 0, bytes = 0, size = 0] = words.subarray(i);
      text += handle < 0 ? this.#host.read(bytes, size) : this.#host.text(handle);
    }
    return text;
  }
}
