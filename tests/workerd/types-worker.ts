// SPDX-License-Identifier: MIT
// What one shared type promises of a server: this file is compiled with js-shim/tsconfig.json, and never run.
import * as v from "valibot";
import { SyncError, SyncServer, type ActionArguments, type ActionContext, type Handled } from "../../js-shim/index.ts";

type Card = [id: string, title: string];
type CardAction = { type: "add"; payload: { id: string; title: string } } | { type: "clear"; payload?: null };
type MemberAction = { type: "invite"; payload: { user: string } };

// An interface does as well as a type, for channels and for identities.
interface Board {
  cards: [card: Card, action: CardAction];
  members: [member: { user: string }, action: MemberAction];
}

interface Member {
  user: string;
  admin: boolean;
}

export class Boards extends SyncServer<unknown, Board, Member> {
  override readonly channels = { cards: { table: "card", where: "owner = $user" }, members: {} };
  override readonly payloads = { cards: { add: v.object({ id: v.string(), title: v.string() }) } };

  override onConnect(): Member {
    return { user: "ann", admin: true };
  }

  override onAction(...[channel, action, { identity, now }]: ActionArguments<Board, Member>): Handled {
    const user: string = identity.user;
    const time: number = now;
    if (channel === "members") return action.payload.user;
    if (action.type === "add") return action.payload.title + user + time;
    // @ts-expect-error An invitation is no action of the cards.
    if (action.type === "invite") return;
    throw new SyncError("unknown_action");
  }

  override canDo(channel: "cards" | "members", action: CardAction | MemberAction, { admin }: Member): boolean {
    return admin || (channel === "cards" && action.type !== "clear");
  }

  kick(user: string): number {
    this.broadcast("cards", { kicked: user });
    // @ts-expect-error There is no such channel.
    this.broadcast("card", null);
    // @ts-expect-error A member has no role.
    this.disconnect((member) => member.role === "admin");
    return this.disconnect((member) => member.user === user) + this.connections().filter(({ identity }) => identity.admin).length;
  }
}

export class Undeclared extends SyncServer<unknown, Board> {
  // @ts-expect-error The members are not declared.
  override readonly channels = { cards: {} };
}

export class WrongSchema extends SyncServer<unknown, Board> {
  override readonly channels = { cards: {}, members: {} };
  // @ts-expect-error What the schema lets through is not what the handler is promised.
  override readonly payloads = { cards: { add: v.object({ id: v.string(), title: v.number() }) } };
}

export class WrongType extends SyncServer<unknown, Board> {
  override readonly channels = { cards: {}, members: {} };
  // @ts-expect-error The cards have no action of that type.
  override readonly payloads = { cards: { ad: v.object({ id: v.string(), title: v.string() }) } } satisfies SyncServer<unknown, Board>["payloads"];
}

/** A handler of a single channel may say its parameters one by one. */
export class Single extends SyncServer<unknown, { cards: [Card, CardAction] }> {
  override readonly channels = { cards: {} };

  override onAction(_channel: "cards", { type }: CardAction, { client }: ActionContext): void {
    // @ts-expect-error Not an action of the cards.
    if (type === "destroy") console.log(client);
    // @ts-expect-error The code is not in the list.
    throw new SyncError("gone");
  }
}

// What a handler may return, however it is written.
const results: (() => Handled)[] = [
  () => {},
  () => undefined,
  () => null,
  () => 7,
  () => "a title",
  () => ({ user: "ann", admin: true }) satisfies Member,
  () => [{ id: "1" }] as readonly { id: string }[],
  () => () => {},
  () => () => ({ title: "later" }),
  async () => () => {},
  async () => await Promise.resolve(() => ["later"]),
];

// What a handler must not: each would go on, and write, outside of its transaction.
const promises: (() => Handled)[] = [
  // @ts-expect-error A promise of nothing.
  async () => {},
  // @ts-expect-error A promise of a result.
  async () => await Promise.resolve({ id: "1" }),
  // @ts-expect-error A promise of either.
  async () => (results.length > 0 ? () => {} : undefined),
  // @ts-expect-error A function that waits.
  () => async () => {},
  // @ts-expect-error A promise of a function that waits.
  async () => async () => {},
  // @ts-expect-error What is awaited like a promise.
  () => ({ then: (done: () => void) => done() }),
  // @ts-expect-error No JSON.
  () => 1n,
];

export const returned = [...results, ...promises];

export class Late extends SyncServer<unknown, Board> {
  override readonly channels = { cards: {}, members: {} };

  // @ts-expect-error A handler that returns a promise of nothing.
  override async onAction(): Promise<void> {
    await Promise.resolve();
    this.ctx.storage.sql.exec("DELETE FROM cards");
  }
}
