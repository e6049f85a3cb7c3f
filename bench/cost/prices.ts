// SPDX-License-Identifier: MIT
// The platform's price list, the one place where prices stand: https://developers.cloudflare.com/durable-objects/platform/pricing

export interface Price {
  /** What is paid for. */
  readonly unit: string;
  /** Dollars for `per` of them. */
  readonly dollars: number;
  readonly per: number;
  /** How many the paid plan includes each month. */
  readonly included: number;
}

const MILLION = 1e6;

export const prices = {
  rowsWritten: { unit: "rows written", dollars: 1, per: MILLION, included: 50 * MILLION },
  rowsRead: { unit: "rows read", dollars: 0.001, per: MILLION, included: 25_000 * MILLION },
  requests: { unit: "requests", dollars: 0.15, per: MILLION, included: MILLION },
  duration: { unit: "GB-seconds", dollars: 12.5, per: MILLION, included: 400_000 },
  storage: { unit: "GB-months stored", dollars: 0.2, per: 1, included: 5 },
} satisfies Record<string, Price>;

/** How much of each there was. */
export type Usage = Readonly<Record<keyof typeof prices, number>>;

/** Incoming messages that make one request. */
export const MESSAGES_A_REQUEST = 20;

/** Gigabytes that an object is billed for while it runs, whatever it uses. */
export const GIGABYTES = 0.128;

/** Dollars for so many of a unit, by the price alone. */
export const priceOf = (unit: keyof Usage, amount: number): number => (amount * prices[unit].dollars) / prices[unit].per;

/** Dollars for so many of a unit in a month, beyond what the plan includes. */
export const billOf = (unit: keyof Usage, amount: number): number => priceOf(unit, Math.max(0, amount - prices[unit].included));
