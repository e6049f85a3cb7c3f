// SPDX-License-Identifier: MIT
// What callgrind has counted, read from the file that it writes (https://valgrind.org/docs/manual/cl-format.html).

export interface Counted {
  readonly name: string;
  /** The file that it stands in, and the program or library that this was compiled into, as callgrind knows them. */
  readonly file: string;
  readonly object: string;
  /** Instructions of its own, those of what the compiler put into its place included. */
  own: number;
  /** Instructions of what it calls, by who is called. */
  readonly calls: Map<string, number>;
}

/** Instructions of the function and of what it calls; what it calls of itself is in that once. */
export function withCalls({ own, calls }: Counted, id: string): number {
  return [...calls].reduce((sum, [callee, cost]) => (callee === id ? sum : sum + cost), own);
}

// A name is written out the first time, and is a number from then on: "(12) memcpy", "(12)".
class Names {
  readonly #known = new Map<string, string>();

  resolve(text: string): { id: string; name: string } {
    const [, id = text, name] = /^(\(\d+\))(?: (.*))?$/.exec(text) ?? [];
    if (name !== undefined) this.#known.set(id, name);
    return { id, name: this.#known.get(id) ?? id };
  }
}

/** The functions of a file of callgrind's, by its own number of them. */
export function readCallgrind(text: string): Map<string, Counted> {
  const functions = new Map<string, Counted>();
  const [objects, files, names] = [new Names(), new Names(), new Names()];
  let [object, file, callee, called] = ["", "", "", false];
  let current: Counted | undefined;
  for (const line of text.split("\n")) {
    const [, key, value = ""] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (key === "ob") object = objects.resolve(value).name;
    // `fi` and `fe` are files from which something was inlined: a function's own file is named anew where it is another.
    else if (key === "fl" || key === "fi" || key === "fe") file = files.resolve(value).name;
    else if (key === "cob") objects.resolve(value);
    else if (key === "cfi" || key === "cfl") files.resolve(value);
    else if (key === "cfn") callee = names.resolve(value).id;
    else if (key === "calls") called = true; // the next line has what the calls cost
    else if (key === "fn") {
      const { id, name } = names.resolve(value);
      current = functions.get(id) ?? { name, file, object, own: 0, calls: new Map() };
      functions.set(id, current);
    } else if (current && /^[+\-*\d]/.test(line)) {
      const cost = Number(line.split(" ")[1] ?? 0);
      if (called) current.calls.set(callee, (current.calls.get(callee) ?? 0) + cost);
      else current.own += cost;
      called = false;
    }
  }
  return functions;
}
