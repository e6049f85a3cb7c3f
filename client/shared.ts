// SPDX-License-Identifier: MIT

/** What every copy of this package in a page shares under a name: a module that is replaced while developing is loaded once more. */
export function shared<T>(name: string, make: () => T): T {
  const page = globalThis as { [key: symbol]: unknown };
  return (page[Symbol.for(`durasync ${name}`)] ??= make()) as T;
}
