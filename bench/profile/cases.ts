// SPDX-License-Identifier: MIT
// What is profiled in workerd: the bench's cases of the same name, with nothing measured but where the time goes.
import { Session } from "../harness/session.ts";
import { creates, type Subject } from "../cases/case.ts";
import type { Profiler } from "./profiler.ts";

const ENOUGH = 2_000_000; // microseconds of samples, after which shares hardly change

export interface ProfiledCase {
  readonly name: string;
  readonly title: string;
  /** Resolves with the operations that were profiled; `quick` is for who wants to see no more than that it works. */
  run(subject: Subject, profiler: Profiler, quick?: boolean): Promise<number>;
}

const pipelined: ProfiledCase = {
  name: "pipelined",
  title: "an action of one client that sends 1,900 without waiting, each a message of its own",
  run: async (subject, profiler, quick = false) => {
    const each = quick ? 500 : 1900;
    const [least, most] = quick ? [1, 1] : [2, 12];
    const round = async (name: string, around: (work: () => Promise<void>) => Promise<void>) => {
      // A new object and a new socket, as in the bench.
      const author = await subject.follow(`${subject.object}-${name}`, "author");
      await around(async () => {
        author.send(creates("action", each));
        await author.settled();
      });
      author.close();
    };
    await round("cold", async (work) => await work());
    let rounds = 0;
    for (; rounds < least || (rounds < most && profiler.busy < ENOUGH); rounds++) await round(`${rounds}`, async (work) => await profiler.during(work));
    return rounds * each;
  },
};

const firstSync: ProfiledCase = {
  name: "first-sync",
  title: "a first sync of 100,000 rows, connection included",
  run: async (subject, profiler, quick = false) => {
    const rows = quick ? 1000 : 100_000;
    await subject.server.seed(subject.object, rows);
    let count = 0;
    const sync = async () => {
      const session = await Session.open(subject.target, subject.place(subject.object), `reader-${count}`);
      if ((await session.sync()).rows !== rows) throw new Error("not every row came");
      session.close();
    };
    await sync();
    for (; profiler.busy < (quick ? 1 : ENOUGH); count++) await profiler.during(sync);
    return count;
  },
};

const waking: ProfiledCase = {
  name: "waking",
  title: "from hibernation to the answer of the first action, 10,000 rows; the call that hibernates is part of it",
  run: async (subject, profiler, quick = false) => {
    const times = quick ? 5 : 300;
    await subject.server.seed(subject.object, 10_000);
    const author = await subject.follow(subject.object, "author");
    const wake = async (name: string) => {
      await subject.server.hibernate(subject.object);
      author.send(creates(name, 1));
      await author.settled();
    };
    for (let i = 0; i < 5; i++) await wake(`warm-${i}`);
    await profiler.during(async () => {
      for (let i = 0; i < times; i++) await wake(`wake-${i}`);
    });
    return times;
  },
};

const sequential: ProfiledCase = {
  name: "sequential",
  title: "an action that is sent when the one before is answered",
  run: async (subject, profiler, quick = false) => {
    const times = quick ? 20 : 1900; // as many as a socket may send at once
    const author = await subject.follow(subject.object, "author");
    const act = async (name: string) => {
      author.send(creates(name, 1));
      await author.settled();
    };
    for (let i = 0; i < 50; i++) await act(`warm-${i}`);
    await profiler.during(async () => {
      for (let i = 0; i < times; i++) await act(`action-${i}`);
    });
    return times;
  },
};

const returning: ProfiledCase = {
  name: "resume",
  title: "the return of a client that has missed nothing, connection included",
  run: async (subject, profiler, quick = false) => {
    const times = quick ? 5 : 1000;
    await subject.server.seed(subject.object, 1000);
    const { resume } = subject.target;
    if (!resume) return 0;
    const first = await Session.open(subject.target, subject.place(subject.object), "first");
    const { cursor } = await first.sync();
    first.close();
    const back = async (name: string) => {
      const session = await Session.open(subject.target, subject.place(subject.object), name);
      await resume(session.wire, cursor);
      session.close();
    };
    for (let i = 0; i < 20; i++) await back(`warm-${i}`);
    await profiler.during(async () => {
      for (let i = 0; i < times; i++) await back(`reader-${i}`);
    });
    return times;
  },
};

export const profiledCases: readonly ProfiledCase[] = [pipelined, sequential, firstSync, returning, waking];
