// SPDX-License-Identifier: MIT
// The smallest possible client of the protocol: a channel's records by key, kept by the rules of docs/PROTOCOL.md and nothing else.
import { expect } from "vitest";
import { rowsOf } from "../rows.ts";
import type { TestSocket } from "./server.ts";

type Cell = null | string | number | { int: string } | { real: string } | { blob: string };

interface Change {
  readonly channel: string;
  readonly from: number;
  readonly to: number;
  readonly put?: Cell[][];
  readonly set?: { columns: number[]; rows: Cell[][] }[];
  readonly del?: Cell[][];
}

export class Replica {
  readonly #socket: TestSocket;
  readonly #channel: string;
  readonly #records = new Map<string, Cell[]>();
  #key: number[] = [];
  #version = 0;
  columns: string[] = [];

  private constructor(socket: TestSocket, channel: string) {
    this.#socket = socket;
    this.#channel = channel;
  }

  /** Subscribes on a socket that has said hello, and takes the whole snapshot. */
  static async open(socket: TestSocket, channel: string): Promise<Replica> {
    const replica = new Replica(socket, channel);
    socket.send({ type: "subscribe", channel, cursor: null });
    for (;;) {
      const page = (await socket.frame()) as unknown as { columns: string[]; key: number[]; version: number; cells: Cell[][]; next: number; end?: Cell[] };
      expect(page).toMatchObject({ type: "page", channel });
      replica.columns = page.columns;
      replica.#key = page.key;
      replica.#version = page.version;
      for (const row of rowsOf<Cell>(page)) replica.#put(row);
      if (page.next === 0) return replica;
      socket.send({ type: "page", channel, after: page.end, rows: page.next });
    }
  }

  /** Takes every patch that is under way; returns this channel's changes. */
  async settle(): Promise<Change[]> {
    const changes: Change[] = [];
    for (const text of await this.#socket.settle()) {
      const patch = JSON.parse(text) as { changes: Change[] };
      for (const change of patch.changes.filter(({ channel }) => channel === this.#channel)) {
        expect(change.from).toBe(this.#version);
        this.#apply(change);
        changes.push(change);
      }
    }
    return changes;
  }

  /** The records, sorted by their JSON. */
  get records(): Cell[][] {
    return [...this.#records.values()].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  }

  #put(row: Cell[]): void {
    this.#records.set(JSON.stringify(this.#key.map((column) => row[column])), row);
  }

  #apply(change: Change): void {
    const touched = new Set<string>();
    const touch = (key: string) => {
      expect(touched.has(key), `${key} appears once in ${JSON.stringify(change)}`).toBe(false);
      touched.add(key);
    };
    for (const key of change.del ?? []) {
      touch(JSON.stringify(key));
      this.#records.delete(JSON.stringify(key));
    }
    for (const row of change.put ?? []) {
      touch(JSON.stringify(this.#key.map((column) => row[column])));
      this.#put(row);
    }
    for (const { columns, rows } of change.set ?? []) {
      for (const row of rows) {
        const key = JSON.stringify(row.slice(0, this.#key.length));
        touch(key);
        const record = this.#records.get(key);
        if (!record) throw new Error(`a set for ${key}, which is not there`);
        this.#records.set(key, record.map((cell, at) => (columns.includes(at) ? (row[this.#key.length + columns.indexOf(at)] ?? null) : cell)));
      }
    }
    this.#version = change.to;
  }
}
