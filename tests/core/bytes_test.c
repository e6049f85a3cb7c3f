// SPDX-License-Identifier: MIT
#include "../../src/bytes.h"

#include <stdint.h>
#include <string.h>

#include "test.h"

static void views_compare_by_their_bytes(void) {
  CHECK(ds_view_equal(DS_LITERAL("ab"), ds_view_of("ab")));
  CHECK(!ds_view_equal(DS_LITERAL("ab"), DS_LITERAL("abc")));
  CHECK(!ds_view_equal(DS_LITERAL("ab"), DS_LITERAL("ac")));
  CHECK(!ds_view_equal(DS_LITERAL("a\0b"), DS_LITERAL("a\0c")));
  CHECK(ds_view_is(DS_LITERAL("ab"), "ab"));
  CHECK(!ds_view_is(DS_LITERAL("ab\0"), "ab"));
}

static void an_empty_view_is_not_absent(void) {
  CHECK(ds_view_absent(ds_view_of(NULL)));
  CHECK(!ds_view_absent(ds_view_of("")));
  CHECK(!ds_view_absent(DS_LITERAL("")));
  CHECK(ds_view_equal(ds_view_of(NULL), ds_view_of("")));
}

static bool is_zero(const char *at, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (at[i]) return false;
  return true;
}

static void arena_memory_is_zeroed_aligned_and_apart(void) {
  ds_arena *arena = ds_arena_new();
  char *before = NULL;
  size_t before_size = 0;
  for (size_t size = 0; size < 200; size++) {
    char *taken = ds_arena_take(arena, size);
    CHECK_INT((int64_t)((uintptr_t)taken % 16), 0);
    CHECK(is_zero(taken, size));
    memset(taken, 0xAA, size);
    if (before) CHECK(taken >= before + before_size || taken + size <= before);
    before = taken;
    before_size = size;
  }
  ds_arena_free(arena);
}

static void arena_memory_stays_where_it_is_while_the_arena_grows(void) {
  ds_arena *arena = ds_arena_new();
  ds_view kept = ds_arena_copy(arena, DS_LITERAL("kept"));
  char *large = ds_arena_take(arena, 1000000);
  for (int i = 0; i < 1000; i++) memset(ds_arena_take(arena, 1000), 0xAA, 1000);
  CHECK(is_zero(large, 1000000));
  CHECK_TEXT(kept, "kept");
  ds_arena_free(arena);
}

static void a_reset_arena_gives_zeroed_memory_again(void) {
  ds_arena *arena = ds_arena_new();
  for (int turn = 0; turn < 3; turn++) {
    for (int i = 0; i < 5; i++) {
      char *taken = ds_arena_take(arena, 40000);
      CHECK(is_zero(taken, 40000));
      memset(taken, 0xAA, 40000);
    }
    ds_arena_reset(arena);
  }
  ds_arena_free(arena);
  ds_arena_free(NULL);
}

static void a_released_arena_forgets_what_came_after_its_mark(void) {
  ds_arena *arena = ds_arena_new();
  ds_view kept = ds_arena_copy(arena, DS_LITERAL("kept"));
  ds_mark mark = ds_arena_mark(arena);
  char *first = ds_arena_take(arena, 100);
  memset(first, 'x', 100);
  memset(ds_arena_take(arena, 200000), 'x', 200000); // in a chunk of its own
  ds_arena_release(arena, mark);
  char *again = ds_arena_take(arena, 100);
  CHECK(again == first);
  CHECK_INT(again[0], 0);
  CHECK_INT(again[99], 0);
  CHECK_VIEW(kept, DS_LITERAL("kept"));
  ds_arena_free(arena);
}

static void a_copied_view_outlives_its_original(void) {
  ds_arena *arena = ds_arena_new();
  char original[] = "a\0b";
  ds_view copy = ds_arena_copy(arena, (ds_view){original, 3});
  memset(original, 'x', sizeof original);
  CHECK_VIEW(copy, DS_LITERAL("a\0b"));
  CHECK(!ds_view_absent(ds_arena_copy(arena, DS_LITERAL(""))));
  ds_arena_free(arena);
}

static void texts_grow_piece_by_piece(void) {
  ds_arena *arena = ds_arena_new();
  ds_text text = ds_text_new(arena);
  CHECK_TEXT(ds_text_view(&text), "");
  for (int i = 0; i < 10000; i++) ds_text_str(&text, "0123456789");
  ds_view grown = ds_text_view(&text);
  CHECK_INT((int64_t)grown.size, 100000);
  for (size_t i = 0; i < grown.size; i++)
    if (grown.at[i] != (char)('0' + i % 10)) CHECK(false);
  ds_arena_free(arena);
}

static void numbers_are_written_in_decimal(void) {
  static const struct {
    int64_t number;
    const char *text;
  } cases[] = {{0, "0"}, {7, "7"}, {-10, "-10"}, {INT64_MAX, "9223372036854775807"}, {INT64_MIN, "-9223372036854775808"}};
  ds_arena *arena = ds_arena_new();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ds_text text = ds_text_new(arena);
    ds_text_int(&text, cases[i].number);
    CHECK_TEXT(ds_text_view(&text), cases[i].text);
  }
  ds_arena_free(arena);
}

static void json_strings_are_escaped(void) {
  ds_arena *arena = ds_arena_new();
  ds_text text = ds_text_new(arena);
  ds_text_json(&text, DS_LITERAL("a\"b\\c/\n\t\x1f\0\x7f\xc3\xa9\xf0\x9f\x98\x80"));
  CHECK_TEXT(ds_text_view(&text), "\"a\\\"b\\\\c/\\u000a\\u0009\\u001f\\u0000\x7f\xc3\xa9\xf0\x9f\x98\x80\"");
  text = ds_text_new(arena);
  ds_text_json(&text, DS_LITERAL(""));
  CHECK_TEXT(ds_text_view(&text), "\"\"");
  ds_arena_free(arena);
}

static void a_filled_template_has_its_values_in_order(void) {
  ds_arena *arena = ds_arena_new();
  ds_text text = ds_text_new(arena);
  ds_text_fill(&text, "{'a':$,'b':#,'c':$}", DS_VALUES(DS_LITERAL("x\"$#'"), ds_number(arena, -7), ds_view_of(NULL)));
  CHECK_TEXT(ds_text_view(&text), "{\"a\":\"x\\\"$#'\",\"b\":-7,\"c\":\"\"}");
  ds_text_fill(&text, "", NULL);
  ds_text_fill(&text, " no marks", NULL);
  CHECK_TEXT(ds_text_view(&text), "{\"a\":\"x\\\"$#'\",\"b\":-7,\"c\":\"\"} no marks");
  ds_arena_free(arena);
}

static void sql_quotes_are_doubled(void) {
  ds_arena *arena = ds_arena_new();
  ds_text text = ds_text_new(arena);
  ds_text_identifier(&text, DS_LITERAL("a\"b'c\\"));
  ds_text_str(&text, " ");
  ds_text_sql_string(&text, DS_LITERAL("a\"b'c\\"));
  CHECK_TEXT(ds_text_view(&text), "\"a\"\"b'c\\\" 'a\"b''c\\'");
  ds_arena_free(arena);
}

const test bytes_tests[] = {
    {"views compare by their bytes", views_compare_by_their_bytes},
    {"an empty view is not absent", an_empty_view_is_not_absent},
    {"arena memory is zeroed, aligned and apart", arena_memory_is_zeroed_aligned_and_apart},
    {"arena memory stays where it is while the arena grows", arena_memory_stays_where_it_is_while_the_arena_grows},
    {"a reset arena gives zeroed memory again", a_reset_arena_gives_zeroed_memory_again},
    {"a released arena forgets what came after its mark", a_released_arena_forgets_what_came_after_its_mark},
    {"a copied view outlives its original", a_copied_view_outlives_its_original},
    {"texts grow piece by piece", texts_grow_piece_by_piece},
    {"numbers are written in decimal", numbers_are_written_in_decimal},
    {"JSON strings are escaped", json_strings_are_escaped},
    {"a filled template has its values in order", a_filled_template_has_its_values_in_order},
    {"SQL quotes are doubled", sql_quotes_are_doubled},
    {0},
};
