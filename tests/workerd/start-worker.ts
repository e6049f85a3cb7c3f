// SPDX-License-Identifier: MIT
// Apps in TypeScript that cannot start, in the way that the object is named after.
import { SyncError, SyncServer, type ChannelDeclaration, type Migration } from "../../js-shim/index.ts";

/** Whether what was wrong has been mended, for objects that wake from then on. */
export const trouble = { mended: false };

/** One that has nothing to do itself when it starts. */
export class TroubledEarly extends SyncServer {
  protected readonly trouble = trouble.mended ? "" : (this.ctx.id.name ?? "");
  override readonly channels: { notes: ChannelDeclaration } = this.trouble === "no channels" ? (undefined as never) : { notes: this.trouble === "no column" ? { columns: ["id", "nothing"] } : {} };
  override readonly migrations: readonly Migration[] = [
    "CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL)",
    (sql) => {
      sql.exec("INSERT INTO notes VALUES ('made by a migration')");
      if (this.trouble === "no table") sql.exec("DROP TABLE notes");
      if (this.trouble === "no key") sql.exec("DROP TABLE notes; CREATE TABLE notes (id TEXT)");
      if (this.trouble === "a migration throws") throw new Error("not this time");
      if (this.trouble === "a migration waits") return Promise.resolve() as never;
    },
  ];

  override alarm(): void {
    this.ctx.storage.sql.exec("INSERT INTO notes VALUES ('rang')");
  }

  /** RPC methods: they reach an object that could not start. */
  async ring(delay: number): Promise<void> {
    await this.ctx.storage.setAlarm(Date.now() + delay);
  }

  /** The milliseconds after which the alarm rings; null if none is set. */
  async rings(): Promise<number | null> {
    const time = await this.ctx.storage.getAlarm();
    return time === null ? null : time - Date.now();
  }

}

export class Troubled extends TroubledEarly {
  override async onStart(): Promise<void> {
    if (this.trouble === "onStart throws") throw new SyncError("rejected", "not this time");
    await Promise.resolve();
    if (this.trouble === "onStart throws late") throw new Error("not this time");
  }
}
