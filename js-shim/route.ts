// SPDX-License-Identifier: MIT

/** `TodoLists` and `todoLists` as they stand in an address: `todo-lists`. */
function kebab(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, "$1-$2").replace(/_/g, "-").toLowerCase();
}

function isNamespace(value: unknown): value is DurableObjectNamespace {
  return typeof value === "object" && value !== null && "idFromName" in value;
}

/**
 * Forwards a request for `/parties/<object class>/<name>` to that object: `<object class>` is the binding's name in kebab case, as in
 * partyserver's addresses. Returns null for any other path, so that the worker can go on; 404 for a class without a binding, 400 for a name that is not URL-encoded.
 */
export async function routeSyncRequest(request: Request, env: object): Promise<Response | null> {
  const [, parties, party = "", name = ""] = new URL(request.url).pathname.split("/");
  if (parties !== "parties") return null;
  const binding: unknown = Object.entries(env).find(([key]) => kebab(key) === party)?.[1];
  if (!isNamespace(binding) || name === "") return new Response("There is no such object.\n", { status: 404 });
  try {
    return await binding.get(binding.idFromName(decodeURIComponent(name))).fetch(request);
  } catch (error) {
    if (error instanceof URIError) return new Response("The name is not URL-encoded.\n", { status: 400 });
    throw error;
  }
}
