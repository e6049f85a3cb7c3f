// SPDX-License-Identifier: MIT
// What plain Node has of "cloudflare:workers" (see vitest.config.ts): the base class, so that an app's class can be made and its handlers be asked.
export class DurableObject {
  readonly ctx: unknown;
  readonly env: unknown;

  constructor(ctx: unknown, env: unknown) {
    this.ctx = ctx;
    this.env = env;
  }
}
