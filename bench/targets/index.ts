// SPDX-License-Identifier: MIT
// What is compared. A target is a folder with a server.ts, and a line here.
import { fileURLToPath } from "node:url";
import { bare } from "./bare/client.ts";
import { durasync } from "./durasync.ts";
import { straightforward } from "./straightforward/client.ts";
import type { Target } from "./target.ts";

export const targets: readonly Target[] = [
  durasync("durasync-c", "durasync, the app in C"),
  durasync("durasync-ts", "durasync, the app in TypeScript"),
  straightforward,
  bare,
];

/** The path of a target's Worker. */
export const serverOf = (name: string): string => fileURLToPath(new URL(`${name}/server.ts`, import.meta.url));
