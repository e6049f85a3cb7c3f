// SPDX-License-Identifier: MIT
// Whose code it is that writes. A handler that has returned a promise goes on outside of its transaction: what it wrote there
// would stay, whatever its action is told. So it is refused at the write, and by that everything it writes is.
import { env, withEnv } from "cloudflare:workers";
import type { Handling } from "./script.ts";
import { mayHaveWritten } from "./writes.ts";

const KEY = Symbol("handling");
let bindings: object | undefined;

/** Runs a handler. The environment goes along with whatever it starts, over every await: no other part of the platform's context does so without a flag. */
export function asHandler<T>(handling: Handling, handler: () => T): T {
  bindings ??= { ...env };
  return withEnv({ ...bindings, [KEY]: handling }, handler) as T;
}

/** The handler that goes on, if the code that runs is its own. */
function goingOn(): Handling | undefined {
  const { [KEY]: handling } = env as { [KEY]?: Handling };
  return handling?.goesOn ? handling : undefined;
}

function refuse(handling: Handling): never {
  handling.wrote = true;
  throw new Error("A handler that has awaited something must not change the storage: return a function that does.");
}

// Has `calls` of an interface of the platform's refused where a handler goes on.
function guardCalls(target: object | undefined, calls: readonly string[]): void {
  const methods = (target ?? {}) as Record<string, ((...values: unknown[]) => unknown) | undefined>;
  for (const name of calls) {
    const call = methods[name]?.bind(target);
    if (!call) continue;
    methods[name] = (...values) => {
      const handling = goingOn();
      return handling ? refuse(handling) : call(...values);
    };
  }
}

/** Guards the storage against handlers that go on: they may read. What a statement does is known once it is done, so it is run to be undone. */
export function guardStorage(storage: DurableObjectStorage): void {
  guardCalls(storage, ["put", "delete", "deleteAll", "setAlarm", "deleteAlarm", "transaction"]);
  guardCalls(storage.kv, ["put", "delete"]);
  const exec = storage.sql.exec.bind(storage.sql);
  storage.sql.exec = (query, ...values) => {
    const handling = goingOn();
    if (!handling) return exec(query, ...values);
    return storage.transactionSync(() => {
      const cursor = exec(query, ...values);
      if (!mayHaveWritten(cursor as never, query)) return cursor as never;
      while (cursor.rowsWritten > 0 && !cursor.next().done) continue; // SQLite undoes nothing over a statement that writes and is still open
      return refuse(handling);
    });
  };
}
