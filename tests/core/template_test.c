// SPDX-License-Identifier: MIT
#include "../../src/template.h"

#include "../../src/log.h"
#include "test.h"

static void add_name(ds_text *sql, const ds_table *table, ds_view argument) {
  (void)argument;
  ds_text_identifier(sql, table->name);
}

static void add_argument(ds_text *sql, const ds_table *table, ds_view argument) {
  (void)table;
  ds_text_sql_string(sql, argument);
}

static const ds_word base_list[] = {{"name", add_name}, {"say", add_name}, {0}};
static const ds_words base = {.list = base_list};
static const ds_word own_list[] = {{"say", add_argument}, {"sayer", add_name}, {0}};
static const ds_words own = {own_list, &base};

static bool reads(const ds_words *words, const ds_table *table, const char *template, const char *expected) {
  ds_arena *arena = ds_arena_new();
  ds_text sql = ds_text_new(arena);
  ds_template_add(&sql, words, table, template);
  bool same = ds_view_is(ds_text_view(&sql), expected);
  ds_arena_free(arena);
  return same;
}

static void words_stand_for_what_they_are_called_after(void) {
  ds_table table = {.name = DS_LITERAL("a\"b")};
  CHECK(reads(&own, NULL, "", ""));
  CHECK(reads(&own, NULL, "SELECT 1", "SELECT 1"));
  CHECK(reads(&own, &table, "{name}", "\"a\"\"b\""));
  CHECK(reads(&own, &table, "x{name}y{name}z", "x\"a\"\"b\"y\"a\"\"b\"z"));
  CHECK(reads(&own, &table, "{sayer}", "\"a\"\"b\""));
}

static void an_argument_is_all_that_follows_the_blank(void) {
  CHECK(reads(&own, NULL, "{say}", "''"));
  CHECK(reads(&own, NULL, "{say }", "''"));
  CHECK(reads(&own, NULL, "{say a  b = ?1}!", "'a  b = ?1'!"));
}

static void a_word_of_the_list_comes_before_one_of_its_base(void) {
  ds_table table = {.name = DS_LITERAL("t")};
  CHECK(reads(&own, &table, "{say x}", "'x'"));
  CHECK(reads(&base, &table, "{say x}", "\"t\""));
}

static void a_table_and_its_log_have_words(void) {
  ds_table table = {.channel = DS_LITERAL("todos"), .name = DS_LITERAL("rows"), .strict = true, .column_count = 2, .key_count = 1};
  table.columns[0] = (ds_column){.name = DS_LITERAL("id"), .type = DS_LITERAL("TEXT")};
  table.columns[1] = (ds_column){.name = DS_LITERAL("n"), .type = DS_LITERAL("TEXT")};
  CHECK(reads(&ds_log_words, &table, "SELECT {record t} FROM {rows ?2}", "SELECT json_array(t.\"id\", t.\"n\") FROM \"rows\" AS t"));
  CHECK(reads(&ds_log_words, &table, "INSERT INTO {log} (op, key{old_names}) VALUES (3, {key OLD}{old_values OLD})",
    "INSERT INTO \"durasync_log_todos\" (op, key) VALUES (3, json_array(OLD.\"id\"))"));
  CHECK(reads(&ds_log_words, &table, "{own insert} {key_columns} {key_values ?1}", "\"durasync_insert_todos\" t.\"id\" (?1->>0)"));
  CHECK(reads(&ds_log_words, &table, "{match k.value}", "t.\"id\" IS (k.value->>0) AND t.\"id\" COLLATE BINARY IS (k.value->>0)"));
  table.where = DS_LITERAL("owner = $user");
  CHECK(reads(&ds_log_words, &table, "{rows ?2} {where r.value}", "(SELECT * FROM \"rows\" WHERE owner = (?2->>'user')) AS t owner = (r.value->>'user')"));
}

const test template_tests[] = {
  {"words stand for what they are called after", words_stand_for_what_they_are_called_after},
  {"an argument is all that follows the blank", an_argument_is_all_that_follows_the_blank},
  {"a word of the list comes before one of its base", a_word_of_the_list_comes_before_one_of_its_base},
  {"a table and its log have words", a_table_and_its_log_have_words},
  {0},
};
