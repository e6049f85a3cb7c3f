// SPDX-License-Identifier: MIT
// What is compared. A target is a folder with a server.ts and a client.ts, and its name here.
import { fileURLToPath } from "node:url";
import type { Target } from "./target.ts";

export const targetNames = ["durasync-c", "durasync-ts", "straightforward", "bare", "exact", "tinybase", "agents", "y-partyserver"] as const;

/** The client's part of a target. Loaded when it is asked for: the peers' packages are installed by `make bench` alone. */
export async function loadTarget(name: string): Promise<Target> {
  return ((await import(`./${name}/client.ts`)) as { target: Target }).target;
}

/** The path of a target's Worker. */
export const serverOf = (name: string): string => fileURLToPath(new URL(`${name}/server.ts`, import.meta.url));
