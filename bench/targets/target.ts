// SPDX-License-Identifier: MIT
// What the bench knows of a target: how its client speaks. The server's part is the module beside it, which exports the classes Todos and Wide.
import type { Wire } from "../harness/wire.ts";

export interface Synced {
  /** Rows that came. */
  readonly rows: number;
  /** When the first of them had come and was parsed, as performance.now() says it. */
  readonly first: number;
  /** What `resume` needs to know of the copy. */
  readonly cursor: unknown;
}

export type Channel = "todos" | "wide";

/** `create {id, text}` and `update {id, completed}` of todos, `set {id, value}` of wide: one column of one row. */
export interface Action {
  readonly type: "create" | "update" | "set";
  readonly payload: { readonly id: string; readonly text?: string; readonly completed?: 0 | 1; readonly value?: string };
}

export interface Target {
  readonly name: string;
  /** One sentence for the page. */
  readonly title: string;
  /** The channels that it has; both, if it does not say. */
  readonly channels?: readonly Channel[];
  /** The most rows and listeners that it takes, and runs, where they are slow. */
  readonly mostRows?: number;
  readonly mostListeners?: number;
  readonly mostRuns?: number;
  /** What comes first on a socket of the client called `client`. */
  hello(wire: Wire, client: string): Promise<void>;
  /** Fetches a channel and follows it from then on. */
  sync(wire: Wire, channel: Channel): Promise<Synced>;
  /** Brings a copy up to date; rows that came. Left out where the target cannot but fetch everything again. */
  resume?(wire: Wire, cursor: unknown): Promise<number>;
  /** The message of the `number`th action of a client, of which all up to `settled` are settled; undefined if the target's own client has sent it. */
  action(client: string, number: number, settled: number, channel: Channel, action: Action): string | Uint8Array | undefined;
  /** Messages that carry several actions; left out where a message carries one. */
  actions?(client: string, number: number, settled: number, channel: Channel, actions: readonly Action[]): string[];
  /** How many actions of the client a message settles; left out where nobody tells the author. */
  settles?(message: Buffer, client: string): number;
}
