// SPDX-License-Identifier: MIT
// Waking from hibernation.
import { Crowd } from "../harness/crowd.ts";
import { openFiles } from "../harness/process.ts";
import { creates, known, round, type Case } from "./case.ts";

// workerd has two files open for a socket, and some of its own: where that is not allowed for as many subscribers, there are fewer.
const mostSubscribers = Math.floor((openFiles() - 1000) / 2);

const wake = (subscribers: number): Case => ({
  name: `wake-${round(subscribers)}`,
  title: `From hibernation to the answer of the first action, ${Math.min(subscribers, mostSubscribers).toLocaleString("en-US")} subscribers, 10,000 rows`,
  network: true,
  rows: 10_000,
  listeners: subscribers,
  answers: true,
  warmUps: 1,
  ...(subscribers > 100 ? { size: "huge" } : {}),
  prepare: async (subject) => {
    const { server } = subject;
    await server.seed(subject.object, 10_000);
    const author = await subject.follow(subject.object, "author");
    const crowd = await Crowd.open(subject.target, subject.place(subject.object), Math.min(subscribers, mostSubscribers));
    subject.atEnd(async () => await crowd.close());
    return async (run) => {
      await server.rows(subject.object); // awake, wherever the other targets' turns have left it
      await server.hibernate(subject.object);
      const cpu = server.cpu();
      const start = performance.now();
      author.send(creates(`wake-${run}`, 1));
      await author.settled();
      const took = performance.now() - start;
      const used = server.cpu() - cpu;
      return { "first answer, ms": took, "server CPU, ms": used, ...known("rows read", (await server.rows(subject.object)).read) };
    };
  },
});

export const wakingCases: readonly Case[] = [0, 100, 10_000].map(wake);
