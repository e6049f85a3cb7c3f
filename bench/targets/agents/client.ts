// SPDX-License-Identifier: MIT
// An action is the whole state, as its author wants it. Nobody tells the author that it has arrived.
import type { Target } from "../target.ts";

type State = { todos: unknown[][] };

const states = new Map<string, State>();

export const target: Target = {
  name: "agents",
  title: "the synchronised state of Cloudflare's agents: one JSON value, sent whole with every change",
  channels: ["todos"],
  mostListeners: 100,
  mostRuns: 3,
  mostRows: 10_000, // the state is one row, which has a largest size
  hello: async (_wire, client) => void states.set(client, { todos: [] }),
  sync: async (wire) => {
    for (;;) {
      const { type, state } = await wire.json<{ type: string; state: State }>();
      if (type === "cf_agent_state") return { rows: state.todos.length, first: performance.now(), cursor: null };
    }
  },
  action: (client, _number, _settled, _channel, { payload: { id, text = "", completed = 0 } }) => {
    const state = states.get(client) ?? { todos: [] };
    state.todos.push([id, text, completed, Date.now(), Date.now(), null]);
    return JSON.stringify({ type: "cf_agent_state", state });
  },
};
