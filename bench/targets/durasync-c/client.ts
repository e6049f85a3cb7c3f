// SPDX-License-Identifier: MIT
import { durasync } from "../durasync.ts";

export const target = durasync("durasync-c", "durasync, the app in C");
