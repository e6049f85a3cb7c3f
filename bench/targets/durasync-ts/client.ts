// SPDX-License-Identifier: MIT
import { durasync } from "../durasync.ts";

export const target = durasync("durasync-ts", "durasync, the app in TypeScript");
