// SPDX-License-Identifier: MIT
// The Durable Object class: it forwards what the platform says to the core, and does what the core's deliveries say. It decides nothing.
import { DurableObject } from "cloudflare:workers";
import { Core, type Delivery, type Frame } from "./core.ts";
import { addCost, noCost, type Cost } from "./cost.ts";
import { SocketTable } from "./socket-table.ts";

/**
 * A Durable Object whose channels clients can follow. A subclass names the module that its app was compiled to:
 *
 *     import core from "./todo.wasm";
 *     export class Todos extends SyncObject<Env> {
 *       static override readonly core = core;
 *     }
 *
 * Code of the subclass may write to `ctx.storage.sql` wherever it likes (`fetch`, `alarm`, RPC methods), and calls `flush()` afterwards: subscribers
 * get what it changed.
 */
export class SyncObject<Env = unknown> extends DurableObject<Env> {
  /** The app's module. */
  static readonly core: WebAssembly.Module;

  readonly #sockets: SocketTable;
  #core: Core;
  #waiting: Frame[] = [];
  readonly #total = noCost();

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sockets = new SocketTable(ctx);
    this.#core = this.#newCore();
    // Answered by the platform, without waking the object.
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
  }

  override async fetch(request: Request): Promise<Response> {
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
      return new Response("This is a durasync object: connect by WebSocket.\n", { status: 426, headers: { upgrade: "websocket" } });
    }
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void {
    // The frames that arrive together are handled together: the turn comes after the events that wait already.
    if (this.#waiting.length === 0) setTimeout(() => this.#waiting.length > 0 && this.flush(), 0);
    this.#waiting.push({ socket: this.#sockets.number(socket), message });
  }

  override webSocketClose(socket: WebSocket): void {
    if (this.#waiting.length > 0) this.flush(); // what it sent before it closed comes first
    this.#core.close(this.#sockets.number(socket));
    this.#sockets.remove(socket);
  }

  override webSocketError(socket: WebSocket): void {
    this.webSocketClose(socket);
  }

  override alarm(): void | Promise<void> {
    this.flush();
  }

  /** Handles the frames that wait, and sends subscribers what has changed in their channels since the last time, whoever changed it. */
  flush(): void {
    const frames = this.#waiting;
    this.#waiting = [];
    this.#run(frames);
  }

  /** What the object has cost since it woke, its waking included. */
  stats(): Cost {
    return { ...this.#total };
  }

  /** Called after each turn with what it cost: override it to report somewhere. Must not throw. */
  protected onTurn(_cost: Cost): void {}

  /**
   * Begins a new epoch and closes every socket: clients come back, fetch anew, and send again what was not settled. Call it when the storage is not what it was: after
   * a restore from a backup. `restoreObject` does it for you.
   */
  renewEpoch(): void {
    for (const delivery of this.#core.renew()) this.#deliver(delivery);
  }

  /** Empties the object: every table, the alarm, its history. Migrations run again, clients fetch anew. */
  async reset(): Promise<void> {
    await this.ctx.storage.deleteAll();
    this.#core = this.#newCore();
    this.renewEpoch();
  }

  /** Takes the object back to a bookmark. It breaks off at once, and wakes on the old storage; `restoreObject` does what is left to be done then. */
  async restoreBookmark(bookmark: string): Promise<void> {
    await this.ctx.storage.onNextSessionRestoreBookmark(bookmark);
    this.ctx.abort("restored to a bookmark");
  }

  #newCore(): Core {
    const core = new Core((this.constructor as typeof SyncObject).core, this.ctx.storage, this.#sockets);
    addCost(this.#total, { ...noCost(), rowsRead: core.rows.read, rowsWritten: core.rows.written });
    return core;
  }

  #account(frames: readonly Frame[], deliveries: readonly Delivery[], before: { read: number; written: number }): void {
    const cost = noCost();
    cost.turns = 1;
    cost.framesIn = frames.length;
    for (const { message } of frames) cost.unitsIn += typeof message === "string" ? message.length : message.byteLength;
    for (const { kind, sockets, text } of deliveries) {
      if (kind !== "send") continue;
      cost.framesOut += sockets.length;
      cost.unitsOut += sockets.length * text.length;
    }
    cost.rowsRead = this.#core.rows.read - before.read;
    cost.rowsWritten = this.#core.rows.written - before.written;
    addCost(this.#total, cost);
    this.onTurn(cost);
  }

  // A turn that breaks its instance is undone. Its frames are tried again one by one on a new instance, to find the one that did it; that one is then
  // handed over as poisoned, so that it gets its answer and cannot do it again.
  #run(frames: readonly Frame[]): void {
    let deliveries: Delivery[];
    const before = this.#core.rows;
    try {
      deliveries = this.#core.turn(frames);
    } catch (error) {
      console.error("durasync: an instance broke down and is replaced", error);
      const committed = this.#core.committed;
      this.#core = this.#newCore();
      const [first] = frames;
      if (committed || !first || first.poisoned) this.#sockets.closeAll();
      else for (const frame of frames) this.#run([frames.length === 1 ? { ...frame, poisoned: true } : frame]);
      return;
    }
    for (const delivery of deliveries) this.#deliver(delivery);
    this.#account(frames, deliveries, before);
  }

  #deliver({ kind, sockets, text, code }: Delivery): void {
    for (const socket of sockets) {
      if (kind === "send") this.#sockets.send(socket, text);
      else if (kind === "attach") this.#sockets.attach(socket, text);
      else this.#sockets.close(socket, code, text);
    }
  }
}
