// SPDX-License-Identifier: MIT
// The way from one window to the server, which can be cut. Chromium's own "offline" only holds back what an open WebSocket has to carry.
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** A connection: the window's end and the server's. */
type Joint = readonly [near: Socket, far: Socket];

export class Line {
  readonly #target: number;
  readonly #joints = new Set<Joint>();
  #server: Server | undefined;
  #port = 0;

  /** @param target the server's port on this machine */
  constructor(target: number) {
    this.#target = target;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Opens the line, on the port it had before if it was cut. */
  async open(): Promise<void> {
    this.#server = createServer((near) => this.#join(near)).listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Resets every connection and refuses new ones. */
  async cut(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = once(server, "close");
    server.close();
    for (const end of [...this.#joints].flat()) end.resetAndDestroy();
    await closed;
  }

  /** Holds back what the server sends over the present connections: they stand, and nothing arrives. */
  holdAnswers(): void {
    for (const [near, far] of this.#joints) far.unpipe(near);
  }

  /** Holds back what the window sends over the present connections. */
  holdRequests(): void {
    for (const [near, far] of this.#joints) near.unpipe(far);
  }

  #join(near: Socket): void {
    const far = connect(this.#target, "127.0.0.1");
    const joint: Joint = [near, far];
    this.#joints.add(joint);
    near.pipe(far).pipe(near);
    for (const end of joint) {
      end.on("error", () => {}); // Always followed by "close".
      end.on("close", () => {
        this.#joints.delete(joint);
        for (const other of joint) other.destroy();
      });
    }
  }
}
