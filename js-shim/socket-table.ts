// SPDX-License-Identifier: MIT
import { attach, attachmentOf } from "./connection.ts";
import type { Frame } from "./core.ts";
import type { Sockets } from "./host.ts";

// Internal error (RFC 6455, section 7.4.1): clients reconnect, and resume.
const INTERNAL_ERROR = 1011;

/** The tag of the sockets that are followed here; what else the object accepts is the app's own. */
export const OURS = "durasync";

/** The tag of a socket that came while the object could not start: nobody has asked yet who it is. */
export const UNASKED = "unasked";

/** The object's hibernatable sockets by number; those of the app's own are not among them. Numbers rise, and hold for as long as the object stays in memory. */
export class SocketTable implements Sockets {
  readonly #ctx: DurableObjectState;
  readonly #enqueue: (frame: Frame) => void;
  readonly #sockets = new Map<number, WebSocket>();
  readonly #numbers = new Map<WebSocket, number>();
  #next = 0;
  #walk: Iterator<number> = [][Symbol.iterator]();

  /** @param enqueue takes frames of the core's own that come again */
  constructor(ctx: DurableObjectState, enqueue: (frame: Frame) => void) {
    this.#ctx = ctx;
    this.#enqueue = enqueue;
  }

  /**
   * Whether the socket is one of those that `SyncObject.fetch` has let in. The releases before this tagged none: what they let in is told by what the core has attached to it, a JSON object as text.
   */
  isOurs(socket: WebSocket): boolean {
    if (this.#numbers.has(socket)) return true;
    const tags = this.#ctx.getTags(socket);
    if (tags.length > 0) return tags.includes(OURS) || tags.includes(UNASKED);
    const attached: unknown = socket.deserializeAttachment();
    return typeof attached === "string" && attached.startsWith("{");
  }

  /** All open sockets of ours. */
  all(): WebSocket[] {
    return this.#ctx.getWebSockets().filter((socket) => this.isOurs(socket));
  }

  /** The socket's number; a new one if it has none yet. */
  number(socket: WebSocket): number {
    const known = this.#numbers.get(socket);
    if (known !== undefined) return known;
    const number = this.#next++;
    this.#numbers.set(socket, number);
    this.#sockets.set(number, socket);
    return number;
  }

  remove(socket: WebSocket): void {
    this.#sockets.delete(this.number(socket));
    this.#numbers.delete(socket);
  }

  after(socket: number): number {
    if (socket === -1) {
      for (const open of this.all()) this.number(open);
      this.#walk = this.#sockets.keys(); // in the order of their numbers: a Map keeps the order of insertion
    }
    return this.#walk.next().value ?? -1;
  }

  attachment(socket: number): string | null {
    const known = this.#sockets.get(socket);
    return known === undefined ? null : attachmentOf(known);
  }

  // Old runtimes do not tell: there a client that stops reading is bounded by the platform alone.
  backlog(socket: number): number {
    const open: { bufferedAmount?: number } | undefined = this.#sockets.get(socket);
    return open?.bufferedAmount ?? 0;
  }

  attach(socket: number, text: string): void {
    this.#alone(socket, (known) => attach(known, text));
  }

  /** Sends, unless the socket is closing or gone: then its client is on its way back, and will ask. */
  send(socket: number, text: string): void {
    if (this.isOpen(socket)) this.#alone(socket, (known) => known.send(text));
  }

  // What fails for one socket is its own affair: it is sent away, to come back and resume, and all others get what is theirs.
  #alone(socket: number, deliver: (known: WebSocket) => void): void {
    const known = this.#sockets.get(socket);
    try {
      if (known) deliver(known);
    } catch (error) {
      console.error("durasync: a socket could not be served, and is sent away", error);
      this.close(socket, "internal");
    }
  }

  /** Has a frame of the core's own come with the next turn, unless the socket is closing or gone. */
  again(socket: number, text: string): void {
    if (this.isOpen(socket)) this.#enqueue({ socket, message: text, own: true });
  }

  close(socket: number, reason: string, code = INTERNAL_ERROR): void {
    this.#open(socket)?.close(code, reason);
  }

  /** Sends every client away to come back and resume. */
  closeAll(reason = "internal", code?: number): void {
    for (const socket of this.all()) this.close(this.number(socket), reason, code);
  }

  isOpen(socket: number): boolean {
    return this.#open(socket) !== undefined;
  }

  #open(socket: number): WebSocket | undefined {
    const known = this.#sockets.get(socket);
    return known?.readyState === WebSocket.OPEN ? known : undefined;
  }
}
