// SPDX-License-Identifier: MIT
// The Worker of a target, bundled for workerd, and the configuration that serves it.
import { copyFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = fileURLToPath(new URL("../..", import.meta.url));
const ENTRY = "bench-entry";
const NO_MAIL = "\0no-mail";

/** What an object's address and the calls of the harness come to: the same for every target. */
const entrySource = (server: string): string => `
  import unsafe from "workerd:unsafe";
  import { Todos, Wide } from ${JSON.stringify(server)};
  import { serve } from ${JSON.stringify(join(root, "bench/harness/serve.ts"))};
  export { Todos, Wide };
  export default serve(unsafe);
`;

/** Bundles the module `server`, which exports the classes Todos and Wide, into `folder`, and returns the path of the configuration. `state` keeps the storage. */
export async function bundleWorker(server: string, folder: string, state: string): Promise<string> {
  const modules: string[] = [];
  const plugin = {
    name: "bench",
    resolveId: (id: string, importer: string | undefined) => {
      // Only in part a part of workerd: no object of the bench sends mail.
      if (id === "cloudflare:email") return NO_MAIL;
      if (id === ENTRY) return join(root, "bench/entry.ts");
      if (!id.endsWith(".wasm")) return null;
      copyFileSync(resolve(dirname(importer ?? root), id), join(folder, basename(id)));
      modules.push(basename(id));
      return { id: `./${basename(id)}`, external: true };
    },
    load: (id: string) => (id === NO_MAIL ? "export class EmailMessage {}" : id === join(root, "bench/entry.ts") ? entrySource(server) : null),
  };
  const bundle = await rolldown({ cwd: root, input: ENTRY, platform: "browser", external: [/^cloudflare:(?!email)/, /^workerd:/, /^node:/], plugins: [plugin], logLevel: "silent" });
  await bundle.write({ file: join(folder, "worker.js"), format: "es", codeSplitting: false });
  await bundle.close();
  const config = join(folder, "config.capnp");
  writeFileSync(config, configText([...new Set(modules)], state));
  return config;
}

function configText(modules: readonly string[], state: string): string {
  const classes = ["Todos", "Wide"];
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker), (name = "state", disk = (path = ${JSON.stringify(state)}, writable = true))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")]
);
const worker :Workerd.Worker = (
  modules = [
    (name = "worker.js", esModule = embed "worker.js"),
    ${modules.map((name) => `(name = "${name}", wasm = embed "${name}"),`).join("\n    ")}
  ],
  compatibilityDate = "2026-07-01",
  compatibilityFlags = ["experimental", "unsafe_module", "nodejs_compat"],
  durableObjectNamespaces = [${classes.map((name) => `(className = "${name}", uniqueKey = "${name}", enableSql = true)`).join(", ")}],
  durableObjectStorage = (localDisk = "state"),
  bindings = [${classes.map((name) => `(name = "${name}", durableObjectNamespace = "${name}")`).join(", ")}],
);
`;
}
