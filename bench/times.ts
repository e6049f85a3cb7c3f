// SPDX-License-Identifier: MIT
// How long operations take, seen from outside: durasync's and the baseline's runs take turns, so that a busy machine is busy for both.
import { connectClient, connectListeners, type BenchClient } from "./clients.ts";
import { seededKey, type BenchServer, type Subject } from "./server.ts";

/** Medians, in milliseconds. */
export interface Time {
  readonly name: string;
  readonly runs: number;
  readonly durasync: number;
  readonly baseline: number;
}

// Prepares an object and returns the step to be timed; `run` counts from 0.
type Preparation = (subject: Subject) => Promise<(run: number) => Promise<void>>;

const todos = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, i) => ({ id: `${prefix}-${seededKey(i)}`, text: "a todo of usual length" }));

async function actAll(author: BenchClient, listeners: readonly BenchClient[], payloads: readonly unknown[]): Promise<void> {
  for (const payload of payloads) author.send("create", payload);
  await author.settled();
  for (const listener of listeners) await listener.changes(payloads.length);
}

async function newcomer(subject: Subject, id: string): Promise<BenchClient> {
  const client = await connectClient(subject, id);
  await client.hello();
  return client;
}

const lone: Preparation = async (subject) => {
  const author = await newcomer(subject, "author");
  return async (run) => {
    for (const payload of todos(`lone-${run}`, 50)) await actAll(author, [], [payload]);
  };
};

const pipelined: Preparation = async (subject) => {
  const author = await newcomer(subject, "author");
  return async (run) => await actAll(author, [], todos(`pipelined-${run}`, 200));
};

const burst: Preparation = async (subject) => {
  const author = await newcomer(subject, "author");
  const listeners = await connectListeners(subject, 100);
  return async (run) => await actAll(author, listeners, todos(`burst-${run}`, 200));
};

const firstSync: Preparation = async (subject) => {
  await subject.seed(0, 100_000);
  return async (run) => {
    const client = await newcomer(subject, `first-${run}`);
    await client.sync();
    client.close();
  };
};

const resume: Preparation = async (subject) => {
  await subject.seed(0, 100_000);
  const away = await newcomer(subject, "away");
  await away.sync();
  away.close();
  const author = await newcomer(subject, "author");
  for (let i = 0; i < 10; i++) {
    author.send("update", { id: seededKey(10_000 * i), completed: 1 });
    await author.settled();
  }
  return async (run) => {
    const client = await newcomer(subject, `back-${run}`);
    await client.resume(away);
    client.close();
  };
};

const measured: readonly { name: string; runs: number; prepare: Preparation }[] = [
  { name: "50 creates, each awaited", runs: 7, prepare: lone },
  { name: "200 creates, pipelined", runs: 7, prepare: pipelined },
  { name: "200 creates, pipelined, to 100 listeners", runs: 5, prepare: burst },
  { name: "first sync of 100,000 rows, connection included", runs: 7, prepare: firstSync },
  { name: "resume, 10 of 100,000 rows, connection included", runs: 7, prepare: resume },
];

async function timed(step: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await step();
  return performance.now() - start;
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? NaN;
}

/** Measures both objects, each operation on objects of its own. */
export async function measureTimes(server: BenchServer): Promise<Time[]> {
  const times: Time[] = [];
  for (const [at, { name, runs, prepare }] of measured.entries()) {
    const durasync = await prepare(server.subject("Todos", `times-${at}`));
    const baseline = await prepare(server.subject("Plain", `times-${at}`));
    const took: { durasync: number[]; baseline: number[] } = { durasync: [], baseline: [] };
    for (let run = 0; run < runs; run++) {
      took.durasync.push(await timed(() => durasync(run)));
      took.baseline.push(await timed(() => baseline(run)));
    }
    times.push({ name, runs, durasync: median(took.durasync), baseline: median(took.baseline) });
  }
  return times;
}
