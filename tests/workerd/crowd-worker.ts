// SPDX-License-Identifier: MIT
import { SyncServer, type Handled } from "../../js-shim/index.ts";

type Reader = { user: string };
type Shared = { mine: [note: [id: string, owner: string | null, shared: number], action: { type: "keep"; payload: { id: string; shared: number } }] };

/** Notes that their owners see, and those that are shared everybody. */
export class Crowd extends SyncServer<unknown, Shared, Reader> {
  override readonly channels = { mine: { table: "notes", where: "owner = $user OR shared = 1" } };
  override readonly migrations = ["CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, owner TEXT, shared INTEGER NOT NULL)"];

  override onConnect(request: Request): Reader {
    return { user: new URL(request.url).searchParams.get("user") ?? "" };
  }

  override onAction(_channel: "mine", { payload }: Shared["mine"][1], { identity }: { identity: Reader }): Handled {
    this.ctx.storage.sql.exec("INSERT INTO notes VALUES (?, ?, ?)", payload.id, identity.user, payload.shared);
  }
}
