// SPDX-License-Identifier: MIT
// What plain Node has of "cloudflare:workers" (see vitest.config.ts): the base class, so that an app's class can be made, and what its handlers are asked by.
export class DurableObject {
  readonly ctx: unknown;
  readonly env: unknown;

  constructor(ctx: unknown, env: unknown) {
    this.ctx = ctx;
    this.env = env;
  }
}

// The environment, which goes along with what is run in it. Nothing of the conversations' app waits.
export const env = {};
export const withEnv = (_env: unknown, step: () => unknown): unknown => step();
