// SPDX-License-Identifier: MIT
// What a socket is let in with, and what it carries from then on.
import type { EventOutcome } from "./core.ts";
import { SyncError } from "./sync-error.ts";
import type { ErrorCode } from "../wasm/build/protocol.ts";

/** Who a socket was let in as: what `onConnect` returned, as JSON. */
export type Identity = Record<string, unknown>;

/** An open socket. */
export interface Connection<Who = Identity | undefined> {
  readonly identity: Who;
  /** The client's id; empty before its hello, and for version 1 of the protocol. */
  readonly client: string;
  /** The channels that it has subscribed to. */
  readonly channels: readonly string[];
  close(code: number, reason: string): void;
}

/** The HTTP status that a code comes closest to; a close code is that plus 4000. Those of 4400 to 4499 keep a client away for good. */
function statusOf(code: ErrorCode): number {
  const statuses: Partial<Record<ErrorCode, number>> = { forbidden: 403, invalid_payload: 400, not_found: 404, unknown_object: 404, invalid_name: 400, conflict: 409, constraint: 409, rejected: 422, app_too_old: 426, rate_limited: 429, unavailable: 503 };
  return statuses[code] ?? 500;
}

/**
 * Turns a socket away. It is opened and closed at once, since a page cannot read the status of a handshake that failed, but can read a close code: 4000 and the
 * HTTP status, with the error code as the reason.
 */
export function refuseSocket(server: WebSocket, error: unknown): void {
  const code = error instanceof SyncError ? error.code : "internal";
  if (code === "internal") console.error("durasync: nobody was let in", error);
  server.accept();
  server.close(4000 + statusOf(code), code);
}

/**
 * A page can send a token as a subprotocol, behind one that names what it speaks: `new WebSocket(url, ["durasync", token])`. Browsers give up unless one of them is
 * chosen (RFC 6455, section 4.1): the first is, and the token stays out of the answer.
 */
export function chosenProtocol(request: Request): Record<string, string> {
  const [first] = request.headers.get("sec-websocket-protocol")?.split(",") ?? [];
  return first === undefined ? {} : { "sec-websocket-protocol": first.trim() };
}

/** Notes on the socket who it is; the core takes it from there. */
export function attachIdentity(server: WebSocket, identity: unknown): void {
  if (identity !== undefined) server.serializeAttachment(JSON.stringify({ identity }));
}

/** A request as the app gets it. */
export function requestPayload(request: Request): { url: string; headers: Record<string, string> } {
  return { url: request.url, headers: Object.fromEntries(request.headers) };
}

/** The app's answer to a request. */
export function responseOf(outcome: EventOutcome): Response {
  if (outcome.status === "rejected") return Response.json({ code: outcome.code, message: outcome.message, data: outcome.data }, { status: statusOf(outcome.code) });
  const { body, ...init } = (outcome.result ?? {}) as { status?: number; headers?: Record<string, string>; body?: string };
  return new Response(body, init);
}

/** What is attached to the sockets says who they are. */
export function connectionsOf<Who>(sockets: readonly WebSocket[]): Connection<Who>[] {
  return sockets.map((socket) => {
    const attached: unknown = socket.deserializeAttachment();
    // The core writes its attachments itself: ds_peer_attachment.
    const { identity, client = "", channels = [] } = JSON.parse(typeof attached === "string" ? attached : "{}") as Partial<Connection<Who>>;
    return { identity: identity as Who, client, channels, close: (code, reason) => socket.close(code, reason) };
  });
}
