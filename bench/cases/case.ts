// SPDX-License-Identifier: MIT
// What a case is: a preparation of one target's server, and a step that is run several times, in turns with the other targets'.
import type { BenchServer, ObjectClass } from "../harness/server.ts";
import { Session, type Place } from "../harness/session.ts";
import type { Action, Target } from "../targets/target.ts";

/** What a step measured: "what, unit" and the value. */
export type Metrics = Record<string, number>;

export interface Step {
  (run: number): Promise<Metrics>;
}

export interface Case {
  /** Short, for the command line: `first-sync-100k`. */
  readonly name: string;
  readonly title: string;
  /** Whether it is run with permessage-deflate as well. */
  readonly network?: boolean;
  /** Whether quick mode leaves it out, or only an option brings it. */
  readonly size?: "slow" | "huge";
  /** Runs that are thrown away, since they find everything cold. */
  readonly warmUps?: number;
  readonly runs?: number;
  readonly skips?: (target: Target) => boolean;
  /** Rows that the table begins with, and listeners, for targets that have a limit. */
  readonly rows?: number;
  readonly listeners?: number;
  /** Whether the author must hear what became of its actions. */
  readonly answers?: boolean;
  prepare(subject: Subject): Promise<Step>;
}

/** Whether the target can do the case. */
export function can(target: Target, { skips, rows = 0, listeners = 0, answers = false }: Case): boolean {
  const { mostRows = Infinity, mostListeners = Infinity } = target;
  return !skips?.(target) && rows <= mostRows && listeners <= mostListeners && (!answers || target.settles !== undefined);
}

/** What is known of a count, as a metric. */
export const known = (metric: string, value: number | null): Metrics => (value === null ? {} : { [metric]: value });

/** One target's server, as a case sees it. */
export class Subject {
  readonly server: BenchServer;
  readonly target: Target;
  readonly deflate: boolean;
  /** The name of an object that belongs to this case alone. */
  readonly object: string;
  readonly #closing: (() => void | Promise<void>)[] = [];

  constructor(server: BenchServer, target: Target, deflate: boolean, measured: string) {
    this.server = server;
    this.target = target;
    this.deflate = deflate;
    this.object = `${measured}${deflate ? "-deflate" : ""}`;
  }

  place(name: string, objectClass: ObjectClass = "Todos"): Place {
    return { address: this.server.address(name, objectClass), channel: objectClass === "Todos" ? "todos" : "wide", deflate: this.deflate };
  }

  /** A client that follows the object's channel. */
  async follow(name: string, client: string, objectClass: ObjectClass = "Todos"): Promise<Session> {
    const session = await Session.follow(this.target, this.place(name, objectClass), client);
    this.#closing.push(() => session.close());
    return session;
  }

  /** What is to be done when the case is over. */
  atEnd(close: () => void | Promise<void>): void {
    this.#closing.push(close);
  }

  async close(): Promise<void> {
    for (const close of this.#closing.reverse()) await close();
  }
}

/** Actions that create todos with keys of their own. */
export function creates(prefix: string, count: number): Action[] {
  return Array.from({ length: count }, (_, i) => ({ type: "create", payload: { id: `${prefix}-${String(i).padStart(6, "0")}`, text: "a todo of usual length" } }));
}

export const now = (): number => performance.timeOrigin + performance.now();

export const round = (count: number): string => (count >= 1_000_000 ? `${count / 1_000_000}m` : count >= 1000 ? `${count / 1000}k` : `${count}`);
