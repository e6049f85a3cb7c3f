// SPDX-License-Identifier: MIT
import type { Backlog } from "./backlog.ts";
import type { Frame } from "./core.ts";

/** The frames that wait for something outside of the object, and behind them whatever else their sockets send: a socket's frames keep their order. */
export class Waits {
  readonly #held = new Map<number, Frame[]>();
  readonly #release: (socket: number, frames: readonly Frame[]) => void;
  readonly #backlog: Backlog;

  /**
   * @param release takes the frames of a socket when what they waited for is there
   * @param backlog counts what is held
   */
  constructor(release: (socket: number, frames: readonly Frame[]) => void, backlog: Backlog) {
    this.#release = release;
    this.#backlog = backlog;
  }

  /** Holds a frame that has just come if its socket's earlier ones are held; false if not. */
  hold(frame: Frame): boolean {
    const held = this.#held.get(frame.socket);
    if (held === undefined) return false;
    held.push(frame);
    this.#backlog.add([frame]);
    return true;
  }

  /** Takes a frame back from a turn. The first of its socket says what it waits for; `until` resolves when that is there. */
  putBack(frame: Frame, waitsFor: string, until: Promise<void>): void {
    if (waitsFor === "") this.hold(frame);
    else {
      this.drop(frame.socket);
      this.#held.set(frame.socket, [frame]);
      this.#backlog.add([frame]);
      void until.then(() => this.#let(frame.socket));
    }
  }

  /** Forgets the frames of a socket that is gone: its client sends them again. */
  drop(socket: number): void {
    this.#backlog.remove(this.#held.get(socket) ?? []);
    this.#held.delete(socket);
  }

  #let(socket: number): void {
    const frames = this.#held.get(socket);
    this.drop(socket);
    if (frames) this.#release(socket, frames);
  }
}
