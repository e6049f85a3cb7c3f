// SPDX-License-Identifier: MIT
// The process of crowd.ts.
import { loadTarget } from "../targets/index.ts";
import type { Target } from "../targets/target.ts";
import type { RequestName, Requests } from "./crowd.ts";
import { Session, type Place } from "./session.ts";
import type { Wire } from "./wire.ts";

type Handlers = { [Name in RequestName]: (argument: Requests[Name][0]) => Promise<Requests[Name][1]> };

let wires: Wire[] = [];
let watching: Promise<number[]> = Promise.resolve([]);
let before = { messages: 0, bytes: 0, network: 0 };
let newcomer: { target: Target; place: Place } | undefined;
let newcomers = 0;

function totals(): typeof before {
  const sum = (of: (wire: Wire) => number) => wires.reduce((total, wire) => total + of(wire), 0);
  return { messages: sum(({ count }) => count), bytes: sum(({ bytes }) => bytes), network: sum(({ received }) => received) };
}

const handlers: Handlers = {
  async open({ target: name, place, count, client }) {
    const target = await loadTarget(name);
    newcomer = { target, place };
    const resumes = place.channel === "todos" ? target.resume : undefined;
    let cursor: unknown;
    // One after another: workerd never hibernates an object to which two sockets were opened at the same moment.
    for (let i = 0; i < count; i++) {
      const session = await Session.open(target, place, `${client}-${i}`);
      // All but the first come with what that one has, where the target can do so: ten thousand copies of the table take minutes.
      if (cursor !== undefined && resumes) await resumes(session.wire, cursor);
      else ({ cursor } = await session.sync());
      wires.push(session.wire);
    }
  },
  async watch(mark) {
    const bytes = Buffer.from(mark);
    before = totals();
    watching = Promise.all(wires.map(async (wire) => await wire.until((message) => message.includes(bytes))));
  },
  async seen() {
    const last = Math.max(...(await watching));
    const { messages, bytes, network } = totals();
    return { last, messages: messages - before.messages, bytes: bytes - before.bytes, network: network - before.network };
  },
  async fetch() {
    if (!newcomer) throw new Error("nobody was there yet");
    const session = await Session.open(newcomer.target, newcomer.place, `newcomer-${newcomers++}`);
    const synced = await session.sync();
    session.close();
    return synced;
  },
  async close() {
    for (const wire of wires) wire.close();
    wires = [];
  },
};

process.on("disconnect", () => process.exit());
process.on("message", ({ id, name, argument }: { id: number; name: RequestName; argument: never }) => {
  handlers[name](argument).then(
    (value) => process.send?.({ id, value }),
    (error: unknown) => process.send?.({ id, error: String(error) }),
  );
});
