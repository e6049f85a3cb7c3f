// SPDX-License-Identifier: MIT
// What is measured, in order.
import { actingCases } from "./acting.ts";
import type { Case } from "./case.ts";
import { fanOutCases } from "./fan-out.ts";
import { readingCases } from "./reading.ts";
import { startingCases } from "./starting.ts";
import { wakingCases } from "./waking.ts";

export const cases: readonly Case[] = [...readingCases, ...actingCases, ...fanOutCases, ...wakingCases, ...startingCases];
