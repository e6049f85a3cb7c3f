// SPDX-License-Identifier: MIT
// The declarations that a package ships, made by the compiler and used by somebody else's project: strict or not, they say the same.
import { beforeAll, test } from "vitest";
import { compile, emptyFolder, snippets } from "./compiler.ts";

const consumer = {
  name: "consumer.ts",
  source: `
import { SyncError, storeOf, type Cell, type Receipt, type SyncRecord, type SyncSocket, type SyncStatus } from "durasync/client";
import { useRecord, useSync, type Send } from "durasync/react";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const is = <_ extends true>() => {};

type Todo = [id: string, text: string];
type Action = { type: "create"; payload: { id: string } } | { type: "clear" };

export function useAll(socket: SyncSocket) {
  const [todos, send, status] = useSync<Todo, Action>("todos", socket, (records) => records);
  is<Same<typeof todos, readonly Todo[]>>();
  is<Same<typeof send, Send<Action>>>();
  is<Same<typeof status, SyncStatus>>();
  const record = useRecord<Todo, Action>("todos", socket, "id");
  is<Same<typeof record, Todo | undefined>>();
  const receipt = send({ type: "clear" });
  is<Same<typeof receipt, Receipt>>();
  // @ts-expect-error No such action.
  send({ type: "destroy" });
  // @ts-expect-error An object is no tuple: it takes { as: "objects" }.
  useSync<{ id: string }, Action>("todos", socket);
  // @ts-expect-error The stage is not for others to change.
  receipt.stage = "sent";
  return record;
}

export async function useStore(socket: SyncSocket) {
  const store = storeOf(socket);
  const { records } = store.getState("todos");
  is<Same<typeof records, readonly SyncRecord[]>>();
  const cell: Cell = records[0]?.[0] ?? null;
  // @ts-expect-error Records are the store's.
  records.push([cell]);
  const { result } = await store.send("todos", { type: "clear" });
  is<Same<typeof result, unknown>>();
  store.onRejected((error, action) => {
    is<Same<typeof error, SyncError>>();
    is<Same<typeof error.data, unknown>>();
    // A code is completed from the list, and may be another.
    console.log(error.code === "conflict", error.code === "of-a-newer-object", action.type);
  });
}
`,
};

const paths = {
  "durasync/client": ["../declarations/types/client/index.d.ts"],
  "durasync/react": ["../declarations/types/client/react.d.ts"],
};

beforeAll(() => {
  const emit = { noEmit: false, declaration: true, emitDeclarationOnly: true, rootDir: "../..", outDir: "types", types: [] };
  compile(emptyFolder("declarations"), [], emit, ["../../client"]);
});

test.each([
  ["a bundler's project", {}],
  ["a project without node's types", { types: [] }],
  ["a project that is less strict", { exactOptionalPropertyTypes: false, noUncheckedIndexedAccess: false }],
  ["a project of Node modules", { module: "nodenext", moduleResolution: "nodenext" }],
])("%s compiles against them", (_, options) => {
  compile(emptyFolder("consumer"), [consumer], { paths, skipLibCheck: false, ...options });
});

test("the guide's snippets compile against them", () => {
  compile(emptyFolder("consumer"), snippets, { paths });
});
