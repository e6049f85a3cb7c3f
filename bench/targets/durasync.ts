// SPDX-License-Identifier: MIT
// durasync's protocol, as far as a measurement needs it: the client of both kinds of app.
import { parseHead } from "../../client/frames.ts";
import type { Wire } from "../harness/wire.ts";
import type { Action, Channel, Synced, Target } from "./target.ts";

interface Frame {
  readonly type: string;
  readonly epoch: string;
  readonly shape: string;
  readonly version: number;
  readonly next: number;
  readonly after?: readonly unknown[];
  readonly cells: unknown[][];
  readonly changes: { readonly put?: unknown[]; readonly del?: unknown[]; readonly set?: { readonly rows: unknown[] }[] }[];
  readonly outcomes: { readonly status: string }[];
  readonly message?: string;
}

// What a frame may carry at most, and what client/channel.ts asks for.
const ACTIONS_A_FRAME = 500;
const ANSWER_PAGES = 5;

/** The next frame, of this type; the welcome comes before it, since nobody has waited for that. */
async function receive(wire: Wire, type: string): Promise<Frame> {
  let frame = await wire.json<Frame>();
  if (frame.type === "welcome") frame = await wire.json<Frame>();
  if (frame.type !== type) throw new Error(`expected a ${type}, got ${JSON.stringify(frame)}`);
  return frame;
}

const countOf = ({ cells: [first = []] }: Frame) => first.length;

async function sync(wire: Wire, channel: Channel): Promise<Synced> {
  wire.send({ type: "subscribe", channel, cursor: null, pages: ANSWER_PAGES });
  const page = await receive(wire, "page");
  const first = performance.now();
  const { epoch, shape, version } = page;
  const ask = ({ after, next: rows }: { after?: readonly unknown[] | undefined; next: number }) => after && wire.send({ type: "page", channel, after, rows, pages: ANSWER_PAGES });
  ask(page);
  let rows = countOf(page);
  for (let { next } = page; next > 0; ) {
    const message = (await wire.receive()).toString();
    const head = parseHead(message); // a client of ours asks before it reads the rows
    if (!head) continue; // somebody's action, in between
    ask(head);
    const frame = JSON.parse(message) as Frame;
    rows += countOf(frame);
    next = frame.next;
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
