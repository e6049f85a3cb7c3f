// SPDX-License-Identifier: MIT
import type { Pending } from "./action.ts";
import { attempt, type Actions } from "./actions.ts";
import { Connection, type SyncSocket } from "./connection.ts";
import { isAwaited, type Entry } from "./entry.ts";
import { SyncError } from "./errors.ts";
import { PROTOCOL, type Change, type DownFrame, type ErrorFrame, type EventFrame, type Patch, type Welcome, type WrongFrame } from "./frames.ts";
import { Linger } from "./linger.ts";
import { errorOfClose, isTerminal } from "./status.ts";

/** Whose object a store belongs to, among those of the page. */
export type Home = {
  /** Where the object is, if its socket says so. */
  readonly object: string | undefined;
  readonly user: string | undefined;
  /** False if another user has come to the page since; it is always there if it is nobody in particular. */
  readonly isPresent: boolean;
  /** The user is at the page. */
  arrive(): void;
  /** The store has something in its outbox, or nothing any more. */
  note(waits: boolean): void;
};

/** Runs a change of the store's state, after which the watchers hear of it once. */
export type Step = (change: () => void) => void;

/** Milliseconds until a frame that the object had no time for is sent again. */
export const RATE_PAUSE = 1000;

/** Milliseconds until an object that cannot serve this page yet is asked again. It sleeps in between, and may wake with newer code. */
export const READY_PAUSE = 30_000;

/** What is said to the object and what is done about its answers, over one socket at a time. */
export class Session {
  /** There was a connection, or a try at one. */
  dialled = false;
  /** Why nothing works at present; over as soon as the object says anything but an error. */
  failure: SyncError | null = null;
  /** The actions come from another page: whether they fit what the object knows is told by its welcome, and they wait for that. */
  unwelcome = false;
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #actions: Actions;
  readonly #step: Step;
  readonly #app: number | undefined;
  readonly #sockets = new Map<SyncSocket, number>();
  #socket: SyncSocket;
  #connection: Connection;
  #attached = false;
  /** The object has turned this client away, for as long as nobody dials again. */
  #turnedAway = false;
  readonly #linger: Linger;
  readonly #home: Home | undefined;
  #flushing = false;
  #pause: ReturnType<typeof setTimeout> | undefined;
  /** After a wrong frame, until everything is asked for again: what comes in between may lack what that frame would have said. */
  #deaf = false;
  #deafness = RATE_PAUSE;

  /** `app` is the version of the app that the page runs; without a home, the store's user is taken to be at the page. */
  constructor(socket: SyncSocket, entries: ReadonlyMap<string, Entry>, actions: Actions, step: Step, app?: number, home?: Home) {
    this.#entries = entries;
    this.#actions = actions;
    this.#step = step;
    this.#app = app;
    this.#socket = socket;
    this.#connection = this.#connect(socket);
    this.#home = home;
    this.#linger = new Linger(this);
  }

  get actions(): Actions {
    return this.#actions;
  }

  get connection(): Connection {
    return this.#connection;
  }

  /** Somebody watches a channel. */
  get watched(): boolean {
    for (const { listeners } of this.#entries.values()) if (listeners.size > 0) return true;
    return false;
  }

  /** The line may be dialled for what was left: as its user, whom the object has not turned away. */
  get welcome(): boolean {
    return !this.#turnedAway && this.#home?.isPresent !== false;
  }

  get step(): Step {
    return this.#step;
  }

  get open(): boolean {
    return this.#connection.open;
  }

  /** True while actions may be sent. */
  get sending(): boolean {
    return this.open && !this.unwelcome;
  }

  attach(): void {
    this.#attached = true;
    this.#connection.attach();
  }

  detach(): void {
    clearTimeout(this.#pause);
    this.#linger.end();
    this.#connection.detach();
  }

  /** Somebody is there, from now on or once more. */
  arrive(): void {
    this.#linger.stop();
    this.#linger.mine = false;
    this.#actions.resume();
    if (this.#attached) this.#connection.attach();
  }

  /** Listens to a socket that it had let go of, unless another store speaks on it now. */
  listen(): void {
    if (this.#attached && !this.#connection.taken) this.#connection.attach();
  }

  /** Sees to what waits after a step, also if nobody is there any more; lets go of a closed socket from which nothing is wanted. */
  tend(): void {
    if (!this.#attached) return;
    this.#linger.tend();
    if (!this.watched && this.#actions.outbox.empty && this.#connection.closed) this.#connection.detach();
  }

  /** Uses this socket from now on. Returns the end of the use: the socket used before, if it still is, takes over again. */
  use(socket: SyncSocket): () => void {
    this.#sockets.set(socket, (this.#sockets.get(socket) ?? 0) + 1);
    this.#switchTo(socket);
    this.arrive();
    let used = true;
    return () => {
      if (used) this.#unuse(socket);
      used = false;
    };
  }

  /** Subscribes to a watched channel that rests. */
  bring({ loaded, channel, listeners }: Entry): void {
    if (loaded && this.open && listeners.size > 0 && channel.phase === "idle") this.#connection.send(channel.subscribe());
  }

  /** Lets a channel rest that nobody watches any more. */
  leave({ channel }: Entry): void {
    channel.leave();
    this.#connection.send({ type: "unsubscribe", channel: channel.name });
  }

  /** Brings actions to where they may be sent, which is into the cache first, if there is one. */
  keep(some: Iterable<Pending>): void {
    this.#actions.unsaved?.add(some);
    if (this.#flushing) return;
    this.#flushing = true;
    // Later, so that actions sent together travel together.
    queueMicrotask(() => {
      this.#flushing = false;
      this.flush();
    });
  }

  /** The numbers of these actions, or their client, have changed. */
  keepAgain(some: Pending[]): void {
    this.#actions.unsaved?.addAgain(some);
    this.keep(some);
  }

  /** Sends what may be sent. */
  flush(): void {
    const { outbox } = this.#actions;
    if (!this.sending) return;
    for (let frame = outbox.take(); frame !== null; frame = outbox.take()) this.#connection.sendText(frame);
  }

  /** The outbox is another client's: says so, on a new socket if the present one can be replaced. False if it had to be this one. */
  restart(): boolean {
    // Who dials a closed socket says so then.
    if (this.#connection.closed) return true;
    if (this.#connection.reconnect()) return true;
    this.#hello();
    return false;
  }

  #connect(socket: SyncSocket): Connection {
    return new Connection(socket, {
      open: () => this.#step(() => this.#onOpen()),
      close: (code, reason) => this.#step(() => this.#onClose(code, reason)),
      frame: (frame) => this.#step(() => this.#onFrame(frame)),
      head: (page) => this.#connection.send(page && this.#entries.get(page.channel)?.channel.askAhead(page)),
      isWatched: () => this.watched,
      isLeft: () => this.#actions.wanted,
    });
  }

  #switchTo(socket: SyncSocket): void {
    if (socket === this.#socket) return;
    this.#step(() => {
      for (const entry of this.#entries.values()) if (entry.channel.phase !== "idle") this.leave(entry);
      // One that was dialled here has nobody else to hang up.
      if (this.#sockets.has(this.#socket)) this.#linger.mine = false;
      this.#linger.end();
      this.#connection.detach();
      this.#socket = socket;
      this.dialled = this.#turnedAway = false;
      this.failure = null;
      this.#connection = this.#connect(socket);
    });
    if (this.#attached) this.#connection.attach();
  }

  #unuse(socket: SyncSocket): void {
    const uses = (this.#sockets.get(socket) ?? 0) - 1;
    if (uses > 0) return void this.#sockets.set(socket, uses);
    this.#sockets.delete(socket);
    const another = [...this.#sockets.keys()].at(-1);
    if (socket === this.#socket && another) this.#switchTo(another);
  }

  #onOpen(): void {
    this.dialled = true;
    this.#deaf = false;
    this.#turnedAway = false;
    this.#actions.outbox.unsend();
    this.#hello();
    for (const entry of this.#entries.values()) {
      // On a socket that was open all the time, the object follows them still.
      if (entry.channel.phase !== "idle") entry.channel.leave();
      this.bring(entry);
    }
    this.keep(this.#actions.outbox.unsettled());
    this.flush();
  }

  #hello(): void {
    const { client, seen } = this.#actions.outbox;
    this.#connection.send({ type: "hello", protocol: PROTOCOL, client, seen: seen ?? undefined, app: this.#app || undefined });
  }

  #onClose(code: number | undefined, reason: string | undefined): void {
    this.dialled = true;
    clearTimeout(this.#pause);
    for (const { channel } of this.#entries.values()) channel.rest();
    if (!isTerminal(code)) return;
    this.#turnedAway = true;
    this.failure ??= errorOfClose(code, reason);
    this.#connection.giveUp();
  }

  #onFrame(frame: DownFrame | WrongFrame): void {
    if (this.#deaf) return;
    if (frame.type === "wrong" || !this.#fits(frame)) return this.#refuse();
    if (frame.type === "error") return this.#onError(frame);
    if (frame.type === "event") return this.#actions.later(() => this.#onEvent(frame));
    this.failure = null;
    if (frame.type === "welcome") this.#onWelcome(frame);
    else if (frame.type === "page") this.#connection.send(this.#entries.get(frame.channel)?.channel.applyPage(frame));
    else this.#onPatch(frame);
  }

  /** False for a frame that does not fit the records here. What is of channels that nobody has asked for, or of actions that are not here, is ignored. */
  #fits(frame: DownFrame): boolean {
    if (frame.type === "page") return this.#entries.get(frame.channel)?.channel.fitsPage(frame) ?? true;
    if (frame.type !== "patch") return true;
    const fits = (change: Change) => this.#entries.get(change.channel)?.channel.fitsChange(change) ?? true;
    return frame.changes.every(fits);
  }

  /** Nothing of a wrong frame is applied, nor of what comes after it. All is asked for again after a pause; each is longer than the last. */
  #refuse(): void {
    this.failure = new SyncError("bad_frame", "The object has sent what is no frame.");
    this.#deaf = this.unwelcome = true;
    for (const { channel } of this.#entries.values()) channel.rest();
    this.#after(this.#deafness, () => this.#onOpen());
    this.#deafness = Math.min(2 * this.#deafness, READY_PAUSE);
  }

  #onWelcome({ settled, now }: Welcome): void {
    const { outbox, unsaved } = this.#actions;
    outbox.seen = now ?? outbox.seen;
    if (now !== undefined && outbox.last > 0) unsaved?.touch();
    this.unwelcome = false;
    const { renumbered, doubtful } = outbox.overtake(settled);
    for (const pending of doubtful) this.#actions.reject(pending, new SyncError("client_forgotten"));
    this.keepAgain(renumbered);
    this.keep(outbox.unsettled());
    this.flush();
  }

  #onPatch({ epoch, changes, outcomes }: Patch): void {
    for (const change of changes) this.#connection.send(this.#entries.get(change.channel)?.channel.applyChange(epoch, change));
    for (const outcome of outcomes) this.#actions.settle(outcome);
    this.flush();
  }

  #onEvent({ channel, event }: EventFrame): void {
    for (const listener of [...(this.#entries.get(channel)?.eventListeners ?? [])]) attempt(() => listener(event));
  }

  #onError({ code, message, channel, expected }: ErrorFrame): void {
    // out_of_order
    if (expected !== undefined) {
      this.#actions.outbox.resendFrom(expected);
      return this.flush();
    }
    if (code === "outbox_full") return this.#resendAcknowledged();
    if (code === "rate_limited") return this.#resendLater();
    // The hello was refused, which was said already; what was asked for behind it is asked for again with the next one.
    if (code === "hello_expected") return;
    // What the object's next release may put right, or its next turn: what was sent is said again then.
    if (code === "app_too_new" || code === "unavailable" || code === "internal") this.#after(READY_PAUSE, () => this.#onOpen());
    const error = new SyncError(code, message);
    if (code === "client_forgotten") return this.#startOver(error);
    // The first error tells why; those that it brings about do not.
    if (channel === undefined) this.failure ??= error;
    else this.#entries.get(channel)?.channel.fail(error);
  }

  /** The object keeps no more outcomes until it hears of those that have arrived here; if there are none yet, their patch goes on. */
  #resendAcknowledged(): void {
    this.#actions.outbox.unsend();
    if (this.#actions.outbox.hasNews) this.flush();
  }

  /** The object was too busy for a frame, and does not say for which: everything without an answer goes again. */
  #resendLater(): void {
    this.#after(RATE_PAUSE, () => {
      for (const entry of this.#entries.values()) if (isAwaited(entry)) this.#connection.send(entry.channel.again());
      this.#actions.outbox.unsend();
      this.flush();
    });
  }

  #after(pause: number, change: () => void): void {
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => this.#step(change), pause);
  }

  /** The object has forgotten this client, and perhaps what became of the actions that were sent; the outbox starts over under a new id. */
  #startOver(error: SyncError): void {
    this.unwelcome = false;
    this.#actions.startOver(error);
    this.keepAgain([...this.#actions.outbox.unsettled()]);
    if (!this.restart()) this.flush();
  }
}
