// SPDX-License-Identifier: MIT
import { SyncError } from "./errors.ts";

/**
 * How far an action is: "new" before anything, "saved" where the next page will find it, "sent" to the object, and in the end
 * "committed", with its effects among the records, or "rejected". A lost line takes it back from sent to saved. While the status says that
 * the storage is memory, no later page would find it: it is "new" until it is sent, and again after a lost line.
 * "left_behind" is where it is after half a minute in which nobody watched, or the socket was closed, and nothing came of it. It is kept
 * where it was saved; whoever opens the object again takes it back from there.
 */
export type Stage = "new" | "saved" | "sent" | "left_behind" | "committed" | "rejected";

/** What an action came to: the handler's result, if it gave one. */
export type Settled = { result: unknown };

/**
 * Resolves once the action is committed and its effects are among the records; rejects with a SyncError. As long as somebody watches it
 * waits as long as it takes: an action that could not be sent yet is sent on the next connection. Else it rejects in the end with the code
 * "left_behind", which says that the outcome is open: the action may be sent later, and its stage goes on. Not awaiting it is harmless.
 */
export type Receipt = Promise<Settled> & { readonly stage: Stage };

export type SendOptions = {
  /** Takes the action back as long as it has not been sent; after that it does nothing. The receipt rejects with the code "aborted". */
  signal?: AbortSignal | undefined;
  /** Called after each change of the stage. */
  onStage?: ((stage: Stage) => void) | undefined;
};

/** The side of a receipt on which it is settled. */
export class Progression {
  readonly receipt: Receipt;
  #stage: Stage = "new";
  readonly #onStage: SendOptions["onStage"];
  readonly #resolve: (settled: Settled) => void;
  readonly #reject: (error: SyncError) => void;

  constructor(onStage?: SendOptions["onStage"]) {
    const { promise, resolve, reject } = Promise.withResolvers<Settled>();
    promise.catch(() => {});
    this.receipt = Object.defineProperty(promise, "stage", { get: () => this.#stage }) as Receipt;
    this.#onStage = onStage;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get stage(): Stage {
    return this.#stage;
  }

  reach(stage: Stage): void {
    if (this.#stage === stage) return;
    this.#stage = stage;
    // Later: whoever is told may send the next action, and this one is still being dealt with.
    if (this.#onStage) queueMicrotask(() => this.#onStage?.(stage));
  }

  commit(settled: Settled): void {
    this.reach("committed");
    this.#resolve(settled);
  }

  reject(error: SyncError): void {
    this.reach("rejected");
    this.#reject(error);
  }

  /** Nobody waits for it any more. The promise ends, the action does not. */
  leave(): void {
    this.reach("left_behind");
    this.#reject(new SyncError("left_behind"));
  }

  /** Somebody waits for it again. */
  resume(stage: "new" | "saved"): void {
    if (this.#stage === "left_behind") this.reach(stage);
  }
}
