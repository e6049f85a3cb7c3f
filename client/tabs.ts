// SPDX-License-Identifier: MIT
// What the tabs of one browser know of each other: who owns which client, and that something in the cache has changed.

export type Release = () => void;

/** "outbox": actions were saved or settled. "cleared": everything of the scope was wiped. */
export type News = "outbox" | "cleared";

/** True where tabs can keep their clients apart; without that, two of them could give the same number to different actions. */
export const canLock = (): boolean => globalThis.navigator?.locks !== undefined;

/** The name of the lock that the owner of a client holds. */
export const ownerOf = (scope: string, client: string): string => `durasync ${scope} ${client}`;

/** The names of the locks that are held: those of the clients that some page owns are among them. */
export async function ownedClients(): Promise<Set<string | undefined>> {
  const { held = [] } = canLock() ? await navigator.locks.query() : {};
  return new Set(held.map(({ name }) => name));
}

/** The other tabs with the same scope. Each client id is owned by the tab that holds its lock, and free as soon as that tab is gone. */
export class Tabs {
  readonly #scope: string;
  readonly #bus: BroadcastChannel | null;
  readonly #closing = new AbortController();
  readonly #held = new Set<Release>();
  readonly #awaited = new Set<string>();

  /** Without BroadcastChannel the tabs work as well; they see each other's actions once the object has done them. */
  constructor(scope: string, onNews: (news: News) => void) {
    this.#scope = scope;
    this.#bus = globalThis.BroadcastChannel ? new BroadcastChannel(`durasync ${scope}`) : null;
    if (this.#bus) this.#bus.onmessage = ({ data }) => onNews(data === "cleared" ? data : "outbox");
  }

  announce(news: News): void {
    this.#bus?.postMessage(news);
  }

  /** Owns the client until the function returned is called; null if another tab does. */
  claim(client: string): Promise<Release | null> {
    return new Promise((resolve, reject) => {
      // Granted after the end, nobody would let go of it any more.
      const hold = (lock: Lock | null) => (lock && !this.#closing.signal.aborted ? this.#hold(resolve) : resolve(null));
      navigator.locks.request(this.#nameOf(client), { ifAvailable: true }, hold).catch(reject);
    });
  }

  /** Owns the client as soon as the tab that does now is gone. A client that is waited for already is not waited for twice. */
  inherit(client: string, onOwned: (release: Release) => void): void {
    if (this.#awaited.has(client)) return;
    this.#awaited.add(client);
    const hold = () => {
      this.#awaited.delete(client);
      return this.#hold(onOwned);
    };
    // It rejects only when this tab closes first.
    navigator.locks.request(this.#nameOf(client), { signal: this.#closing.signal }, hold).catch(() => {});
  }

  /** Lets go of everything, but for what `kept` would release. */
  close(kept: Release | null = null): void {
    this.#closing.abort();
    for (const release of this.#held) if (release !== kept) release();
    this.#bus?.close();
  }

  #hold(tell: (release: Release) => void): Promise<void> {
    return new Promise((resolve) => {
      const release = () => {
        this.#held.delete(release);
        resolve();
      };
      this.#held.add(release);
      tell(release);
    });
  }

  #nameOf(client: string): string {
    return ownerOf(this.#scope, client);
  }
}
