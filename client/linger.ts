// SPDX-License-Identifier: MIT
import type { Actions } from "./actions.ts";
import type { Connection } from "./connection.ts";

/** Milliseconds for which a store that was left tries on without success; then its actions are left behind. */
export const LINGER = 30_000;

/** Parts in which that time is counted, for each action by itself. */
const PARTS = 6;

/** Milliseconds until a socket that was dialled here, and closed by its owner once more, is dialled once more. */
const PAUSE = 1000;

/** The store around it, at this moment. */
export type Remaining = {
  readonly actions: Actions;
  readonly connection: Connection;
  /** Somebody watches a channel. */
  readonly watched: boolean;
  /** The store may have the socket dialled: its user is at the page, and the object has not turned it away. */
  readonly welcome: boolean;
  readonly dialled: boolean;
  step(change: () => void): void;
};

/**
 * What a store does once its watchers, or its socket's owner, have left while actions wait: it dials again by the same socket, and
 * hangs up once nothing waits, or nothing has come of it for long. The actions are left behind then: where they are kept they stay.
 */
export class Linger {
  /** The line was dialled here, after the socket's owner had closed it, and nobody has come back to it. */
  mine = false;
  readonly #store: Remaining;
  #settled = 0;
  #counting: ReturnType<typeof setInterval> | undefined;
  #dialling: ReturnType<typeof setTimeout> | undefined;

  constructor(store: Remaining) {
    this.#store = store;
  }

  /** Looks, after each step, whether there is anything to see to. */
  tend(): void {
    const { actions, connection, watched, dialled } = this.#store;
    // A socket that was never dialled, and whose component is there, is its owner's to open.
    const isClosed = connection.closed && (dialled || !watched);
    if (!watched && (isClosed || this.mine) && !this.#canDial) actions.leave();
    if (!actions.wanted || !(isClosed || !watched || this.mine)) return this.end();
    this.#counting ??= setInterval(this.#count, LINGER / PARTS);
    // Later, since React's StrictMode, and a page that is developed, close every socket once to dial it again.
    if (isClosed && this.#canDial) this.#dialling ??= setTimeout(this.#dial, this.mine ? PAUSE : 0);
  }

  /** Nothing is left to do, or nobody to do it for. */
  end(): void {
    this.stop();
    if (!this.mine) return;
    this.mine = false;
    this.#store.connection.giveUp();
  }

  /** Somebody is there again, who sees to the line from now on. */
  stop(): void {
    clearInterval(this.#counting);
    clearTimeout(this.#dialling);
    this.#counting = this.#dialling = undefined;
  }

  get #canDial(): boolean {
    return this.#store.welcome && this.#store.connection.canDial;
  }

  readonly #dial = (): void => {
    this.#dialling = undefined;
    const { actions, connection } = this.#store;
    if (!actions.wanted || !connection.closed || !this.#canDial) return this.#store.step(() => {});
    this.mine = true;
    connection.dial();
  };

  /** A part of the time is over. Where one of the actions was settled in it, the others have waited for nothing so far. */
  readonly #count = (): void => {
    const { actions, step } = this.#store;
    const hadSuccess = actions.settled !== this.#settled;
    this.#settled = actions.settled;
    step(() => (hadSuccess ? actions.resume() : actions.wait(PARTS)));
  };
}
