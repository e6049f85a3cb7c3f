// SPDX-License-Identifier: MIT
import type { Target } from "../target.ts";
import { target as bare } from "../bare/client.ts";

export const target: Target = {
  ...bare,
  name: "exact",
  title: "the limit once actions are to be carried out exactly once, each as a whole, and followed by what they changed",
  channels: ["todos"],
  mostRows: 10_000, // large tables are read as the bare object reads them
};
