// SPDX-License-Identifier: MIT
// workerd with the objects to compare in it.
import { fileURLToPath } from "node:url";
import { createTestHarness } from "wrangler";
import type { Cost } from "../../js-shim/cost.ts";
import { TestSocket } from "../../tests/workerd/server.ts";

export type ObjectClass = "Todos" | "Plain";

/** An object to measure. */
export interface Subject {
  readonly objectClass: ObjectClass;
  connect(): Promise<TestSocket>;
  /** Adds `count` rows with keys from `from` on and `size` characters of text. */
  seed(from: number, count: number, size?: number): Promise<void>;
  /** Writes a row's own values over it. */
  touch(id: string): Promise<void>;
  /** Has the next `count` frames handled as if they had arrived at the same moment, whatever the network does with them. */
  gather(count: number): Promise<void>;
  /** The cost since it was last taken, or since the object woke. */
  take(): Promise<Cost>;
  /** The bytes that its database has. */
  size(): Promise<number>;
  hibernate(): Promise<void>;
}

export interface BenchServer {
  subject(objectClass: ObjectClass, name: string): Subject;
  close(): Promise<void>;
}

/** The key of row `n` of those that `seed` makes. */
export const seededKey = (n: number): string => `${n}`.padStart(8, "0");

const SEED_STEP = 20_000;

async function open(url: URL): Promise<TestSocket> {
  const socket = new WebSocket(url);
  const wrapped = new TestSocket(socket);
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener("open", () => resolve(), { once: true });
    socket.addEventListener("error", () => reject(new Error(`no connection to ${url.pathname}`)), { once: true });
  });
  return wrapped;
}

/** Starts workerd on storage of its own. */
export async function startBench(): Promise<BenchServer> {
  const root = fileURLToPath(new URL(".", import.meta.url));
  const harness = createTestHarness({ root, workers: [{ configPath: "wrangler.toml" }] });
  const { url } = await harness.listen();
  const worker = harness.getWorker();
  return {
    subject: (objectClass, name) => {
      const call = async (method: string, ...args: (string | number)[]): Promise<unknown> => {
        const response = await fetch(new URL(`/call/${objectClass}/${name}/${method}?${args.join("&")}`, url));
        if (!response.ok) throw new Error(`${method}: ${await response.text()}`);
        return await response.json();
      };
      const address = new URL(`/parties/${objectClass.toLowerCase()}/${name}`, url);
      address.protocol = "ws:";
      return {
        objectClass,
        connect: async () => await open(address),
        seed: async (from, count, size = 40) => {
          for (let at = 0; at < count; at += SEED_STEP) await call("seed", from + at, Math.min(SEED_STEP, count - at), size);
        },
        touch: async (id) => void (await call("touch", id)),
        gather: async (count) => void (await call("gather", count)),
        take: async () => (await call("take")) as Cost,
        size: async () => (await call("size")) as number,
        hibernate: async () => await worker.evictDurableObject(objectClass, { name, webSockets: "hibernate" }),
      };
    },
    close: async () => await harness.close(),
  };
}
