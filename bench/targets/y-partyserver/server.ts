// SPDX-License-Identifier: MIT
// y-partyserver as its README has it: a Yjs document, saved as one state some seconds after a change. The state is cut, since a row has a largest size.
import { YServer } from "y-partyserver";
import { Doc, applyUpdate, encodeStateAsUpdate } from "yjs";
import type { Measured } from "../../harness/measured.ts";

const PIECE = 1_000_000;

export class Todos extends YServer implements Measured {
  static override readonly options = { hibernate: true };
  #rows = { read: 0, written: 0 };

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env);
    this.#exec("CREATE TABLE IF NOT EXISTS pieces (n INTEGER PRIMARY KEY, bytes BLOB NOT NULL)");
  }

  override async onLoad(): Promise<Doc | void> {
    const pieces = this.#exec("SELECT bytes FROM pieces ORDER BY n").map(([bytes]) => new Uint8Array(bytes as ArrayBuffer));
    if (pieces.length === 0) return;
    const doc = new Doc();
    applyUpdate(doc, new Uint8Array(await new Blob(pieces).arrayBuffer()));
    return doc;
  }

  override async onSave(): Promise<void> {
    const state = encodeStateAsUpdate(this.document);
    this.#exec("DELETE FROM pieces");
    for (let at = 0; at < state.length; at += PIECE) this.#exec("INSERT INTO pieces (bytes) VALUES (?)", state.slice(at, at + PIECE).buffer);
  }

  async seed(from: number, count: number, size: number): Promise<void> {
    const todos = this.document.getMap("todos");
    this.document.transact(() => {
      for (let n = from; n < from + count; n++) {
        const text = crypto.randomUUID().repeat(6).replaceAll("-", "").slice(0, size);
        todos.set(String(n).padStart(8, "0"), [text, 0, 1700000000000, 1700000000000, null]);
      }
    });
    await this.onSave();
  }

  rows(): { read: number; written: number } {
    const rows = this.#rows;
    this.#rows = { read: 0, written: 0 };
    return rows;
  }

  #exec(query: string, ...bindings: SqlStorageValue[]): SqlStorageValue[][] {
    const cursor = this.ctx.storage.sql.exec(query, ...bindings);
    const rows = [...cursor.raw()];
    this.#rows.read += cursor.rowsRead;
    this.#rows.written += cursor.rowsWritten;
    return rows;
  }
}

export class Wide extends Todos {}
