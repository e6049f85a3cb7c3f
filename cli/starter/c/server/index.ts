import { SyncObject, routeSyncRequest } from "durasync/object";
import core from "./todos.wasm";

export class Todos extends SyncObject {
  static override readonly core = core;
}

export default {
  fetch: async (request: Request, env: object) => (await routeSyncRequest(request, env)) ?? new Response("not found", { status: 404 }),
};
