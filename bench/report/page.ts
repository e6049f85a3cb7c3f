// SPDX-License-Identifier: MIT
// The page with the plots: one file, with everything in it.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { judge } from "./goals.ts";
import type { Results } from "./results.ts";

const view = fileURLToPath(new URL("view.ts", import.meta.url));

// Inside of a script, what looks like its end would be its end.
const inScript = (text: string): string => text.replaceAll("</", "<\\/");

/** Writes the page of a run to `path`. */
export async function writePage(results: Results, path: string): Promise<void> {
  const bundle = await rolldown({ input: view, platform: "browser", logLevel: "silent" });
  const { output } = await bundle.generate({ format: "iife", minify: true });
  await bundle.close();
  const data = JSON.stringify({ results, verdicts: judge(results) });
  writeFileSync(
    path,
    `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>durasync: the bench</title>
<style>
  body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
  table { border-collapse: collapse; } td, th { text-align: left; padding: 0.2rem 0.8rem 0.2rem 0; border-bottom: 1px solid #ddd; }
  .plots { display: flex; flex-wrap: wrap; gap: 1rem 2rem; } figure { margin: 0; } .no { color: #b00020; font-weight: 600; }
</style>
<main></main>
<script type="application/json" id="data">${inScript(data)}</script>
<script>${inScript(output[0].code)}</script>
</html>
`,
  );
}
