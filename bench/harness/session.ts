// SPDX-License-Identifier: MIT
// A client of a target: a socket, and what it has sent and got answered on it.
import type { Action, Channel, Synced, Target } from "../targets/target.ts";
import { openWire, type Wire } from "./wire.ts";

/** Where a session connects: everything that a worker thread needs to know to open one. */
export interface Place {
  readonly address: string;
  readonly channel: Channel;
  readonly deflate: boolean;
}

export class Session {
  readonly wire: Wire;
  readonly #target: Target;
  readonly #channel: Channel;
  readonly #client: string;
  #sent = 0;
  #settled = 0;

  private constructor(wire: Wire, target: Target, channel: Channel, client: string) {
    this.wire = wire;
    this.#target = target;
    this.#channel = channel;
    this.#client = client;
  }

  /** Connects, and says hello. */
  static async open(target: Target, { address, channel, deflate }: Place, client: string): Promise<Session> {
    const wire = await openWire(address, deflate);
    await target.hello(wire, client);
    return new Session(wire, target, channel, client);
  }

  /** Connects and fetches the channel. */
  static async follow(target: Target, place: Place, client: string): Promise<Session> {
    const session = await Session.open(target, place, client);
    await session.sync();
    return session;
  }

  async sync(): Promise<Synced> {
    return await this.#target.sync(this.wire, this.#channel);
  }

  /** Sends each action as a message of its own. */
  send(actions: readonly Action[]): void {
    for (const action of actions) {
      const message = this.#target.action(this.#client, ++this.#sent, this.#settled, this.#channel, action);
      if (message !== undefined) this.wire.send(message);
    }
  }

  /** Sends the actions in as few messages as the target can. */
  sendTogether(actions: readonly Action[]): void {
    if (!this.#target.actions) return this.send(actions);
    for (const message of this.#target.actions(this.#client, this.#sent + 1, this.#settled, this.#channel, actions)) this.wire.send(message);
    this.#sent += actions.length;
  }

  /** Resolves when all that was sent is settled; at once where the target tells nobody. */
  async settled(): Promise<void> {
    const target = this.#target;
    if (!target.settles || this.#settled >= this.#sent) return;
    await this.wire.until((message) => {
      this.#settled += target.settles?.(message, this.#client) ?? 0;
      return this.#settled >= this.#sent;
    });
  }

  close(): void {
    this.wire.close();
  }
}
