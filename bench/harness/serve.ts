// SPDX-License-Identifier: MIT
// The way to the objects, in workerd: sockets, and what the harness calls.

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
