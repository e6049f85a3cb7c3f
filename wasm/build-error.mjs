// SPDX-License-Identifier: MIT

/**
 * Why there is no module: `no_source` (nothing to compile), `no_compiler`, `does_not_compile` (the message is the compiler's), `foreign_import`
 * (it would need what an object does not have), `bad_output`. The message is for people.
 */
export class BuildError extends Error {
  constructor(code, message) {
    super(message);
    this.name = "BuildError";
    this.code = code;
  }
}
