// SPDX-License-Identifier: MIT
// What is measured, in order, and what each operation may cost: the one place where durasync's numbers stand. The cost test compares them with what
// workerd counts, and docs/COST.md shows them beside the baseline's.
import type { Cost } from "../../js-shim/cost.ts";
import { connectClient, connectListeners, type BenchClient } from "./clients.ts";
import { seededKey, type Subject } from "./server.ts";

export interface Figures {
  readonly rowsRead: number;
  readonly rowsWritten: number;
  readonly framesOut: number;
}

/** durasync's figures. A number that changes is changed here, with a reason for it; a number that rises needs a good one. */
export const operations = {
  "first wake of a new object": { rowsRead: 34, rowsWritten: 18, framesOut: 0 },
  "wake": { rowsRead: 4, rowsWritten: 0, framesOut: 0 },
  "connect": { rowsRead: 1, rowsWritten: 0, framesOut: 1 },
  "first sync of 10,000 rows": { rowsRead: 30_009, rowsWritten: 0, framesOut: 5 },
  "create": { rowsRead: 2, rowsWritten: 3, framesOut: 1 },
  "update of one column": { rowsRead: 3, rowsWritten: 3, framesOut: 1 },
  "update that changes nothing": { rowsRead: 2, rowsWritten: 1, framesOut: 0 },
  "delete": { rowsRead: 2, rowsWritten: 3, framesOut: 1 },
  "burst of 200 creates, 10 listeners": { rowsRead: 601, rowsWritten: 401, framesOut: 11 },
  "one create, 100 listeners": { rowsRead: 2, rowsWritten: 3, framesOut: 101 },
  "resume, nothing changed": { rowsRead: 3, rowsWritten: 0, framesOut: 1 },
  "resume, 10 changes in 100,000 rows": { rowsRead: 32, rowsWritten: 0, framesOut: 1 },
  "10,000 creates, compaction included": { rowsRead: 190_031, rowsWritten: 30_021, framesOut: 20 },
} satisfies Record<string, Figures>;

export type OperationName = keyof typeof operations;

/** The bytes of an object's database: empty, and with 10,000 rows that have just been written, each with its change in the log. */
export interface Stored {
  readonly empty: number;
  readonly full: number;
}

/** durasync's. */
export const stored: Stored = { empty: 36_864, full: 1_064_960 };

/** One operation and what it came to. */
export type Measurement = readonly [OperationName, Cost];

const todo = (id: string) => ({ id, text: "a todo of usual length" });
const todos = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => todo(`${prefix}-${seededKey(i)}`));

/** Has `author` act, and waits until it and every listener have seen it. */
async function act(author: BenchClient, listeners: readonly BenchClient[], type: string, payload: unknown): Promise<void> {
  author.send(type, payload);
  await author.settled();
  for (const listener of listeners) await listener.changes(1);
}

async function* measureReading(subject: Subject): AsyncGenerator<Measurement> {
  yield ["first wake of a new object", await subject.take()];
  await subject.seed(0, 10_000);
  // The local runtime has made a table of its own meanwhile, which no object on the platform has: one wake makes sure that nothing is wrong with the triggers, and is not counted.
  await subject.hibernate();
  await subject.take();
  await subject.hibernate();
  yield ["wake", await subject.take()];
  const client = await connectClient(subject, "reader");
  await client.hello();
  yield ["connect", await subject.take()];
  await client.sync();
  yield ["first sync of 10,000 rows", await subject.take()];
}

async function* measureActing(subject: Subject): AsyncGenerator<Measurement> {
  const listeners = await connectListeners(subject, 1);
  const [author] = listeners;
  if (!author) return;
  await act(author, [], "create", todo("first")); // the object knows the client from its first action on
  await subject.take();
  await act(author, [], "create", todo("lone"));
  yield ["create", await subject.take()];
  await act(author, [], "update", { id: "lone", completed: 1 });
  yield ["update of one column", await subject.take()];
  await subject.touch("lone");
  yield ["update that changes nothing", await subject.take()];
  await act(author, [], "delete", { id: "lone" });
  yield ["delete", await subject.take()];
}

async function* measureListeners(subject: Subject): AsyncGenerator<Measurement> {
  const author = await connectClient(subject, "author");
  await author.hello();
  await act(author, [], "create", todo("first"));
  const few = await connectListeners(subject, 10);
  await subject.take();
  await subject.gather(200);
  for (const payload of todos("burst", 200)) author.send("create", payload);
  await author.settled();
  for (const listener of few) await listener.changes(200);
  yield ["burst of 200 creates, 10 listeners", await subject.take()];
  const many = [...few, ...(await connectListeners(subject, 90))];
  await subject.take();
  await act(author, many, "create", todo("lone"));
  yield ["one create, 100 listeners", await subject.take()];
}

// Sockets stay open to the end: the closing of one would be counted at some moment of its own choosing.
async function* measureReturning(subject: Subject): AsyncGenerator<Measurement> {
  await subject.seed(0, 99_999);
  const author = await connectClient(subject, "author");
  await author.hello();
  await act(author, [], "create", todo("first"));
  const away = await connectClient(subject, "away");
  await away.hello();
  await away.sync();
  const costOfResume = async (id: string) => {
    const client = await connectClient(subject, id);
    await client.hello();
    await subject.take();
    await client.resume(away);
    return await subject.take();
  };
  yield ["resume, nothing changed", await costOfResume("soon")];
  for (let i = 0; i < 10; i++) await act(author, [], "update", { id: seededKey(10_000 * i), completed: 1 });
  yield ["resume, 10 changes in 100,000 rows", await costOfResume("later")];
}

// The log is full from the start, as it is in an object of some age. The baseline has none: 10,000 creates cost it 10,000 times what one does.
async function* measureCompaction(subject: Subject): AsyncGenerator<Measurement> {
  if (subject.objectClass === "Plain") return;
  await subject.seed(0, 40_000);
  const [author] = await connectListeners(subject, 1);
  await subject.take();
  await author?.sendAll("create", todos("many", 10_000));
  yield ["10,000 creates, compaction included", await subject.take()];
}

/** Runs every operation on objects of one class and tells what each came to. */
export async function* measure(subjectOf: (name: string) => Subject): AsyncGenerator<Measurement> {
  yield* measureReading(subjectOf("reading"));
  yield* measureActing(subjectOf("acting"));
  yield* measureListeners(subjectOf("listeners"));
  yield* measureReturning(subjectOf("returning"));
  yield* measureCompaction(subjectOf("compaction"));
}

/** Measures the database of a new object. */
export async function measureStored(subject: Subject): Promise<Stored> {
  const empty = await subject.size();
  await subject.seed(0, 10_000);
  return { empty, full: await subject.size() };
}
