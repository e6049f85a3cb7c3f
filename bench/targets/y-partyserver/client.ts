// SPDX-License-Identifier: MIT
// Yjs by its own sync protocol. The object sends an update back to its author as well: that is the answer, though the document is saved later.
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import * as protocol from "y-protocols/sync";
import { Doc, applyUpdate, decodeUpdate, encodeStateVector } from "yjs";
import type { Wire } from "../../harness/wire.ts";
import type { Target } from "../target.ts";

const SYNC = 0;

const docs = new Map<string, Doc>();
const docOf = new WeakMap<Wire, Doc>();

/** Asks for what is beyond the state `vector`, and returns the update. */
async function fetchBeyond(wire: Wire, vector: Uint8Array): Promise<Uint8Array> {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, SYNC);
  encoding.writeVarUint(encoder, protocol.messageYjsSyncStep1);
  encoding.writeVarUint8Array(encoder, vector);
  wire.send(encoding.toUint8Array(encoder));
  for (;;) {
    const message = await wire.receive();
    if (message[0] !== SYNC || message[1] !== protocol.messageYjsSyncStep2) continue;
    return decoding.readVarUint8Array(decoding.createDecoder(message.subarray(2)));
  }
}

export const target: Target = {
  name: "y-partyserver",
  title: "Yjs in a Durable Object: a CRDT, whole in memory; saved some seconds after a change",
  channels: ["todos"],
  mostListeners: 100,
  mostRuns: 3,
  hello: async (wire, client) => {
    const doc = new Doc();
    docs.set(client, doc);
    docOf.set(wire, doc);
  },
  sync: async (wire) => {
    const doc = docOf.get(wire) ?? new Doc();
    applyUpdate(doc, await fetchBeyond(wire, encodeStateVector(doc)));
    return { rows: doc.getMap("todos").size, first: performance.now(), cursor: encodeStateVector(doc) };
  },
  resume: async (wire, cursor) => decodeUpdate(await fetchBeyond(wire, cursor as Uint8Array)).structs.length,
  action: (client, _number, _settled, _channel, { payload: { id, text = "", completed = 0 } }) => {
    const doc = docs.get(client) ?? new Doc();
    const encoder = encoding.createEncoder();
    encoding.writeVarUint(encoder, SYNC);
    doc.once("update", (update: Uint8Array) => protocol.writeUpdate(encoder, update));
    const now = Date.now();
    doc.getMap("todos").set(id, [text, completed, now, now, null, `by ${client};`]);
    return encoding.toUint8Array(encoder);
  },
  settles: (message, client) => (message[0] === SYNC && message[1] === protocol.messageYjsUpdate && message.includes(`by ${client};`) ? 1 : 0),
};
