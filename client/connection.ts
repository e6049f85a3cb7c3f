// SPDX-License-Identifier: MIT
import { parseFrame, type DownFrame, type UpFrame } from "./frames.ts";

/** What is needed of a socket: a PartySocket, or anything alike that reconnects by itself and says "open" and "close" each time. */
export interface SyncSocket {
  /** 1 while messages can be sent, as with WebSocket. */
  readonly readyState: number;
  send(data: string): unknown;
  addEventListener(type: string, listener: (event: Event) => void): void;
  removeEventListener(type: string, listener: (event: Event) => void): void;
  /** Drops the line and dials again; without it, a dead line is found out only when the system does. */
  reconnect?(): void;
}

export type ConnectionEvents = {
  open(): void;
  /** `code` is the close code of the socket; undefined if it never opened. */
  close(code: number | undefined): void;
  frame(frame: DownFrame): void;
};

/** Milliseconds between two pings; the object's host answers them without waking it. */
export const HEARTBEAT = 25_000;

/** Pings without any sign of life after which the line counts as dead. */
const PATIENCE = 2;

const OPEN = 1;

/** The line to the object: frames both ways, a heartbeat while it is open, and nothing of what the frames mean. */
export class Connection {
  readonly #socket: SyncSocket;
  readonly #events: ConnectionEvents;
  #attached = false;
  #open = false;
  #heartbeat: ReturnType<typeof setInterval> | undefined;
  #unanswered = 0;

  constructor(socket: SyncSocket, events: ConnectionEvents) {
    this.#socket = socket;
    this.#events = events;
  }

  get open(): boolean {
    return this.#open;
  }

  /** Starts to listen; further calls do nothing. The constructor does not, so that it may run while React renders. */
  attach(): void {
    if (this.#attached) return;
    this.#attached = true;
    this.#socket.addEventListener("open", this.#onOpen);
    this.#socket.addEventListener("close", this.#onClose);
    this.#socket.addEventListener("error", this.#onError);
    this.#socket.addEventListener("message", this.#onMessage);
    if (this.#socket.readyState === OPEN) this.#onOpen();
  }

  /** Sends on an open line and else drops the frame: whatever must arrive is sent again by whoever handles the next opening. */
  send(frame: UpFrame): void {
    this.sendText(JSON.stringify(frame));
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

  readonly #onOpen = (): void => {
    this.#open = true;
    this.#unanswered = 0;
    clearInterval(this.#heartbeat);
    this.#heartbeat = setInterval(this.#beat, HEARTBEAT);
    this.#events.open();
  };

  readonly #onClose = (event: Event): void => {
    this.#end();
    this.#events.close("code" in event && typeof event.code === "number" ? event.code : undefined);
  };

  readonly #onError = (): void => {
    if (this.#socket.readyState === OPEN) return;
    this.#end();
    this.#events.close(undefined);
  };

  readonly #onMessage = (event: Event): void => {
    this.#unanswered = 0;
    const frame = "data" in event ? parseFrame(event.data) : null;
    if (frame) this.#events.frame(frame);
  };

  #end(): void {
    this.#open = false;
    clearInterval(this.#heartbeat);
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
