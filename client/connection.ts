// SPDX-License-Identifier: MIT
import { parseFrame, parseHead, type DownFrame, type PageHead, type UpFrame, type WrongFrame } from "./frames.ts";
import { shared } from "./shared.ts";

/** What is needed of a socket: a PartySocket, or anything alike that reconnects by itself and says "open" and "close" each time. */
export interface SyncSocket {
  /** 1 while messages can be sent, as with WebSocket. */
  readonly readyState: number;
  /** Where the object is, without the query: the same for all sockets to it. Without it nothing is kept beyond the socket. */
  readonly roomUrl?: string;
  /** False if the socket will not dial by itself, since somebody has closed it. */
  readonly shouldReconnect?: boolean;
  send(data: string): unknown;
  addEventListener(type: string, listener: (event: Event) => void): void;
  removeEventListener(type: string, listener: (event: Event) => void): void;
  /** Drops the line and dials again; without it, a dead line is found out only when the system does. */
  reconnect?(): void;
  /** Ends the line and the dialling; without it, a client that is turned away keeps knocking. */
  close?(): void;
}

/** A WebSocket's event, of whatever kind. */
type SocketEvent = Event & { readonly data?: unknown; readonly code?: number; readonly reason?: string };

export type ConnectionEvents = {
  open(): void;
  /** `code` and `reason` as the other end gave them; undefined if the socket never opened. */
  close(code: number | undefined, reason: string | undefined): void;
  frame(frame: DownFrame | WrongFrame): void;
  /** Called before each frame; with its head if it is a page, whose cells are still to be read. */
  head(page: PageHead | null): void;
  /** True while somebody watches what the line may bring. */
  isWatched(): boolean;
  /** True while somebody waits for an action, though nobody may watch. */
  isLeft?(): boolean;
};

/** Milliseconds between two pings; the object's host answers them without waking it. */
export const HEARTBEAT = 25_000;

/** Milliseconds in which a page that is shown again expects the answer to its ping; a phone's lines die unnoticed while it sleeps. */
export const PROBE = 5000;

/** Pings without any sign of life after which the line counts as dead. */
const PATIENCE = 2;

const OPEN = 1;
const CLOSING = 2;

/** Each socket speaks for one store: on the line of one user, nothing of another's may be said. */
const speakers = shared("speakers", () => new WeakMap<SyncSocket, Connection>());

/** The line to the object: frames both ways, a heartbeat while it is open, and nothing of what the frames mean. */
export class Connection {
  readonly #socket: SyncSocket;
  readonly #events: ConnectionEvents;
  #attached = false;
  #url: string | undefined;
  #open = false;
  /** The dialling was stopped here, since the browser has no network. */
  #resting = false;
  #heartbeat: ReturnType<typeof setInterval> | undefined;
  #probe: ReturnType<typeof setTimeout> | undefined;
  #unanswered = 0;

  constructor(socket: SyncSocket, events: ConnectionEvents) {
    this.#socket = socket;
    this.#events = events;
  }

  get open(): boolean {
    return this.#open;
  }

  /** True if the socket is another store's now, or leads to another object. */
  get taken(): boolean {
    const speaker = speakers.get(this.#socket);
    return (speaker !== undefined && speaker !== this) || (this.#url !== undefined && this.#isElsewhere());
  }

  /** True if nobody will dial the socket: it was closed, is another store's now, or leads to another object. */
  get closed(): boolean {
    const { readyState, shouldReconnect = this.#events.isWatched() } = this.#socket;
    return this.taken || (readyState >= CLOSING && !this.#resting && !shouldReconnect);
  }

  /** True if it may be dialled here. */
  get canDial(): boolean {
    return !this.taken && this.#socket.reconnect !== undefined;
  }

  /** Dials a socket that its owner has closed. */
  dial(): void {
    this.attach();
    this.reconnect();
  }

  /**
   * Starts to listen; further calls do nothing. The constructor does not, so that it may run while React renders. An open line on which
   * another store has spoken is dialled again, since it may be another user's.
   */
  attach(): void {
    if (this.#attached) return;
    const before = speakers.get(this.#socket);
    if (before) before.#yield();
    speakers.set(this.#socket, this);
    this.#attached = true;
    this.#url ??= this.#socket.roomUrl;
    this.#listen("addEventListener");
    if (this.#socket.readyState === OPEN && !(before && this.reconnect())) this.#onOpen();
  }

  #yield(): void {
    this.detach();
    this.#events.close(undefined, undefined);
  }

  /** Listens no more. The socket stays as it is: it belongs to whoever made it. */
  detach(): void {
    if (!this.#attached) return;
    this.#attached = false;
    if (speakers.get(this.#socket) === this) speakers.delete(this.#socket);
    this.#listen("removeEventListener");
    this.#end();
  }

  /** Sends a frame, if there is one, on an open line and else drops it: whatever must arrive is sent again by whoever handles the next opening. */
  send(frame: UpFrame | null | undefined): void {
    if (frame) this.sendText(JSON.stringify(frame));
  }

  sendText(text: string): void {
    // A reconnecting socket would keep what it cannot send and play it back before the hello of the next opening.
    if (this.#open && this.#socket.readyState === OPEN) this.#socket.send(text);
  }

  /** Drops the line and dials again. False if the socket cannot. */
  reconnect(): boolean {
    if (!this.#socket.reconnect) return false;
    this.#socket.reconnect();
    return true;
  }

  /** Stops dialling. */
  giveUp(): void {
    this.#end();
    this.#resting = false;
    this.#socket.close?.();
  }

  #listen(method: "addEventListener" | "removeEventListener"): void {
    this.#socket[method]("open", this.#onOpen);
    this.#socket[method]("close", this.#onClose);
    this.#socket[method]("error", this.#onError);
    this.#socket[method]("message", this.#onMessage);
    globalThis[method]?.("online", this.#onOnline);
    globalThis[method]?.("offline", this.#onOffline);
    globalThis.document?.[method]("visibilitychange", this.#onVisible);
  }

  readonly #onOpen = (): void => {
    this.#end();
    if (this.#isElsewhere()) return;
    this.#open = true;
    this.#resting = false;
    this.#unanswered = 0;
    this.#heartbeat = setInterval(this.#beat, HEARTBEAT);
    this.#events.open();
  };

  readonly #onClose = ({ code, reason }: SocketEvent): void => {
    this.#end();
    this.#rest();
    this.#events.close(code, reason);
  };

  readonly #onError = (): void => {
    if (this.#socket.readyState !== OPEN) this.#onOffline();
  };

  readonly #onMessage = ({ data }: SocketEvent): void => {
    this.#unanswered = 0;
    clearTimeout(this.#probe);
    // The browser says that it has no network, but this line stands: the object is on the same machine, say.
    if (!this.#open) return this.#onOpen();
    this.#events.head(parseHead(data));
    const frame = parseFrame(data);
    if (frame) this.#events.frame(frame);
  };

  /** The network is back: a line from before is worth nothing, and a socket between two tries need not wait for the next. */
  readonly #onOnline = (): void => {
    if (this.#isElsewhere()) return;
    const isDead = this.#socket.readyState === OPEN && !this.#open;
    const isIdle = this.#socket.readyState >= CLOSING && (this.#resting ? this.#isWanted() : this.#socket.shouldReconnect !== false);
    if (isDead || isIdle) this.reconnect();
  };

  /** The line counts as lost at once, though the system may take minutes to say so. If it stands after all, its pong brings it back. */
  readonly #onOffline = (): void => {
    this.#end();
    this.#rest();
    this.#events.close(undefined, undefined);
    if (this.#socket.readyState === OPEN) this.#socket.send("ping");
  };

  /**
   * Without a network, each try would only make the next one later, and so the first that can succeed. Browsers have been wrong, so it is
   * tried now and then all the same. A socket that nobody waits for is left to whoever made it.
   */
  #rest(): void {
    const { readyState, shouldReconnect } = this.#socket;
    if (globalThis.navigator?.onLine !== false || readyState === OPEN || shouldReconnect === false || !this.#events.isWatched()) return;
    this.#resting = true;
    this.#socket.close?.();
    this.#end();
    this.#heartbeat = setInterval(this.#onOnline, HEARTBEAT);
  }

  readonly #onVisible = (): void => {
    if (globalThis.document?.visibilityState !== "visible") return;
    if (!this.#open) return this.#onOnline();
    clearTimeout(this.#probe);
    this.#probe = setTimeout(() => this.reconnect(), PROBE);
    this.sendText("ping");
  };

  #isWanted(): boolean {
    return this.#events.isWatched() || this.#events.isLeft?.() === true;
  }

  /** True for a socket that was sent to another object, whose records are none of this line's business. */
  #isElsewhere(): boolean {
    return this.#socket.roomUrl !== this.#url;
  }

  #end(): void {
    this.#open = false;
    clearInterval(this.#heartbeat);
    clearTimeout(this.#probe);
  }

  // A hidden page is not watched by anybody, and its timers are throttled: it pings again once it is shown.
  readonly #beat = (): void => {
    if (globalThis.document?.visibilityState === "hidden") return;
    if (this.#unanswered >= PATIENCE) {
      this.#unanswered = 0;
      this.reconnect();
      return;
    }
    this.#unanswered++;
    this.sendText("ping");
  };
}
