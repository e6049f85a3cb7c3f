// SPDX-License-Identifier: MIT
import type { Target } from "../target.ts";

const letters = { create: "c", update: "u", set: "s" } as const;

export const target: Target = {
  name: "bare",
  title: "the limit: written by hand for each case, with no more guarantees than it needs",
  hello: async () => {},
  sync: async (wire, channel) => {
    wire.send(["table", channel]);
    let rows = 0;
    let first = 0;
    for (;;) {
      const message = await wire.json<unknown[][]>();
      if (message.length > 0 && /^[cus]-/.test(String(message[0]?.[0]))) continue; // somebody's action, in between
      if (rows === 0) first = performance.now();
      const count = channel === "wide" ? message.length : (message[0]?.length ?? 0);
      rows += count;
      if (count === 0 || channel === "wide") return { rows, first, cursor: 0 };
    }
  },
  resume: async (wire, cursor) => {
    wire.send(["resume", cursor]);
    return (await wire.json<unknown[]>()).length;
  },
  action: (client, number, _settled, _channel, { type, payload: { id, text, completed, value } }) => JSON.stringify([`${letters[type]}-${client}`, number, id, text ?? completed ?? value]),
  settles: (message, client) => {
    let count = 0;
    const mark = `-${client}",`;
    for (let at = message.indexOf(mark); at >= 0; at = message.indexOf(mark, at + mark.length)) count++;
    return count;
  },
};
