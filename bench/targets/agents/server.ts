// SPDX-License-Identifier: MIT
// The state of an agent: one JSON value, kept in one row, sent whole to everybody whenever it is set.
import { Agent } from "agents";
import type { Measured } from "../../harness/measured.ts";

type Row = [string, string, number, number, number, null];

export class Todos extends Agent<Cloudflare.Env, { todos: Row[] }> implements Measured {
  override initialState = { todos: [] as Row[] };

  seed(from: number, count: number, size: number): void {
    const text = () => crypto.randomUUID().repeat(6).replaceAll("-", "").slice(0, size);
    const rows = Array.from({ length: count }, (_, i): Row => [String(from + i).padStart(8, "0"), text(), 0, 1700000000000, 1700000000000, null]);
    this.setState({ todos: [...this.state.todos, ...rows] });
  }

  // The library's statements are its own.
  rows(): { read: null; written: null } {
    return { read: null, written: null };
  }
}

export class Wide extends Todos {}
