// SPDX-License-Identifier: MIT

declare const process: { readonly env: { readonly NODE_ENV?: string } };

/**
 * Freezes what is shared, while developing: who changes it would change it for everybody else, and hears so at once. Bundlers write into
 * `process.env.NODE_ENV` what they build for, and leave nothing of this in a page for production; without a bundler there may be no `process`.
 */
export function frozen<T>(value: T): T {
  try {
    if (process.env.NODE_ENV !== "production") freeze(value);
  } catch {
    // No process, or an object of the app's that will not be frozen.
  }
  return value;
}

/** Bytes cannot be frozen, and what is neither an array nor a plain object is the app's own affair. */
function freeze(value: unknown): void {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return;
  if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) return;
  Object.freeze(value);
  for (const part of Object.values(value)) freeze(part);
}
