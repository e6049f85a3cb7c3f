// SPDX-License-Identifier: MIT
import { expect, test, vi } from "vitest";

vi.mock("react", () => ({}));

test("the client works where there is no React", async () => {
  const { storeOf, View } = await import("../../client/index.ts");
  const { ScriptedSocket, page } = await import("./scripted-object.ts");
  const socket = new ScriptedSocket();
  const view = new View<[id: string, text: string], { type: "shout" }>(storeOf(socket), "todos");
  const end = view.subscribe(() => {});
  socket.open();
  socket.receive(page([["a", "one"]]));
  expect(view.getSnapshot()).toEqual({ records: [["a", "one"]], status: { state: "live", pending: 0, storage: "memory", version: 10 } });
  end();
});
