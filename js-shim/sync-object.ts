// SPDX-License-Identifier: MIT
import { DurableObject } from "cloudflare:workers";
import { attach, chosenProtocol, connectionsOf, refuseSocket, requestPayload, responseOf, type Connection, type Identity } from "./connection.ts";
import { Backlog, turnOf } from "./backlog.ts";
import { Core, RenewalRefused, sizeOf, type AppEvent, type Delivery, type EventOutcome, type Frame } from "./core.ts";
import { addCost, noCost, type Cost } from "./cost.ts";
import { Ending, NotAlone } from "./ending.ts";
import type { Script } from "./host.ts";
import { SyncError } from "./sync-error.ts";
import { OURS, SocketTable, UNASKED } from "./socket-table.ts";
import { Waits } from "./waits.ts";
import { Writes } from "./writes.ts";
import { maxFrame } from "../wasm/build/limits.ts";

// RFC 6455, section 7.4.1. The client's own code is not repeated: some stand for what no close frame can say.
const NORMAL_CLOSURE = 1000;

// Service restart (https://www.iana.org/assignments/websocket): clients come again.
const RESTART = 1012;

// Try again later: clients come back, more slowly.
const TRY_AGAIN = 1013;

/** Milliseconds after which an alarm is rung again that found an object which could not start. */
const ALARM_DELAY = 60_000;

/** What the core says is to be attached to a socket that it lets in. */
export function admission(outcome: EventOutcome): string {
  if (outcome.status === "rejected") throw new SyncError(outcome.code);
  return String(outcome.result);
}

// A message that is larger than any frame may be is not kept while it waits for its refusal.
function frameOf(socket: number, message: string | ArrayBuffer): Frame {
  const size = sizeOf(message);
  return size > maxFrame ? { socket, message: "", huge: true } : { socket, message, size };
}

/**
 * A Durable Object whose channels clients can follow. A subclass names the module that its app was compiled to:
 *
 *     import core from "./todo.wasm";
 *     export class Todos extends SyncObject<Env> {
 *       static override readonly core = core;
 *     }
 *
 * Code of the subclass may write to `ctx.storage.sql` wherever it likes (`fetch`, `alarm`, RPC methods): subscribers get what it changed as soon as it pauses.
 */
export class SyncObject<Env = unknown, Who extends object | undefined = Identity | undefined, Channel extends string = string> extends DurableObject<Env> {
  /** The app's module. */
  static readonly core: WebAssembly.Module;

  readonly #sockets: SocketTable;
  /** What the object's own code does to the storage. */
  protected readonly writes: Writes;
  readonly #backlog = new Backlog();
  readonly #waits = new Waits((socket, frames) => {
    if (this.#sockets.isOpen(socket)) this.#enqueue(frames); // else it was sent away, or comes back, and sends again what it may
  }, this.#backlog);
  readonly #ending: Ending;
  readonly #total = noCost();
  #core: Core | undefined;
  #waiting: Frame[] = [];
  #running = false;
  #noticed = false;
  /** Whether the turn that runs tells of writes from outside. */
  #untold = false;
  /** What handlers have said in this turn, for its end. */
  #said: (readonly [channel: Channel, json: string])[] = [];
  /** Resolves when turns need no commits of their own any more. */
  #apart: Promise<void> | undefined;
  #begun = false;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sockets = new SocketTable(ctx, (frame) => this.#enqueue([frame]));
    this.#ending = new Ending(ctx.storage, (reason) => ctx.abort(reason), () => (this.#said = []));
    this.writes = new Writes(ctx.storage, () => this.#noticeChange(), this.#tell, () => this.#beginAnew());
    // Answered by the platform, without waking the object.
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
    this.alarm = this.#whenReady(this.alarm);
    // Nothing comes in before the object has started; it starts when the constructors of its subclasses are done.
    void ctx.blockConcurrencyWhile(async () => {
      await null;
      await this.#begin();
      addCost(this.#total, this.#rowsSince(this.#total)); // less what was counted with a turn
    });
  }

  /** The app, for a core that asks JavaScript for it. */
  protected get script(): Script | undefined {
    return undefined;
  }

  async #begin(): Promise<void> {
    await this.start();
    this.writes.redefined = false;
    this.#begun = true;
  }

  // What the object's own code has emptied begins anew at once: the tables are there again for the statement that follows. Where the start has to wait, whoever emptied it waits for it, and everybody else.
  async #beginAnew(): Promise<void> {
    if (!this.#begun || !this.#isEmpty()) return; // it is about to start; or the platform refuses to delete anything, and says so itself
    this.#sockets.closeAll("new_epoch", RESTART);
    this.#takeAll();
    this.#core = undefined;
    if (this.startAtOnce()) this.writes.redefined = false;
    else await this.ctx.blockConcurrencyWhile(() => this.#begin());
  }

  #isEmpty(): boolean {
    return [...this.writes.unwatched.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'durasync_meta'").raw()].length === 0;
  }

  /** Brings the object up: called once, before anything else reaches it. */
  protected async start(): Promise<void> {
    await this.bringUp(() => this.startCore(), true);
    if (this.core.handles("start")) this.flush(); // it may have changed something
  }

  /** Brings the object up if nothing has to be waited for; false if it does not come up so. */
  protected startAtOnce(): boolean {
    const ready = this.startCore();
    if (ready && this.core.handles("start")) this.flush();
    return ready;
  }

  /**
   * Has `attempt` start the object, and again each time when it has met a migration that is to run in a commit of its own. Resolves with what it has returned at last.
   * @param whole whether the app runs no code between the migrations and the start
   */
  protected async bringUp(attempt: () => boolean | Promise<boolean>, whole: boolean): Promise<boolean> {
    while (!(await attempt())) if (!(await this.#runApart(whole))) return false;
    return true;
  }

  // Foreign keys can be switched between transactions only, and are switched back in the end. Should that not come to pass, the object breaks off: the platform opens its storage anew, with foreign keys on.
  async #runApart(whole: boolean): Promise<boolean> {
    try {
      for (;;) {
        const left = this.core.apart(whole);
        if (left !== "commit") return left === "start";
        await this.ctx.storage.sync();
      }
    } catch (error) {
      this.ctx.abort("durasync: a migration was not run to its end");
      throw error;
    }
  }

  /** Starts the core, and returns whether it is ready. Whoever follows a channel that has got another shape meanwhile is sent away: they come back, and fetch it anew. */
  protected startCore(): boolean {
    const { ready, reshaped } = this.core.start();
    if (ready && reshaped) this.#sockets.closeAll("new_shape", RESTART);
    if (ready) this.#ending.lookAtSchema();
    return ready;
  }

  /** The instance of the module, made when it is first needed. */
  protected get core(): Core {
    this.#core ??= this.#newCore();
    return this.#core;
  }

  #newCore(): Core {
    const { core, name } = this.constructor as typeof SyncObject;
    if (!core) throw new TypeError(`${name} has no module: import core from "./app.wasm", and say static core = core.`);
    return new Core(core, { ...this.writes.unwatched, ending: this.#ending }, this.#sockets, undefined, this.script);
  }

  /** Lets a socket in, or turns it away; hands any other request to the app. */
  override async fetch(request: Request): Promise<Response> {
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") return this.core.ready ? this.onRequest(request) : responseOf(this.#happen("request"));
    const { 0: client, 1: server } = new WebSocketPair();
    try {
      const { ready } = this.core;
      const attachment = ready ? await this.admit(request) : undefined; // an object that could not start says so to each frame
      this.ctx.acceptWebSocket(server, ready ? [OURS] : [OURS, UNASKED]);
      if (attachment !== undefined) attach(server, attachment);
    } catch (error) {
      refuseSocket(server, error);
    }
    return new Response(null, { status: 101, webSocket: client, headers: chosenProtocol(request) });
  }

  /** Decides who connects: what is to be attached to the socket. Throws, or rejects with, a SyncError to turn it away. */
  protected admit(request: Request): string | Promise<string> {
    return admission(this.#happen("connect", requestPayload(request)));
  }

  /** Answers a request that is not for a socket. */
  protected async onRequest(request: Request): Promise<Response> {
    if (this.core.handles("request")) return responseOf(this.#happen("request", { ...requestPayload(request), method: request.method, body: await request.text() }));
    return new Response("This is a durasync object: connect by WebSocket.\n", { status: 426, headers: { upgrade: "websocket" } });
  }

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void {
    if (!this.#sockets.isOurs(socket)) return;
    const frame = frameOf(this.#sockets.number(socket), message);
    // Who came while the object could not start is sent away to come again. Who was sent away, and stays all the same, is heard no more.
    if (this.core.ready && !this.#isIn(socket)) return this.#sockets.close(frame.socket, "unavailable", RESTART);
    // The client comes back after a while, and sends again what has no answer.
    if (this.#backlog.isFullFor(frame)) return this.#sockets.close(frame.socket, "rate_limited", TRY_AGAIN);
    if (!this.#waits.hold(frame)) this.#enqueue([frame]);
  }

  override webSocketClose(socket: WebSocket): void {
    if (this.#sockets.isOurs(socket)) this.#hasClosed(socket);
    // Whoever gets a close frame answers it (RFC 6455, section 5.5.1). The platform leaves that to the object: a client would wait for ten seconds, and take its line for lost.
    if (socket.readyState === WebSocket.CLOSING) socket.close(NORMAL_CLOSURE);
  }

  #hasClosed(socket: WebSocket): void {
    // What it sent before it closed comes first, however many turns that takes.
    for (let left = Infinity; this.#waiting.length > 0 && this.#waiting.length < left; ) {
      left = this.#waiting.length;
      this.flush();
    }
    if (this.#apart) return void this.#apart.then(() => this.#hasClosed(socket));
    const number = this.#sockets.number(socket);
    try {
      this.#happen("close", null, number);
    } catch {
      // It is logged. The socket is gone all the same, and its client gets its answer.
    }
    this.#waits.drop(number);
    this.#guarded((core) => core.close(number));
    this.#sockets.remove(socket);
  }

  override webSocketError(socket: WebSocket): void {
    this.webSocketClose(socket);
  }

  override alarm(): void | Promise<void> {
    if (this.#happen("alarm").status === "rejected") throw new Error("The alarm failed: it is rung again."); // by the platform, a few times
  }

  // No code of the app's is to find storage that has not been brought up to date. The platform would ring a few times and then forget: so the alarm is put off.
  #whenReady(alarm: SyncObject["alarm"]): SyncObject["alarm"] {
    return (...information) => (this.core.ready ? alarm.apply(this, information) : this.ctx.storage.setAlarm(Date.now() + ALARM_DELAY));
  }

  /**
   * Handles the frames that wait, and sends subscribers what has changed in their channels since the last time, whoever changed it. It happens by itself; call it to have it happen now.
   */
  flush(): void {
    if (this.#running || this.#apart) return; // the turn's end sees to it, or the commit's
    if (this.writes.undecided) return this.#noticeChange(); // the transaction's end sees to it
    if (this.#ending.possible) this.#flushApart();
    else this.#flushNow();
  }

  // A turn that may end its transaction must not find anything in it: it comes after the commit of what was written before, and
  // of what a look at the tables writes.
  #flushApart(): void {
    const apart = async (): Promise<void> => {
      do {
        if (this.#mustLook) this.#lookAgain();
        await this.ctx.storage.sync();
        if (this.writes.undecided) return this.#noticeChange();
        this.#flushNow();
      } while (this.#waiting.length > 0 || this.#noticed);
    };
    this.#apart = apart()
      .catch((error: unknown) => console.error("durasync: the storage does not commit", error))
      .finally(() => (this.#apart = undefined));
  }

  get #mustLook(): boolean {
    return this.writes.redefined || this.core.failed;
  }

  #flushNow(): void {
    if (this.#mustLook) this.#lookAgain();
    const frames = this.#waiting.splice(0, turnOf(this.#waiting));
    this.#backlog.remove(frames);
    this.#untold = this.#noticed;
    this.#noticed = false;
    this.#run(frames);
    this.#untold = false;
    if (this.#waiting.length > 0) this.#flushSoon();
    else if (!this.#noticed && this.core.swollen) this.#startNewCore();
    // Looks now, not only when the next frame comes; once, even if it goes on failing.
    if (this.core.ready && (this.writes.redefined || (this.core.failed && frames.length > 0))) this.#noticeChange();
  }

  /** Sends an event to everyone who has subscribed to the channel; from within a handler, when its turn is over, whatever becomes of the action. It is stored nowhere: who is away misses it. */
  broadcast(channel: Channel, event: unknown): void {
    const json = JSON.stringify(event); // what JSON cannot say is its caller's mistake
    if (this.#running) this.#said.push([channel, json]);
    else this.#send((core) => core.broadcast(channel, json));
  }

  /** The open sockets, with who they are and what they follow. */
  connections(): Connection<Who>[] {
    return connectionsOf<Who>(this.#sockets.all().filter((socket) => this.#isIn(socket)));
  }

  #isIn(socket: WebSocket): boolean {
    return socket.readyState === WebSocket.OPEN && !this.ctx.getTags(socket).includes(UNASKED);
  }

  /** Closes the sockets of everyone whom `who` picks out, for good: their clients say "denied" and stay away until somebody calls them back. Returns how many there were. */
  disconnect(who: (identity: Who) => boolean): number {
    const leaving = this.connections().filter(({ identity }) => who(identity));
    for (const connection of leaving) connection.close(4403, "forbidden");
    return leaving.length;
  }

  /** What the object has cost since it woke, its waking included. */
  stats(): Cost {
    return { ...this.#total };
  }

  /** Called after each turn with what it cost: override it to report somewhere. Must not throw. */
  protected onTurn(_cost: Cost): void {}

  /**
   * Begins a new epoch and closes every socket: clients come back, fetch anew, and send again what was not settled. Call it when the storage is not what it was: after
   * a restore from a backup. `restoreObject` does it for you. Throws if the storage refuses; then nothing has changed.
   */
  renewEpoch(): void {
    this.#send((core) => core.renew());
  }

  /** Empties the object: every table, the alarm, its history. Migrations run again, clients fetch anew. `ctx.storage.deleteAll()` does the same. */
  async reset(): Promise<void> {
    await this.ctx.storage.deleteAll();
  }

  /** Takes the object back to a bookmark. It breaks off at once, and wakes on the old storage; `restoreObject` does what is left to be done then. */
  async restoreBookmark(bookmark: string): Promise<void> {
    await this.ctx.storage.onNextSessionRestoreBookmark(bookmark);
    this.ctx.abort("restored");
  }

  // ---- Turns

  // The frames that arrive together are handled together: the turn comes after the events that wait already. Without its 0 the timer of workerd takes milliseconds.
  #enqueue(frames: readonly Frame[]): void {
    if (this.#waiting.length === 0) this.#flushSoon();
    for (const frame of frames) this.#waiting.push(frame);
    this.#backlog.add(frames);
  }

  #flushSoon(): void {
    setTimeout(() => this.#waiting.length > 0 && this.flush(), 0);
  }

  // Takes out whatever waits for a turn.
  #takeAll(): Frame[] {
    const frames = this.#waiting.splice(0);
    this.#backlog.remove(frames);
    return frames;
  }

  #rowsSince({ rowsRead, rowsWritten }: Core["rows"]): Core["rows"] {
    const { rows } = this.core;
    return { rowsRead: rows.rowsRead - rowsRead, rowsWritten: rows.rowsWritten - rowsWritten };
  }

  #account(frames: readonly Frame[], deliveries: readonly Delivery[], before: Core["rows"]): void {
    const cost = { ...noCost(), ...this.#rowsSince(before), turns: 1 };
    for (const { message, own } of frames) {
      if (own) continue;
      cost.framesIn++;
      cost.unitsIn += typeof message === "string" ? message.length : message.byteLength;
    }
    for (const { kind, sockets, text } of deliveries) {
      if (kind !== "send") continue;
      cost.framesOut += sockets.length;
      cost.unitsOut += sockets.length * text.length;
    }
    addCost(this.#total, cost);
    this.onTurn(cost);
  }

  // A turn that breaks its instance is undone. Its frames are tried again one by one on a new instance, to find the one that did it. That one is
  // tried alone once more, since what was before it may have brought the instance to its end; then it is handed over as poisoned, so that it gets its answer and cannot do it again. An answer that goes on has lost its place among the frames of its socket, which comes back, and resumes.
  #run(frames: readonly Frame[]): void {
    let deliveries: Delivery[];
    const before = this.core.rows;
    this.#running = true;
    try {
      deliveries = this.core.turn(frames);
    } catch (error) {
      const committed = this.core.committed;
      this.#said = [];
      this.#startNewCore();
      if (error instanceof NotAlone) {
        if (this.#untold) this.#sockets.closeAll(); // the new instance does not know of what was written
        return this.#runAgain(frames);
      }
      console.error("durasync: an instance broke down", error);
      const [first] = frames;
      if (committed || !first || first.poisoned || this.#untold) this.#sockets.closeAll();
      else for (const frame of frames) this.#run([frames.length > 1 ? frame : { ...frame, tried: true, poisoned: frame.tried === true }]);
      for (const { socket } of this.#takeAll()) this.#sockets.close(socket, "internal");
      return;
    } finally {
      this.#running = false;
    }
    this.#deliver(deliveries, frames);
    for (const [channel, json] of this.#said.splice(0)) this.#send((core) => core.broadcast(channel, json));
    this.#account(frames, deliveries, before);
  }

  #runAgain(frames: readonly Frame[]): void {
    this.#waiting = [...frames, ...this.#waiting];
    this.#backlog.add(frames);
    queueMicrotask(() => this.flush());
  }

  #deliver(deliveries: readonly Delivery[], frames: readonly Frame[] = []): void {
    for (const { kind, sockets, text, code } of deliveries) {
      const frame = frames[code];
      if (kind !== "wait") for (const socket of sockets) this.#sockets[kind](socket, text, code);
      else if (frame) this.#waits.putBack(frame, text, this.settlement(text));
    }
  }

  // Sends what the core makes beside the turns. It does one thing at a time: what a handler asks for waits for the end of its turn.
  #send(make: (core: Core) => Delivery[]): void {
    if (this.#running) queueMicrotask(() => this.#send(make));
    else this.#deliver(this.#guarded(make));
  }

  #startNewCore(): boolean {
    this.#core = undefined;
    return this.startCore();
  }

  // An instance that breaks down, in whatever it does, is thrown away: the next one is made from storage and attachments. It does not know what was
  // written from outside and not yet told: then all sockets come back, and resume.
  #guarded<T>(step: (core: Core) => T): T {
    try {
      return step(this.core);
    } catch (error) {
      if (error instanceof RenewalRefused) throw error;
      console.error("durasync: an instance broke down", error);
      this.#startNewCore();
      if (this.#noticed) this.#sockets.closeAll();
      throw error;
    }
  }

  /** Resolves when what a frame waits for is there. */
  protected settlement(_name: string): Promise<void> {
    return Promise.resolve();
  }

  // ---- Writes from outside of any action

  // Hands an event to the app; what it changes is news.
  #happen(event: AppEvent, payload?: unknown, socket?: number): EventOutcome {
    const outcome = this.#guarded((core) => core.event(event, payload, socket));
    if (this.core.handles(event)) this.#noticeChange();
    return outcome;
  }

  readonly #tell = (): void => {
    if (this.#noticed) this.flush();
  };

  // A table that is made anew has none of the triggers by which the core hears of changes, and a turn that fails may have found no table. As long as a channel has none that fits, the object is
  // unavailable, and looks again whenever a frame comes, or its own code writes.
  #lookAgain(): void {
    const before = this.core.rows;
    this.writes.redefined = !this.#guarded((core) => core.isCurrent());
    addCost(this.#total, this.#rowsSince(before));
    if (!this.writes.redefined) return;
    this.writes.redefined = !this.#startNewCore();
    addCost(this.#total, this.core.rows);
  }

  #noticeChange(): void {
    if (this.#noticed || !(this.#core?.ready || this.writes.redefined)) return;
    this.#noticed = true;
    queueMicrotask(this.#tell);
  }
}
