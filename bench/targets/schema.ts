// SPDX-License-Identifier: MIT
// The tables that every target keeps, and the rows that they begin with, in workerd.

export const todosTable = `CREATE TABLE IF NOT EXISTS todos (
  id TEXT PRIMARY KEY NOT NULL,
  text TEXT NOT NULL,
  completed INTEGER NOT NULL DEFAULT 0 CHECK (completed IN (0, 1)),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  deleted_at INTEGER
) STRICT, WITHOUT ROWID`;

/** The columns of a wide row beside its key: 19 of 105 characters, 2 KB together. */
export const wideColumns = Array.from({ length: 19 }, (_, i) => `c${i + 1}`);

export const wideTable = `CREATE TABLE IF NOT EXISTS wide (id TEXT PRIMARY KEY NOT NULL, ${wideColumns.map((name) => `${name} TEXT NOT NULL`).join(", ")}) STRICT, WITHOUT ROWID`;

const numbers = "WITH RECURSIVE numbers (n) AS (VALUES (CAST(?1 AS INTEGER)) UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ?1 + ?2)";

/** Bound: the first key's number, the count, the characters of each text. */
export const seedTodos = `${numbers}
  INSERT INTO todos (id, text, created_at, updated_at)
  SELECT format('%08d', n), substr(hex(randomblob(?3 / 2 + 1)), 1, ?3), 1700000000000, 1700000000000 FROM numbers`;

/** Bound: the first key's number, the count, and what is not used. */
export const seedWide = `${numbers}
  INSERT INTO wide SELECT format('%08d', n), ${wideColumns.map(() => "substr(hex(randomblob(53)), 1, 105)").join(", ")} FROM numbers WHERE ?3 IS NOT NULL`;
