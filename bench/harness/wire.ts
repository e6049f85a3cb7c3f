// SPDX-License-Identifier: MIT
// A socket as cheap as Node has one: messages stay bytes until somebody wants to know what is in them.
import type { Socket } from "node:net";
import { WebSocket } from "ws";

export class Wire {
  /** For clients that bring a protocol of their own. */
  readonly socket: WebSocket;
  readonly #messages: Buffer[] = [];
  #waiting: ((message: Buffer) => void) | undefined;
  #onMessage: ((message: Buffer) => void) | undefined;
  /** Messages that have come. */
  count = 0;
  /** Their bytes, uncompressed. */
  bytes = 0;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data: Buffer) => {
      this.count++;
      this.bytes += data.length;
      if (this.#onMessage) return this.#onMessage(data);
      const waiting = this.#waiting;
      this.#waiting = undefined;
      if (waiting) waiting(data);
      else this.#messages.push(data);
    });
  }

  /** Bytes that have come through the socket, as they were on the network. */
  get received(): number {
    return (this.socket as unknown as { _socket: Socket })._socket.bytesRead;
  }

  /** Sends a text or bytes as they are, anything else as JSON. */
  send(message: unknown): void {
    this.socket.send(typeof message === "string" || message instanceof Uint8Array ? message : JSON.stringify(message));
  }

  /** The next message. */
  async receive(): Promise<Buffer> {
    const message = this.#messages.shift();
    if (message) return message;
    return await new Promise((resolve) => (this.#waiting = resolve));
  }

  /** The next message, as JSON. */
  async json<T>(): Promise<T> {
    return JSON.parse((await this.receive()).toString()) as T;
  }

  /** From now on every message goes to `listener`, those that wait first; without one they are kept again. */
  listen(listener: ((message: Buffer) => void) | undefined): void {
    this.#onMessage = listener;
    while (this.#onMessage && this.#onMessage === listener && this.#messages.length > 0) listener(this.#messages.shift() as Buffer);
  }

  /** Resolves with the time at which `done` said that a message was the last. */
  async until(done: (message: Buffer) => boolean): Promise<number> {
    return await new Promise((resolve) => {
      this.listen((message) => {
        if (!done(message)) return;
        this.listen(undefined);
        resolve(performance.timeOrigin + performance.now());
      });
    });
  }

  /** Fails what waits when the socket closes by itself. */
  onClose(listener: (code: number, reason: string) => void): void {
    this.socket.on("close", (code, reason) => listener(code, reason.toString()));
  }

  close(): void {
    this.socket.removeAllListeners("close");
    this.socket.terminate();
  }
}

/** Opens a socket; with `deflate`, as a browser does, which offers permessage-deflate. */
export async function openWire(address: string, deflate: boolean): Promise<Wire> {
  const socket = new WebSocket(address, { perMessageDeflate: deflate, skipUTF8Validation: true, maxPayload: 1024 * 1024 * 1024 });
  const wire = new Wire(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once("open", () => resolve());
    socket.once("error", reject);
  });
  socket.on("close", (code) => console.error(`a socket of the bench was closed: ${code} ${address}`));
  return wire;
}
