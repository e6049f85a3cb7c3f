// SPDX-License-Identifier: MIT
// The frames of docs/PROTOCOL.md, version 2, as the client sends and receives them, and the cells that JSON cannot carry.

import { isFrame } from "./wire.ts";

export const PROTOCOL = 2;

/** A value of SQLite. An integer is a bigint only where a number could not hold it exactly. */
export type Cell = null | string | number | bigint | Uint8Array;
export type WireCell = null | string | number | { int: string } | { real: string } | { blob: string };

/** One row of a channel: its cells in column order. */
export type SyncRecord = readonly Cell[];
export type WireRecord = readonly WireCell[];

/** What a client holds of a channel: everything up to `version` in the history `epoch`, with columns as in `shape`. */
export type Cursor = { readonly epoch: string; readonly shape: string; readonly version: number };

/** `seen` is when the client last heard of the object, or first spoke to it; `app` is the version of the app. */
export type Hello = { type: "hello"; protocol: typeof PROTOCOL; client: string; seen: number | undefined; app: number | undefined };
export type Subscribe = { type: "subscribe"; channel: string; id: number; cursor: Cursor | null; pages: number };
export type PageRequest = { type: "page"; channel: string; id: number; after: WireRecord; rows: number; pages: number };
export type Unsubscribe = { type: "unsubscribe"; channel: string };

/** What goes up, but for `actions`, which the outbox builds as text so that each action is encoded and measured once. */
export type UpFrame = Hello | Subscribe | PageRequest | Unsubscribe;

/** `now` is the object's clock in milliseconds. */
export type Welcome = { type: "welcome"; protocol: number; epoch: string; settled: number; now?: number };
export type Page = {
  type: "page";
  channel: string;
  epoch: string;
  shape: string;
  version: number;
  first: boolean;
  /** The subscription that it answers. */
  id?: number | undefined;
  /** Records in the channel; on the first page. */
  total?: number;
  columns: string[];
  /** Positions of the primary key's columns, in key order. */
  key: number[];
  /** Rows to ask for next; 0 on the last page. */
  next: number;
  /** The key that it ends at, but for the last page. */
  end?: WireRecord | undefined;
  /** Where the next answer begins: on the first page of an answer that does not bring the last. */
  after?: WireRecord | undefined;
  /** For each column the cells of its records, which stand in no order. */
  cells: WireCell[][];
};
export type PageHead = Omit<Page, "cells">;
export type Change = {
  channel: string;
  shape: string;
  from: number;
  to: number;
  put?: WireRecord[];
  set?: { columns: number[]; rows: WireRecord[] }[];
  del?: WireRecord[];
};
export type Outcome =
  | { number: number; status: "committed"; result?: unknown }
  | { number: number; status: "rejected"; code: string; message: string; data?: unknown };
export type Patch = { type: "patch"; epoch: string; changes: Change[]; outcomes: Outcome[] };
export type ErrorFrame = { type: "error"; code: string; message: string; channel?: string; expected?: number };

export type EventFrame = { type: "event"; channel: string; event: unknown };

/** What comes down. */
export type DownFrame = Welcome | Page | Patch | ErrorFrame | EventFrame;

/** What a frame of the object's that cannot be read is taken for. */
export type WrongFrame = { readonly type: "wrong" };

const wrong: WrongFrame = { type: "wrong" };
const downTypes: ReadonlySet<unknown> = new Set<DownFrame["type"]>(["welcome", "page", "patch", "error", "event"]);

/** The frame in a message; null for what is none ("pong", binary, another server's chatter) or of a type this client does not know. */
export function parseFrame(data: unknown): DownFrame | WrongFrame | null {
  if (typeof data !== "string" || !data.startsWith("{")) return null;
  try {
    const frame: DownFrame = JSON.parse(data);
    if (!downTypes.has(frame.type)) return null;
    return isFrame(frame) ? frame : wrong;
  } catch {
    // The beginning of a frame of which the rest was lost, say.
    return downTypes.has(/^{"type":"(\w+)"/.exec(data)?.[1]) ? wrong : null;
  }
}

/** The head of a page, which is all but its cells; null if the message is none. No string within it can look like the member that is cut off: its quotes are escaped. */
export function parseHead(data: unknown): PageHead | null {
  const text = String(data);
  if (!text.startsWith('{"type":"page"')) return null;
  try {
    return JSON.parse(`${text.slice(0, text.indexOf(',"cells":['))}}`);
  } catch {
    return null;
  }
}

export function decodeCell(cell: WireCell): Cell {
  if (cell === null || typeof cell !== "object") return cell;
  if ("int" in cell) return BigInt(cell.int);
  if ("real" in cell) return Number(cell.real);
  return bytesOfHex(cell.blob);
}

export function encodeCell(cell: Cell): WireCell {
  if (typeof cell === "bigint") return { int: cell.toString() };
  if (cell instanceof Uint8Array) return { blob: hexOfBytes(cell) };
  if (typeof cell === "number" && !Number.isFinite(cell)) return { real: String(cell) };
  return cell;
}

export function decodeRecord(record: WireRecord): SyncRecord {
  return record.map(decodeCell);
}

/** Columns of rows, or rows of columns: every cell through `code`, in the place that it has the other way round. */
export function transpose<A, B>(lines: readonly (readonly (A | null)[])[], code: (cell: A | null) => B): B[][] {
  const [first = []] = lines;
  return first.map((_, i) => lines.map((line) => code(line[i] ?? null)));
}

/**
 * `value` as JSON that the object accepts: lone surrogates, in texts and names, become U+FFFD, since they are no Unicode. All else
 * is as JSON.stringify does it: -0 is 0, NaN is null, a bigint or a circle throws a TypeError.
 */
export function encodeJson(value: object): string {
  const text = JSON.stringify(value);
  // JSON.stringify escapes a surrogate only if it is a lone one; an escaped backslash is matched so that it is passed over as a pair.
  return text.replace(/\\(?:\\|ud[89a-f][0-9a-f]{2})/g, (escape) => (escape === "\\\\" ? escape : "\ufffd"));
}

function bytesOfHex(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** Upper-case hexadecimal. */
export function hexOfBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0").toUpperCase()).join("");
}
