// SPDX-License-Identifier: MIT
// What comes before anything is said: the first message of an object, and the memory of objects and sockets that wait.
import { Session } from "../harness/session.ts";
import type { Case } from "./case.ts";

const MANY = 200;
const KIB = 1024;

const start: Case = {
  name: "start",
  title: "The first visit of an object that has never been, in a process that has just begun, and in one that has served another",
  prepare: async (subject) => async (run) => {
    const { server, target } = subject;
    const visit = async (name: string) => {
      const begin = performance.now();
      const session = await Session.follow(target, subject.place(name), "reader");
      session.close();
      return performance.now() - begin;
    };
    await server.stop();
    const boot = await server.start();
    return { "cold, ms": await visit(`${subject.object}-cold-${run}`), "warm, ms": await visit(`${subject.object}-warm-${run}`), "workerd begins, ms": boot };
  },
};

const idle: Case = {
  name: "idle",
  title: `Memory of ${MANY} objects that wait, and of ${MANY} sockets of one`,
  prepare: async (subject) => async (run) => {
    const { server, target } = subject;
    await server.stop();
    await server.start();
    const name = (i: number) => `${subject.object}-${run}-${i}`;
    await server.rows(name(MANY));
    const before = server.memory();
    for (let i = 0; i < MANY; i++) await server.rows(name(i));
    const objects = server.memory();
    const sessions = [];
    for (let i = 0; i < MANY; i++) sessions.push(await Session.follow(target, subject.place(name(0)), `reader-${i}`));
    const sockets = server.memory();
    for (const session of sessions) session.close();
    return { "per object, KiB": (objects - before) / MANY / KIB, "per socket, KiB": (sockets - objects) / MANY / KIB };
  },
};

export const startingCases: readonly Case[] = [start, idle];
