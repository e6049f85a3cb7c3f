// SPDX-License-Identifier: MIT
import type { Frame } from "./core.ts";
import * as limits from "../wasm/build/limits.ts";

/** What a frame costs the object's memory while it waits, in bytes, beside its text. */
const FRAME_ROOM = 128;

/** Counts the frames that wait for the core, each in bytes of UTF-8: those of a turn, and those behind a handler. */
export class Backlog {
  readonly #frames = new Map<number, number>();
  #bytes = 0;

  /** The bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether one more frame is too much: for the object's memory, or of its socket. */
  isFullFor({ socket, size = 0 }: Frame): boolean {
    const frames = this.#frames.get(socket) ?? 0;
    return frames >= limits.maxWaitingFrames || this.#bytes + size + FRAME_ROOM > limits.maxWaiting;
  }

  add(frames: readonly Frame[]): void {
    for (const frame of frames) this.#count(frame, 1);
  }

  remove(frames: readonly Frame[]): void {
    for (const frame of frames) this.#count(frame, -1);
  }

  #count({ socket, size = 0 }: Frame, by: 1 | -1): void {
    const frames = (this.#frames.get(socket) ?? 0) + by;
    this.#bytes += by * (size + FRAME_ROOM);
    if (frames > 0) this.#frames.set(socket, frames);
    else this.#frames.delete(socket);
  }
}

/** How many frames from the first on a turn takes: as many bytes as fit, and always one. */
export function turnOf(frames: readonly Frame[]): number {
  let bytes = 0;
  for (const [count, { size = 0 }] of frames.entries()) {
    bytes += size;
    if (bytes > limits.maxTurnBytes && count > 0) return count;
  }
  return frames.length;
}
