// SPDX-License-Identifier: MIT
// V8's CPU profiler in workerd, over the Chrome DevTools protocol: which function runs, asked ten thousand times a second.
import { WebSocket } from "ws";
import type { BenchServer } from "../harness/server.ts";

const INTERVAL = 100; // microseconds; on a busy machine it becomes more

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

interface Profile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: CallFrame }[];
  readonly samples?: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas?: readonly number[];
}

interface Reply {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

/** Where time goes. `core`: the module, and V8's way into and out of it; `platform`: what JavaScript calls, SQLite among it; `native`: workerd without any script. */
export const kinds = ["core", "script", "platform", "collector", "native"] as const;

export type Kind = (typeof kinds)[number];

export interface Sampled {
  readonly name: string;
  readonly kind: Kind;
  samples: number;
}

const IDLE = "(idle)";

function kindOf({ functionName, url }: CallFrame): Kind {
  if (functionName === "(garbage collector)") return "collector";
  // A native function without a name is where workerd comes in: no script has called it.
  if (functionName === "(program)" || functionName === "(root)" || functionName + url === "") return "native";
  if (url.startsWith("wasm://") || /^(wasm-to-js|js-to-wasm)/.test(functionName)) return "core";
  return url === "" ? "platform" : "script";
}

const nameOf = ({ functionName, lineNumber }: CallFrame): string => functionName || `(line ${lineNumber + 1} of the bundle)`;

/** What the profiler has seen in all the times that it ran. */
export class Profiler {
  readonly #server: BenchServer;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #asked = 0;
  /** By name and kind. */
  readonly functions = new Map<string, Sampled>();
  /** Samples in which there was something to do. */
  samples = 0;
  /** Microseconds on the clock in which there was. */
  busy = 0;
  /** Microseconds of CPU that workerd's main thread has used, within the isolate and without it. */
  cpu = 0;

  private constructor(server: BenchServer, socket: WebSocket) {
    this.#server = server;
    this.#socket = socket;
    socket.on("message", (data: Buffer) => {
      const reply = JSON.parse(data.toString()) as Reply;
      if (reply.id !== undefined) this.#waiting.get(reply.id)?.(reply);
    });
  }

  /** For a server that lets an inspector in. */
  static async attach(server: BenchServer): Promise<Profiler> {
    const socket = new WebSocket(server.inspector, { perMessageDeflate: false, maxPayload: 1024 * 1024 * 1024 });
    await new Promise<void>((resolve, reject) => {
      socket.once("open", () => resolve());
      socket.once("error", reject);
    });
    const profiler = new Profiler(server, socket);
    await profiler.#ask("Profiler.enable");
    await profiler.#ask("Profiler.setSamplingInterval", { interval: INTERVAL });
    return profiler;
  }

  async #ask(method: string, params: object = {}): Promise<unknown> {
    const id = ++this.#asked;
    const reply = await new Promise<Reply>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
    this.#waiting.delete(id);
    if (reply.error) throw new Error(`${method}: ${reply.error.message}`);
    return reply.result;
  }

  /** Profiles what workerd does while `work` is done. */
  async during(work: () => Promise<void>): Promise<void> {
    await this.#ask("Profiler.start");
    const before = this.#server.mainThread();
    await work();
    this.cpu += 1000 * (this.#server.mainThread() - before);
    this.#add(((await this.#ask("Profiler.stop")) as { profile: Profile }).profile);
  }

  #add({ nodes, samples = [], timeDeltas = [] }: Profile): void {
    const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
    for (const [i, node] of samples.entries()) {
      const frame = frames.get(node);
      if (!frame || frame.functionName === IDLE) continue;
      this.samples++;
      this.busy += timeDeltas[i] ?? 0;
      const [name, kind] = [nameOf(frame), kindOf(frame)];
      const known = this.functions.get(`${kind} ${name}`) ?? { name, kind, samples: 0 };
      this.functions.set(`${kind} ${name}`, known);
      known.samples++;
    }
  }

  detach(): void {
    this.#socket.terminate();
  }
}
