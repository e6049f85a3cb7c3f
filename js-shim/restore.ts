// SPDX-License-Identifier: MIT

/** The namespace of a class of SyncObjects, whatever their environment and identities are: the part of it that is needed here. */
interface Restorable {
  idFromName(name: string): DurableObjectId;
  get(id: DurableObjectId): { restoreBookmark(bookmark: string): Promise<void>; renewEpoch(): Promise<void> };
}

/**
 * Takes an object back to a point in time. Rejects if the bookmark is not accepted; then nothing has changed.
 *
 * The storage that comes back does not know that it was brought back, and counts versions that clients have seen under another meaning. So
 * the object gets a new epoch, and no cursor of the old one is resumed. Until this has resolved, keep clients away from the object.
 *
 * @param bookmark from `ctx.storage.getCurrentBookmark()` or `getBookmarkForTime()`
 */
export async function restoreObject(namespace: Restorable, name: string, bookmark: string): Promise<void> {
  const id = namespace.idFromName(name);
  try {
    await namespace.get(id).restoreBookmark(bookmark);
  } catch (error) {
    // The object breaks off in the middle of the call: that is how a restore begins. A stub of an object that broke off is dead, hence the second one.
    if (!(error instanceof Error && "durableObjectReset" in error)) throw error;
  }
  await namespace.get(id).renewEpoch();
}
