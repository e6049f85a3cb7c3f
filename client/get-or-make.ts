// SPDX-License-Identifier: MIT

type Lookup<K, V> = { get(key: K): V | undefined; set(key: K, value: V): unknown };

/** What `map` has under `key`, made and put there if there is nothing yet. */
export function getOrMake<K, V>(map: Lookup<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
