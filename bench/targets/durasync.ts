// SPDX-License-Identifier: MIT
// durasync's protocol, as far as a measurement needs it: the client of both kinds of app.
import type { Wire } from "../harness/wire.ts";
import type { Action, Channel, Synced, Target } from "./target.ts";

interface Frame {
  readonly type: string;
  readonly epoch: string;
  readonly shape: string;
  readonly version: number;
  readonly next: number;
  readonly after?: unknown[];
  readonly rows: unknown[][];
  readonly changes: { readonly put?: unknown[]; readonly del?: unknown[]; readonly set?: { readonly rows: unknown[] }[] }[];
  readonly outcomes: { readonly status: string }[];
  readonly message?: string;
}

// What a frame may carry at most, and what client/channel.ts asks for.
const ACTIONS_A_FRAME = 500;
const ANSWER_PAGES = 5;

async function receive(wire: Wire, type: string): Promise<Frame> {
  const frame = await wire.json<Frame>();
  if (frame.type !== type) throw new Error(`expected a ${type}, got ${JSON.stringify(frame)}`);
  return frame;
}

async function sync(wire: Wire, channel: Channel): Promise<Synced> {
  wire.send({ type: "subscribe", channel, cursor: null });
  const page = await receive(wire, "page");
  const first = performance.now();
  const { epoch, shape, version } = page;
  let rows = page.rows.length;
  for (let frame = page; frame.next > 0; ) {
    if (frame.after) wire.send({ type: "page", channel, after: frame.after, rows: frame.next, pages: ANSWER_PAGES });
    do frame = await wire.json<Frame>();
    while (frame.type === "patch"); // somebody's action, in between
    rows += frame.rows.length;
  }
  return { rows, first, cursor: { epoch, shape, version } };
}

const framed = (settled: number, actions: readonly unknown[]) => JSON.stringify({ type: "actions", acknowledged: settled, actions });

function settles(message: Buffer): number {
  const frame = JSON.parse(message.toString()) as Frame;
  if (frame.type === "error") throw new Error(message.toString());
  const refused = frame.outcomes?.find(({ status }) => status !== "committed");
  if (refused) throw new Error(JSON.stringify(refused));
  return frame.outcomes?.length ?? 0;
}

/** The client of a durasync target. */
export function durasync(name: string, title: string): Target {
  return {
    name,
    title,
    hello: async (wire, client) => {
      wire.send({ type: "hello", protocol: 2, client });
      await receive(wire, "welcome");
    },
    sync,
    resume: async (wire, cursor) => {
      wire.send({ type: "subscribe", channel: "todos", cursor });
      const { changes } = await receive(wire, "patch");
      return changes.reduce((sum, { put = [], del = [], set = [] }) => sum + put.length + del.length + set.reduce((count, { rows }) => count + rows.length, 0), 0);
    },
    action: (_client, number, settled, channel, { type, payload }) => framed(settled, [{ number, channel, type, payload }]),
    actions: (_client, number, settled, channel, actions: readonly Action[]) => {
      const numbered = actions.map(({ type, payload }, i) => ({ number: number + i, channel, type, payload }));
      return Array.from({ length: Math.ceil(numbered.length / ACTIONS_A_FRAME) }, (_, i) => framed(settled, numbered.slice(i * ACTIONS_A_FRAME, (i + 1) * ACTIONS_A_FRAME)));
    },
    settles,
  };
}
