// SPDX-License-Identifier: MIT
// A page that shows 50 of a channel's records, by useSync in a thread with a document of its own: how long React takes, by its Profiler.
import { Worker } from "node:worker_threads";
import type { Metrics } from "./case.ts";

/** Renders `count` records that come in pages, and then one change of them. */
export async function renderRecords(count: number): Promise<Metrics> {
  // React's build for profiling is that for production.
  const worker = new Worker(new URL("render-worker.ts", import.meta.url), { workerData: count, env: { ...process.env, NODE_ENV: "production" } });
  try {
    return await new Promise<Metrics>((resolve, reject) => worker.once("message", resolve).once("error", reject));
  } finally {
    await worker.terminate();
  }
}
