// SPDX-License-Identifier: MIT
// First sync, return, and what a first sync means for others and for the memory.
import { Crowd } from "../harness/crowd.ts";
import { Session } from "../harness/session.ts";
import { creates, known, now, round, type Case, type Metrics, type Subject } from "./case.ts";

const MB = 1024 * 1024;
const key = (n: number) => String(n).padStart(8, "0");

/** Connects, has `work` done, and tells what it took. */
async function visit(subject: Subject, name: string, client: string, work: (session: Session) => Promise<{ rows: number; first?: number }>): Promise<Metrics> {
  const { server, target } = subject;
  const cpu = server.cpu();
  const start = performance.now();
  const session = await Session.open(target, subject.place(name), client);
  const { rows, first } = await work(session);
  const end = performance.now();
  const metrics = {
    ...(first === undefined ? {} : { "first row, ms": first - start }),
    "last row, ms": end - start,
    "server CPU, ms": server.cpu() - cpu,
    "bytes": session.wire.bytes,
    "network bytes": session.wire.received,
    "messages": session.wire.count,
    "rows": rows,
  };
  session.close();
  return metrics;
}

const firstSync = (count: number): Case => ({
  name: `first-sync-${round(count)}`,
  title: `First sync of ${count.toLocaleString("en-US")} rows, connection included`,
  network: true,
  rows: count,
  warmUps: 1,
  ...(count > 100_000 ? { size: "huge" } : {}),
  prepare: async (subject) => {
    const name = `todos-${count}`;
    await subject.server.seed(name, count);
    return async (run) => {
      const metrics = await visit(subject, name, `reader-${run}`, async (session) => await session.sync());
      if (metrics["rows"] !== count) throw new Error(`${metrics["rows"]} rows came, not ${count}`);
      return metrics;
    };
  },
});

const memory = (count: number): Case => ({
  name: `memory-${round(count)}`,
  title: `Memory that a first sync of ${count.toLocaleString("en-US")} rows takes, in a fresh process`,
  network: true,
  rows: count,
  ...(count > 100_000 ? { size: "huge" } : {}),
  prepare: async (subject) => {
    const { server, target } = subject;
    const name = `todos-${count}`;
    await server.seed(name, count);
    return async (run) => {
      await server.stop();
      await server.start();
      const session = await Session.open(target, subject.place(name), `reader-${run}`);
      await server.rows(name);
      server.resetPeak();
      const before = server.memory();
      await session.sync();
      const rise = server.peak() - before;
      session.close();
      return { "rise, MB": rise / MB, "before, MB": before / MB };
    };
  },
});

const resume: Case = {
  name: "resume",
  title: "Return of a client that has missed 10 changes in 100,000 rows, connection included",
  network: true,
  rows: 100_000,
  answers: true,
  warmUps: 1,
  prepare: async (subject) => {
    const { server, target } = subject;
    await server.seed(subject.object, 100_000);
    const author = await Session.open(target, subject.place(subject.object), "away");
    const { cursor } = await author.sync();
    for (let i = 0; i < 10; i++) {
      author.send([{ type: "update", payload: { id: key(i * 9999), completed: 1 } }]);
      await author.settled();
    }
    author.close();
    return async (run) => {
      await server.rows(subject.object);
      const metrics = await visit(subject, subject.object, `reader-${run}`, async (session) => ({ rows: (await target.resume?.(session.wire, cursor)) ?? (await session.sync()).rows }));
      if (target.resume && metrics["rows"] !== 10) throw new Error(`${metrics["rows"]} rows came, not 10`);
      return { ...metrics, ...known("rows read", (await server.rows(subject.object)).read) };
    };
  },
};

const meanwhile: Case = {
  name: "meanwhile",
  title: "An action of somebody else while 100,000 rows are fetched",
  network: true,
  rows: 100_000,
  answers: true,
  warmUps: 1,
  prepare: async (subject) => {
    await subject.server.seed(subject.object, 100_000);
    const crowd = await Crowd.open(subject.target, subject.place(subject.object), 0);
    subject.atEnd(async () => await crowd.close());
    const author = await Session.open(subject.target, subject.place(subject.object), "author");
    subject.atEnd(() => author.close());
    const lone = async (id: string) => {
      const start = now();
      author.send(creates(id, 1));
      await author.settled();
      return now() - start;
    };
    return async (run) => {
      const alone = await lone(`alone-${run}`);
      let over = false;
      const fetched = crowd.ask("fetch", undefined).then(() => void (over = true));
      const latencies: number[] = [];
      for (let i = 0; !over; i++) latencies.push(await lone(`meanwhile-${run}-${i}`));
      await fetched;
      return { "longest answer, ms": Math.max(...latencies), "answer otherwise, ms": alone };
    };
  },
};

export const readingCases: readonly Case[] = [...[1000, 10_000, 100_000, 1_000_000].map(firstSync), ...[100_000, 1_000_000].map(memory), resume, meanwhile];
