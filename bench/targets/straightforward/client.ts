// SPDX-License-Identifier: MIT
import type { Target } from "../target.ts";

interface Reply {
  readonly sync?: true;
  readonly payload: unknown[][];
}

const UPDATED_AT = 4;

export const target: Target = {
  name: "straightforward",
  title: "what partysync does: whole rows, raw() and JSON.stringify, broadcast to everybody, a time-stamp as the cursor",
  hello: async () => {},
  sync: async (wire, channel) => {
    wire.send({ channel, sync: true });
    let reply = await wire.json<Reply>();
    while (reply.sync !== true) reply = await wire.json<Reply>();
    return { rows: reply.payload.length, first: performance.now(), cursor: Math.max(0, ...reply.payload.slice(-1).map((row) => Number(row[UPDATED_AT]))) };
  },
  resume: async (wire, cursor) => {
    wire.send({ channel: "todos", sync: true, from: cursor });
    return (await wire.json<Reply>()).payload.length;
  },
  action: (_client, number, _settled, channel, action) => JSON.stringify({ channel, rpc: true, id: `${number}`, action }),
  settles: (message) => {
    const { type, rpc } = JSON.parse(message.toString()) as { type: string; rpc?: true };
    if (type === "error") throw new Error(message.toString());
    return rpc === true ? 1 : 0;
  },
};
