// SPDX-License-Identifier: MIT
#include "template.h"

// How many bytes of `text` come before the first `mark` or `other`, or before its end.
static size_t until(const char *text, char mark, char other) {
  size_t size = 0;
  while (text[size] && text[size] != mark && text[size] != other) size++;
  return size;
}

static const ds_word *find(const ds_words *words, ds_view name) {
  for (; words; words = words->base)
    for (const ds_word *word = words->list; word->name; word++)
      if (ds_view_is(name, word->name)) return word;
  ds_panic();
}

void ds_template_add(ds_text *sql, const ds_words *words, const struct ds_table *table, const char *template) {
  for (;;) {
    size_t plain = until(template, '{', '{');
    ds_text_add(sql, (ds_view){template, plain});
    if (!template[plain]) return;
    const char *name = template + plain + 1;
    size_t name_size = until(name, ' ', '}');
    const char *argument = name + name_size + (name[name_size] == ' ');
    size_t argument_size = until(argument, '}', '}');
    if (!argument[argument_size]) ds_panic();
    find(words, (ds_view){name, name_size})->add(sql, table, (ds_view){argument, argument_size});
    template = argument + argument_size + 1;
  }
}
