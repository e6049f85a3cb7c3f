// SPDX-License-Identifier: MIT
import { SyncObject, routeSyncRequest } from "../../js-shim/index.ts";
import broken from "../../wasm/build/broken.wasm";
import parts from "../../wasm/build/parts.wasm";
import schema from "../../wasm/build/schema.wasm";
import todo from "../../wasm/build/todo.wasm";
import { Cramped } from "./cramped-worker.ts";
import { Crowd } from "./crowd-worker.ts";
import { ConformC, ConformTs, deployed, ReleaseC, ReleaseTs } from "./conform-worker.ts";
import { Ending, EndingC } from "./ending-worker.ts";
import { Guarded } from "./guarded-worker.ts";
import { Migrated, released } from "./migrated-worker.ts";
import { Redefined } from "./redefined-worker.ts";
import { Scripted, Seed } from "./scripted-worker.ts";
import { trouble, Troubled, TroubledEarly } from "./start-worker.ts";

export { ConformC, ConformTs, Cramped, Crowd, Ending, EndingC, Guarded, Migrated, Redefined, ReleaseC, ReleaseTs, Scripted, Seed, Troubled, TroubledEarly };

/** How often each object was constructed, by its id: once, and once more after each sleep. Objects and worker share it, so asking wakes nobody. */
const constructions = new Map<string, number>();

/** The todo app with writers besides its actions: a request, an RPC method and an alarm. */
export class Todos extends SyncObject {
  static override readonly core = todo;

  constructor(ctx: DurableObjectState, env: unknown) {
    super(ctx, env);
    const id = ctx.id.toString();
    constructions.set(id, (constructions.get(id) ?? 0) + 1);
  }

  #insert(id: string): void {
    this.ctx.storage.sql.exec("INSERT INTO todos (id, text, created_at, updated_at) VALUES (?, 'written by the object', 1, 1)", id);
  }

  override async fetch(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const id = url.searchParams.get("insert");
    if (id === null) return super.fetch(request);
    if (url.searchParams.has("later")) await this.ctx.storage.setAlarm(Date.now());
    else this.#insert(id);
    this.flush();
    return new Response("done");
  }

  override alarm(): void {
    this.#insert("by-alarm");
    this.flush();
  }

  /** An RPC method. */
  add(id: string): void {
    this.#insert(id);
    this.flush();
  }
}

export class Schema extends SyncObject {
  static override readonly core = schema;
}

export class Broken extends SyncObject {
  static override readonly core = broken;
}

export class Parts extends SyncObject {
  static override readonly core = parts;
}

interface Env {
  readonly Todos: DurableObjectNamespace<Todos>;
  readonly Scripted: DurableObjectNamespace<Scripted>;
  readonly Cramped: DurableObjectNamespace<Cramped>;
  readonly Migrated: DurableObjectNamespace<Migrated>;
  readonly Troubled: DurableObjectNamespace<Troubled>;
  readonly TroubledEarly: DurableObjectNamespace<TroubledEarly>;
}

export default {
  async fetch(request, env): Promise<Response> {
    const url = new URL(request.url);
    const name = url.searchParams.get("name") ?? "";
    const todos = env.Todos.getByName(name);
    const scripted = env.Scripted.getByName(name);
    const id = url.searchParams.get("id") ?? "";
    switch (url.pathname) {
      case "/scripted/write":
        await scripted.write(id);
        return new Response("done");
      case "/scripted/write-slowly":
        await scripted.writeSlowly(id, url.searchParams.has("fails"));
        return new Response("done");
      case "/scripted/write-and-flush":
        await scripted.writeAndFlush(id, url.searchParams.has("fails"));
        return new Response("done");
      case "/scripted/write-later":
        await scripted.writeLater(id);
        return new Response("done");
      case "/scripted/broadcast":
        await scripted.broadcast("notes", { typing: id });
        return new Response("done");
      case "/scripted/let-go":
        await scripted.letGo();
        return new Response("done");
      case "/scripted/asked":
        return new Response(String(await scripted.timesAsked(id)));
      case "/scripted/who":
        return Response.json(await scripted.who());
      case "/scripted/ban":
        return new Response(String(await scripted.ban(id)));
      case "/scripted/ban-and-let-go":
        return new Response(String(await scripted.banAndLetGo(id)));
      case "/troubled/ring":
        await env.Troubled.getByName(name).ring(Number(id));
        return new Response("done");
      case "/troubled/rings":
        return new Response(String(await env.Troubled.getByName(name).rings()));
      case "/cramped/room":
        await env.Cramped.getByName(name).setRoom(id === "yes");
        return new Response("done");
      case "/cramped/entries":
        return Response.json(await env.Cramped.getByName(name).entries());
      case "/migrated/release":
        released.release = Number(id);
        return new Response("done");
      case "/migrated/run":
        return Response.json(await env.Migrated.getByName(name).run(id));
      case "/migrated/empty":
        await env.Migrated.getByName(name).reset();
        return new Response("done");
      case "/migrated/dangle":
        await env.Migrated.getByName(name).dangle();
        return new Response("done");
      case "/migrated/end":
        await env.Migrated.getByName(name).end().catch(() => undefined);
        return new Response("done");
      case "/rpc":
        await todos.add(id);
        return new Response("done");
      case "/stats":
        return Response.json(await todos.stats());
      case "/renew":
        await todos.renewEpoch();
        return new Response("done");
      case "/reset":
        await todos.reset();
        return new Response("done");
      case "/deploy":
        deployed.release = Number(url.searchParams.get("release"));
        return new Response("done");
      case "/mend":
        trouble.mended = url.searchParams.get("mended") === "yes";
        return new Response("done");
      case "/constructions":
        return new Response(String(constructions.get(env.Todos.idFromName(name).toString()) ?? 0));
    }
    return (await routeSyncRequest(request, env)) ?? new Response("not found", { status: 404 });
  },
} satisfies ExportedHandler<Env>;
