import { SyncError, SyncServer, routeSyncRequest } from "durasync/server";
import type { Action, Channels } from "../shared.ts";

export class Todos extends SyncServer<unknown, Channels> {
  override channels = { todos: {} };

  override migrations = ["CREATE TABLE todos (id TEXT PRIMARY KEY, text TEXT NOT NULL, completed INTEGER NOT NULL DEFAULT 0)"];

  override onAction(_channel: "todos", { type, payload }: Action) {
    const { sql } = this.ctx.storage;
    if (type === "create") {
      sql.exec("INSERT INTO todos (id, text) VALUES (?, ?)", payload.id, payload.text);
    } else if (type === "toggle") {
      const { rowsWritten } = sql.exec("UPDATE todos SET completed = NOT completed WHERE id = ?", payload.id);
      if (rowsWritten === 0) throw new SyncError("not_found", "That todo is gone.");
    } else {
      throw new SyncError("unknown_action"); // types hold the page; a client can say anything
    }
  }
}

export default {
  fetch: async (request: Request, env: object) => (await routeSyncRequest(request, env)) ?? new Response("not found", { status: 404 }),
};
