// SPDX-License-Identifier: MIT
// One client in Node, without a bundler: `node client.mjs <host> <text>` adds a todo, and prints the todos' texts once two are committed.
import { View, isPending, storeOf } from "durasync/client";
import { PartySocket } from "partysocket";

const [host, text] = process.argv.slice(2);
const socket = new PartySocket({ host, party: "todos", room: "default" });
const store = storeOf(socket, { cache: null });
const view = new View(store, "todos");

view.subscribe(() => {
  const { records } = view.getSnapshot();
  if (records.length < 2 || records.some(isPending)) return;
  console.log(JSON.stringify(records.map(([, text]) => text)));
  process.exit();
});
store.use(socket);
store.send("todos", { type: "create", payload: { id: text, text } });
