// SPDX-License-Identifier: MIT
// One acts, many listen.
import { Crowd } from "../harness/crowd.ts";
import { Session } from "../harness/session.ts";
import { median } from "../harness/statistics.ts";
import { creates, now, round, type Case, type Metrics, type Subject } from "./case.ts";
import type { Action } from "../targets/target.ts";
import type { ObjectClass } from "../harness/server.ts";

const BURST = 200;
const LONE = 5;

async function gather(subject: Subject, name: string, count: number, objectClass: ObjectClass = "Todos"): Promise<Crowd> {
  const crowd = await Crowd.open(subject.target, subject.place(name, objectClass), count);
  subject.atEnd(async () => await crowd.close());
  return crowd;
}

/** Has the author act and waits until the last listener has seen `mark`. */
async function tell(subject: Subject, crowd: Crowd, author: Session, actions: readonly Action[], mark: string): Promise<Metrics & { took: number; bytes: number; network: number; cpu: number }> {
  await crowd.ask("watch", mark);
  const cpu = subject.server.cpu();
  const start = now();
  author.send(actions);
  const { last, ...totals } = await crowd.ask("seen", undefined);
  await author.settled();
  return { ...totals, took: last - start, cpu: subject.server.cpu() - cpu };
}

const lone = (listeners: number): Case => ({
  name: `lone-${round(listeners)}`,
  title: `One action to ${listeners.toLocaleString("en-US")} listeners`,
  network: true,
  listeners,
  warmUps: 1,
  ...(listeners > 1000 ? { size: "huge" } : listeners === 1000 ? { size: "slow" } : {}),
  prepare: async (subject) => {
    const author = await subject.follow(subject.object, "author");
    const crowd = await gather(subject, subject.object, listeners);
    return async (run) => {
      const told = [];
      for (let i = 0; i < LONE; i++) told.push(await tell(subject, crowd, author, creates(`lone-${run}-${i}`, 1), `lone-${run}-${i}`));
      return {
        "last listener, ms": median(told.map(({ took }) => took)),
        "server CPU per listener, us": (1000 * median(told.map(({ cpu }) => cpu))) / listeners,
        "network bytes per listener": median(told.map(({ network }) => network)) / listeners,
      };
    };
  },
});

const burst = (listeners: number): Case => ({
  name: `burst-${round(listeners)}`,
  title: `${BURST} actions at once to ${listeners.toLocaleString("en-US")} listeners`,
  network: true,
  listeners,
  warmUps: 1,
  ...(listeners === 1000 ? { size: "slow", runs: 3 } : {}),
  prepare: async (subject) => {
    const crowd = await gather(subject, subject.object, listeners);
    return async (run) => {
      const author = await Session.follow(subject.target, subject.place(subject.object), `author-${run}`);
      const { took, cpu, messages, network } = await tell(subject, crowd, author, creates(`burst-${run}`, BURST), `burst-${run}-${String(BURST - 1).padStart(6, "0")}`);
      author.close();
      return {
        "last listener, ms": took,
        "deliveries per second": (1000 * BURST * listeners) / took,
        "server CPU per delivery, us": (1000 * cpu) / (BURST * listeners),
        "messages per listener": (messages ?? NaN) / listeners,
        "network bytes per listener": network / listeners,
      };
    };
  },
});

const wide: Case = {
  name: "wide",
  title: "One column of a row of 20 columns and 2 KB, to 10 listeners",
  network: true,
  skips: ({ channels }) => channels !== undefined && !channels.includes("wide"),
  prepare: async (subject) => {
    await subject.server.call(subject.object, "seed", [0, 50, 0], "Wide");
    const author = await subject.follow(subject.object, "author", "Wide");
    const crowd = await gather(subject, subject.object, 10, "Wide");
    return async (run) => {
      const value = `a new value of run ${run}`;
      // A row that no run has touched: a compressor remembers what it has sent.
      const { took, bytes, network } = await tell(subject, crowd, author, [{ type: "set", payload: { id: String(run).padStart(8, "0"), value } }], value);
      return { "bytes per listener": bytes / 10, "network bytes per listener": network / 10, "last listener, ms": took };
    };
  },
};

export const fanOutCases: readonly Case[] = [...[10, 100, 1000, 5000].map(lone), ...[10, 100, 1000].map(burst), wide];
