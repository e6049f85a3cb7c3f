// SPDX-License-Identifier: MIT
// The way to the objects, in workerd: sockets, and what the harness calls.

/** What a target's object does for the harness, besides syncing. */
export interface Measured {
  /** Adds `count` rows with keys from `from` on and `size` characters of text. */
  seed(from: number, count: number, size: number): void | Promise<void>;
  /** Rows read and written since it was last asked, as the platform counts them; null where nobody can know. */
  rows(): Rows | Promise<Rows>;
}

export interface Rows {
  readonly read: number | null;
  readonly written: number | null;
}

interface Unsafe {
  evict(stub: DurableObjectStub, options: { webSockets: "hibernate" | "close" }): Promise<void>;
}

type Env = Record<string, DurableObjectNamespace>;

type Methods = Record<string, (...args: unknown[]) => Promise<unknown>>;

/** `/object/<class>/<name>` is an object; `/call/<class>/<name>/<method>` calls one, with the body as its arguments. */
export function serve(unsafe: Unsafe): ExportedHandler<Env> {
  return {
    async fetch(request, env) {
      const [, kind, objectClass = "", name = "", method = ""] = new URL(request.url).pathname.split("/");
      const stub = env[objectClass]?.getByName(decodeURIComponent(name));
      if (!stub) return new Response("not found", { status: 404 });
      if (kind === "object") return await stub.fetch(request);
      if (method === "evict") return Response.json(await unsafe.evict(stub, { webSockets: "hibernate" }) ?? null);
      return Response.json((await (stub as unknown as Methods)[method]?.(...((await request.json()) as unknown[]))) ?? null);
    },
  };
}
