// SPDX-License-Identifier: MIT
// Whole worlds of pages, made from events that fast-check draws and, where one fails, leaves out again. WORLDS=1000 lives through more of them,
// SEED=2 through those of another seed; what fails is printed with its seed and its path, and SEED=... WORLD=path replays it.
import fc from "fast-check";
import { afterAll, beforeAll, test, vi } from "vitest";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "../../wasm/build.mjs";
import { World, type Event } from "./worlds/world.ts";

const numRuns = Number(process.env["WORLDS"] ?? 300);
const seed = Number(process.env["SEED"] ?? 1);
const path = process.env["WORLD"];

let module: WebAssembly.Module;

beforeAll(async () => {
  module = new WebAssembly.Module(readFileSync(await build(fileURLToPath(new URL("worlds/ledger", import.meta.url)), undefined, "caps.h")));
}, 180_000);

afterAll(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const page = fc.nat(2);
const count = fc.integer({ min: 1, max: 4 });

const events: fc.Arbitrary<Event>[] = [];
function often(weight: number, event: fc.Arbitrary<Event>): void {
  for (let i = 0; i < weight; i++) events.push(event);
}

type Of<K extends Event["do"]> = Extract<Event, { do: K }>;
type Parts<K extends Event["do"]> = { [M in Exclude<keyof Of<K>, "do">]: fc.Arbitrary<Of<K>[M]> };
// fast-check cannot tell that a name and what belongs to it are an event.
const at = <K extends Event["do"]>(name: K, parts: Parts<K>) => fc.record({ do: fc.constant(name), ...parts }) as unknown as fc.Arbitrary<Event>;

often(4, at("open", {}));
often(8, at("dial", { page }));
often(3, at("cut", { page }));
often(1, at("stall", { page }));
often(10, at("act", { page, type: fc.constantFrom("put", "add", "add", "both", "drop", "refuse"), key: fc.nat(4) }));
often(12, at("turn", { count, pages: fc.constantFrom(1, 2, 4, 7, 7, 7), fatal: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 40 }) }) }));
often(12, at("hear", { page, count }));
often(9, at("run", { kind: fc.constantFrom("disk", "disk", "disk", "locks", "locks", "messages"), count: fc.integer({ min: 1, max: 8 }) }));
often(3, at("break", { page, how: fc.constantFrom("no", "no", "once", "once", "always", "hangs") }));
often(2, at("kill", { page, loses: fc.boolean() }));
often(1, at("close", { page }));
often(1, at("abort", { page }));
often(1, at("clear", { page }));
often(1, at("stop", { writes: fc.nat(3) }));
often(4, at("write", { rows: fc.constantFrom(0, 1, 2, 3, 9, 20), key: fc.nat(8) }));
often(3, at("wait", { seconds: fc.constantFrom(1, 6, 31) }));
often(10, at("flow", {}));
for (const name of ["sleep", "crash", "backup", "restore"] as const) often(1, at(name, {}));

const worlds = fc.array(fc.oneof(...events), { minLength: 1, maxLength: 120, size: "max" });

/** A world from its beginning to its end, with clock, chance and browser of its own. */
async function live(list: readonly Event[]): Promise<void> {
  vi.useFakeTimers({ now: 1_700_000_000_000, toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"] });
  const world = new World(module);
  let byte = 0;
  vi.stubGlobal("navigator", { locks: world.browser.locks });
  vi.stubGlobal("BroadcastChannel", function (name: string) {
    return world.browser.newBus(name);
  });
  vi.stubGlobal("crypto", { getRandomValues: (bytes: Uint8Array) => bytes.map((_, i) => ((byte++ >> (i % 2 ? 8 : 0)) & 0xff)) });
  vi.spyOn(console, "warn").mockImplementation(() => {});
  try {
    await world.live(list);
    await world.conclude();
  } finally {
    world.end();
  }
}

test(`${numRuns} worlds of pages that act, lose their lines, die and go on`, { timeout: 3_600_000 }, async () => {
  await fc.assert(fc.asyncProperty(worlds, live), { numRuns, seed, ...(path !== undefined && { path }) });
});
