// SPDX-License-Identifier: MIT
// An app whose code redefines tables without a migration, wherever it runs.
import { SyncServer, type ActionArguments } from "../../js-shim/index.ts";

type Run = { type: "run"; payload: string };
type Shared = { notes: [[id: string], Run]; others: [[id: string], never] };
type Env = { readonly Redefined: DurableObjectNamespace<Redefined> };

/** What a request, a handler, an alarm or an RPC method does besides running SQL. */
const steps: Record<string, (object: Redefined, storage: DurableObjectStorage) => unknown> = {
  empty: async (_, storage) => await storage.deleteAll(),
  "empty, and do not wait": (_, storage) => void storage.deleteAll(),
  "empty twice": async (_, storage) => await Promise.all([storage.deleteAll(), storage.deleteAll()]),
  // Not by the storage's own method, which is watched.
  "empty unnoticed": async (_, storage) => await (Object.getPrototypeOf(storage) as DurableObjectStorage).deleteAll.call(storage),
  "empty in transactionSync": (_, storage) => storage.transactionSync(() => void storage.deleteAll()),
  "empty in a transaction": async (_, storage) => await storage.transaction(async () => await storage.deleteAll()),
  "put a value": async (_, storage) => await storage.put("key", "value"),
  "count the values": async (_, storage) => (await storage.list()).size,
  "empty by an RPC method": async (object) => await object.another.empty(),
  "empty by an alarm": async (_, storage) => await storage.setAlarm(Date.now()),
  sockets: (object) => object.connections().length,
  "shut everybody out": (object) => object.disconnect(() => true),
  turns: (object) => object.stats().turns,
};

export class Redefined extends SyncServer<Env, Shared> {
  override readonly channels = { notes: {}, others: {} };
  override readonly migrations = ["CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL)", "CREATE TABLE others (id TEXT PRIMARY KEY NOT NULL)"];

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    if (ctx.id.name !== "at every start") this.onStart = SyncServer.prototype.onStart; // none of its own
  }

  override onStart(): void | Promise<void> {
    return this.#begin();
  }

  async #begin(): Promise<void> {
    await this.ctx.storage.list(); // it waits for something
    this.ctx.storage.sql.exec("DROP TABLE notes; CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL); INSERT INTO notes VALUES ('made by onStart')");
  }

  /** With `plain` in the address the socket is the app's own, an echo; tagged, or by nothing told from others. */
  override async fetch(request: Request): Promise<Response> {
    const { searchParams } = new URL(request.url);
    if (!searchParams.has("plain")) return await super.fetch(request);
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server, searchParams.has("tagged") ? ["plain"] : []);
    return new Response(null, { status: 101, webSocket: client });
  }

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void {
    if (message === "hello, echo") socket.send("echo");
    super.webSocketMessage(socket, message);
  }

  override onAction(...[, { payload }]: ActionArguments<Shared>): void {
    if (steps[payload]) void steps[payload](this, this.ctx.storage);
    else this.ctx.storage.sql.exec(payload);
  }

  get another(): DurableObjectStub<Redefined> {
    return this.env.Redefined.get(this.ctx.id);
  }

  async empty(): Promise<void> {
    await this.ctx.storage.deleteAll();
    this.ctx.storage.sql.exec("INSERT INTO notes VALUES ('after')");
  }

  override async alarm(): Promise<void> {
    await this.empty();
  }

  // Runs the steps at once, one after the other, as far as they go.
  async #run(all: readonly string[]): Promise<Response> {
    let last: unknown;
    try {
      for (const step of all) last = await (steps[step] ?? (() => this.ctx.storage.sql.exec(step).toArray()))(this, this.ctx.storage);
      return Response.json(last ?? null);
    } catch (error) {
      return new Response(String(error));
    }
  }

  /** Runs the statements in the address, and waits for a moment after each. */
  override async onRequest(request: Request): Promise<Response> {
    const { searchParams } = new URL(request.url);
    if (searchParams.has("step")) return await this.#run(searchParams.getAll("step"));
    const run = async () => {
      for (const query of searchParams.getAll("sql")) {
        this.ctx.storage.sql.exec(query);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      if (searchParams.has("undone")) throw new Error("undone");
    };
    if (searchParams.has("transaction")) await this.ctx.storage.transaction(run).catch(() => undefined);
    else await run();
    return new Response("done");
  }
}
