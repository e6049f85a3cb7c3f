// SPDX-License-Identifier: MIT
import { chosenProtocol, refuseSocket } from "./connection.ts";
import { utf8Size } from "./host.ts";
import { SyncError } from "./sync-error.ts";

// Bytes of a name: the platform tells an object no longer one, so that it could not know which it is.
const MAX_NAME = 1024;

// Refusals that have been logged: each once, and no more than these, since addresses come from strangers.
const MAX_LOGGED = 20;
const logged = new Set<string>();

function logOnce(line: string): void {
  if (logged.has(line) || logged.size >= MAX_LOGGED) return;
  logged.add(line);
  console.error(`durasync: ${line}`);
}

/** `TodoLists` and `todoLists` as they stand in an address: `todo-lists`. */
function kebab(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, "$1-$2").replace(/_/g, "-").toLowerCase();
}

function isNamespace(value: unknown): value is DurableObjectNamespace {
  return typeof value === "object" && value !== null && "idFromName" in value;
}

function bindingOf(env: object, party: string): DurableObjectNamespace {
  const bindings = Object.entries(env).filter(([, value]) => isNamespace(value));
  const binding: unknown = bindings.find(([key]) => kebab(key) === party)?.[1];
  if (isNamespace(binding)) return binding;
  const parties = bindings.map(([key]) => kebab(key)).join(", ") || "none: is there a binding for the class?";
  logOnce(`there is no party ${JSON.stringify(party.slice(0, 64))}. Those that there are: ${parties}`);
  throw new SyncError("unknown_object", "There is no such object.");
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    throw new SyncError("invalid_name", "The name is not URL-encoded.");
  }
}

function nameOf(segment: string): string {
  const name = decoded(segment);
  if (name === "") throw new SyncError("unknown_object", "There is no such object.");
  if (utf8Size(name) <= MAX_NAME) return name;
  throw new SyncError("invalid_name", `The name has more than ${MAX_NAME} bytes.`);
}

// A name with a slash in it that is not encoded would be that of another object. A request may well have a longer path: that is for the object to make something of.
function checkPath(rest: readonly string[]): void {
  if (rest.every((segment) => segment === "")) return;
  logOnce("a socket's address goes on behind the object's name: encode the name, encodeURIComponent(room)");
  throw new SyncError("unknown_object");
}

// A page cannot read the status of a handshake that failed: the socket is opened, and closed with the code.
function refusal(request: Request, isUpgrade: boolean, error: SyncError): Response {
  if (!isUpgrade) return new Response(`${error.message}\n`, { status: error.code === "invalid_name" ? 400 : 404 });
  const { 0: client, 1: server } = new WebSocketPair();
  refuseSocket(server, error);
  return new Response(null, { status: 101, webSocket: client, headers: chosenProtocol(request) });
}

/**
 * Forwards a request for `/parties/<object class>/<name>` to that object: `<object class>` is the binding's name in kebab case, as in
 * partyserver's addresses. Returns null for any other path, so that the worker can go on; 404 for a class without a binding, 400 for a name that is too long or not URL-encoded.
 * A socket that is turned away is opened and closed with 4404 (`unknown_object`) or 4400 (`invalid_name`), which its page can read; the log says what there is.
 */
export async function routeSyncRequest(request: Request, env: object): Promise<Response | null> {
  const [, parties, party = "", name = "", ...rest] = new URL(request.url).pathname.split("/");
  if (parties !== "parties") return null;
  const isUpgrade = request.headers.get("upgrade")?.toLowerCase() === "websocket";
  try {
    const binding = bindingOf(env, party);
    const id = binding.idFromName(nameOf(name));
    if (isUpgrade) checkPath(rest);
    return await binding.get(id).fetch(request);
  } catch (error) {
    if (error instanceof SyncError) return refusal(request, isUpgrade, error);
    throw error; // of the object's own
  }
}
