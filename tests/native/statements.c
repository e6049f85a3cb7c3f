// SPDX-License-Identifier: MIT
#include "statements.h"

#include <string.h>

enum { KEPT = sizeof((statements *)NULL)->kept / sizeof(sqlite3_stmt *), PLACES = 4 };

// The first of the places that a text may have.
static sqlite3_stmt **places_of(statements *all, const char *sql, size_t size) {
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < size; i++) hash = (hash ^ (unsigned char)sql[i]) * 16777619u;
  return &all->kept[hash % (KEPT / PLACES) * PLACES];
}

sqlite3_stmt *statements_take(statements *all, ds_view sql) {
  sqlite3_stmt **places = places_of(all, sql.at, sql.size);
  for (int i = 0; i < PLACES; i++) {
    sqlite3_stmt *found = places[i];
    const char *text = found ? sqlite3_sql(found) : "";
    if (!found || strncmp(text, sql.at, sql.size) != 0 || text[sql.size]) continue;
    places[i] = NULL;
    return found;
  }
  return NULL;
}

void statements_give(statements *all, sqlite3_stmt *statement) {
  if (!statement) return;
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  const char *text = sqlite3_sql(statement);
  sqlite3_stmt **places = places_of(all, text, strlen(text));
  sqlite3_finalize(places[PLACES - 1]);
  memmove(places + 1, places, (PLACES - 1) * sizeof *places);
  places[0] = statement;
}

void statements_free(statements *all) {
  for (uint32_t i = 0; i < KEPT; i++) sqlite3_finalize(all->kept[i]);
  *all = (statements){0};
}
