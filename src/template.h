// SPDX-License-Identifier: MIT
// SQL as templates: a statement stands as a whole where it is made, and words in braces stand for what differs from table to table.
//
//   "INSERT INTO {log} (op, key) VALUES (3, {key OLD})"
//
// What follows a word's name and a blank is its argument. The words are defined where what they stand for is known: those of a table in table.h, those of its log in log.h. A list of words
// builds on another one, so that a template may use both.
#ifndef DURASYNC_TEMPLATE_H
#define DURASYNC_TEMPLATE_H

#include "bytes.h"

struct ds_table;

// A word: its name, and what appends to `sql` what it stands for. The argument is a view into the template, empty if there is none. Words may be made of templates, as long as none comes back to itself.
typedef struct ds_word {
  const char *name;
  void (*add)(ds_text *sql, const struct ds_table *table, ds_view argument);
} ds_word;

typedef struct ds_words {
  const ds_word *list; // ends with a word without a name
  const struct ds_words *base; // where a word is looked for that is not in the list; may be NULL
} ds_words;

// Appends `template` as it reads for `table`, which may be NULL where there are no words. Templates are literals of the core's own: one with a word that there is not, or with a brace that is
// not closed, ends the instance by ds_panic.
void ds_template_add(ds_text *sql, const ds_words *words, const struct ds_table *table, const char *template);

#endif
