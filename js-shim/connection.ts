// SPDX-License-Identifier: MIT
// What a socket is let in with, and what it carries from then on.
import type { EventOutcome } from "./core.ts";
import { encoder } from "./host.ts";
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

// A close frame has no room for whatever else an app may say.
const CODE = /^[a-z_]{1,40}$/;

/**
 * Turns a socket away. It is opened and closed at once, since a page cannot read the status of a handshake that failed, but can read a close code: 4000 and the
 * HTTP status, with the error code as the reason.
 */
export function refuseSocket(server: WebSocket, error: unknown): void {
  const code = error instanceof SyncError && CODE.test(error.code) ? error.code : "internal";
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

/**
 * Attaches the core's text to the socket, as bytes: a string with one letter beyond Latin-1 would take two bytes a character, of the 16 KiB that the platform keeps.
 */
export function attach(socket: WebSocket, text: string): void {
  socket.serializeAttachment(encoder.encode(text));
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text that is attached to the socket, which earlier releases attached as it is. Empty for what is not ours, and for none: nobody was let in so. */
export function attachmentOf(socket: WebSocket): string {
  try {
    const attached: unknown = socket.deserializeAttachment();
    if (typeof attached === "string") return attached;
    return attached instanceof Uint8Array ? decoder.decode(attached) : "";
  } catch {
    return "";
  }
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

interface Attached<Who> {
  readonly identity?: Who | null;
  readonly client?: string;
  readonly channels?: readonly string[];
}

// The core writes its attachments itself: ds_peer_attachment. Anything else may be attached by the app, to our sockets or to its own.
function read<Who>(text: string): Attached<Who> | undefined {
  try {
    const attached: unknown = JSON.parse(text);
    const ours = typeof attached === "object" && attached !== null && ("identity" in attached || "protocol" in attached);
    return ours ? (attached as Attached<Who>) : undefined;
  } catch {
    return undefined;
  }
}

/** What is attached to the sockets says who they are. Those of which that cannot be read are left out: the core sends them away when they speak. */
export function connectionsOf<Who>(sockets: readonly WebSocket[]): Connection<Who>[] {
  return sockets.flatMap((socket) => {
    const attached = read<Who>(attachmentOf(socket));
    if (attached === undefined) return [];
    const { identity, client = "", channels = [] } = attached;
    return [{ identity: (identity ?? undefined) as Who, client, channels, close: (code, reason) => socket.close(code, reason) }];
  });
}
