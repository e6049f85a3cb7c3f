// SPDX-License-Identifier: MIT
// Many listeners in a process of their own, so that the one that acts and measures is not kept waiting by them, and has not all of their sockets among its open files.
import { fork, type ChildProcess } from "node:child_process";
import type { Synced, Target } from "../targets/target.ts";
import type { Place } from "./session.ts";

/** What the process is asked, and what it answers. */
export interface Requests {
  /** Opens listeners one after another; each has a copy of the channel then. */
  open: [{ target: string; place: Place; count: number; client: string }, void];
  /** Begins to look for `mark` in the messages of every listener. */
  watch: [string, void];
  /** Resolves when every listener has got a message with the mark: when the last did, as Unix time with fractions; messages and bytes since `watch`, of all together. */
  seen: [void, { last: number; messages: number; bytes: number; network: number }];
  /** One more client fetches the channel: what came, and how long it took. */
  fetch: [void, Synced];
  close: [void, void];
}

export type RequestName = keyof Requests;

export class Crowd {
  readonly #process: ChildProcess = fork(new URL("crowd-process.ts", import.meta.url), { serialization: "advanced" });
  readonly #waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  #asked = 0;

  private constructor() {
    this.#process.on("message", ({ id, value, error }: { id: number; value: never; error?: string }) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(value);
      else waiting?.reject(new Error(error));
    });
    this.#process.on("exit", (code) => this.#waiting.forEach(({ reject }) => reject(new Error(`the listeners' process ended with ${code}`))));
  }

  static async open(target: Target, place: Place, count: number): Promise<Crowd> {
    const crowd = new Crowd();
    await crowd.ask("open", { target: target.name, place, count, client: "listener" });
    return crowd;
  }

  async ask<Name extends RequestName>(name: Name, argument: Requests[Name][0]): Promise<Requests[Name][1]> {
    const id = ++this.#asked;
    this.#process.send({ id, name, argument });
    return await new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  async close(): Promise<void> {
    await this.ask("close", undefined);
    this.#process.disconnect();
  }
}
