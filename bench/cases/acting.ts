// SPDX-License-Identifier: MIT
// Actions: one after the other, and many at once.
import { median, quantile } from "../harness/statistics.ts";
import { creates, type Case } from "./case.ts";

const SEQUENTIAL = 200;

const sequential: Case = {
  name: "sequential",
  title: `${SEQUENTIAL} actions, each sent when the one before is answered`,
  network: true,
  answers: true,
  warmUps: 1,
  prepare: async (subject) => {
    const author = await subject.follow(subject.object, "author");
    return async (run) => {
      const times: number[] = [];
      const cpu = subject.server.cpu();
      for (const action of creates(`run${run}`, SEQUENTIAL)) {
        const start = performance.now();
        author.send([action]);
        await author.settled();
        times.push(performance.now() - start);
      }
      return { "p50, ms": median(times), "p99, ms": quantile(times, 0.99), "server CPU per action, us": (1000 * (subject.server.cpu() - cpu)) / SEQUENTIAL };
    };
  },
};

const pipelined = (clients: number, together: boolean): Case => ({
  name: `pipelined-${clients}${together ? "-together" : ""}`,
  title: `1,900 actions of ${clients === 1 ? "one client" : `${clients} clients`}, ${together ? "as few messages as there may be" : "each a message of its own"}`,
  network: true,
  answers: true,
  warmUps: 1,
  skips: ({ actions }) => together && actions === undefined,
  prepare: async (subject) => async (run) => {
    // A new object and new sockets for each run: a table that grows would be another case, and an object takes so many messages a second of a socket.
    const authors = [];
    for (let i = 0; i < clients; i++) authors.push(await subject.follow(`${subject.object}-${run}`, `author${i}`));
    // Fewer than the 2,000 messages that durasync takes at once, its greeting included.
    const each = Math.floor(1900 / clients);
    const actions = authors.map((_, i) => creates(`c${i}`, each));
    const cpu = subject.server.cpu();
    const start = performance.now();
    for (const [i, author] of authors.entries()) together ? author.sendTogether(actions[i] ?? []) : author.send(actions[i] ?? []);
    await Promise.all(authors.map(async (author) => await author.settled()));
    const took = performance.now() - start;
    const used = subject.server.cpu() - cpu;
    for (const author of authors) author.close();
    return { "actions per second": (1000 * each * clients) / took, "server CPU per action, us": (1000 * used) / (each * clients) };
  },
});

export const actingCases: readonly Case[] = [sequential, pipelined(1, false), pipelined(20, false), pipelined(1, true), pipelined(20, true)];
