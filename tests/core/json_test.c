// SPDX-License-Identifier: MIT
#include "../../src/json.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/limits.h"
#include "test.h"

// A copy on the heap without a byte to spare, so that the sanitizer sees any read past its end.
static bool valid(ds_view text, ds_json_error *error) {
  char *exact = malloc(text.size ? text.size : 1);
  if (text.size) memcpy(exact, text.at, text.size);
  bool answer = ds_json_validate((ds_view){exact, text.size}, error);
  free(exact);
  return answer;
}

#define ACCEPTED(literal) CHECK(valid(DS_LITERAL(literal), NULL))
#define REFUSED(literal) CHECK(!valid(DS_LITERAL(literal), NULL))

// Refused, because of the byte at `position`.
#define REFUSED_AT(literal, position) \
  do { \
    ds_json_error error = {0}; \
    CHECK(!valid(DS_LITERAL(literal), &error)); \
    CHECK_INT((int64_t)error.at, position); \
    CHECK(error.message != NULL); \
  } while (0)

static void a_text_is_exactly_one_value(void) {
  ACCEPTED("null");
  ACCEPTED("true");
  ACCEPTED("false");
  ACCEPTED("0");
  ACCEPTED("\"\"");
  ACCEPTED("[]");
  ACCEPTED("{}");
  ACCEPTED("[1,\"a\",null,[],{}]");
  ACCEPTED("{\"a\":1,\"\":{\"b\":[[]]}}");
  REFUSED_AT("", 0);
  REFUSED_AT("  ", 2);
  REFUSED_AT("1 2", 2);
  REFUSED_AT("{}{}", 2);
  REFUSED_AT("[]]", 2);
  REFUSED_AT("null\0", 4);
  CHECK(!ds_json_validate((ds_view){0}, NULL));
}

static void white_space_is_allowed_between_tokens_only(void) {
  ACCEPTED(" \t\r\n{ \"a\" : [ 1 , 2 ] , \"b\" : { } } \n");
  ACCEPTED("[\n]");
  REFUSED_AT("\v1", 0);
  REFUSED_AT("\f[]", 0);
  REFUSED_AT("[1\xc2\xa0]", 2);
  REFUSED_AT("tr ue", 2);
  REFUSED_AT("1 .5", 2);
  REFUSED_AT("- 1", 1);
}

static void words_are_exact(void) {
  REFUSED_AT("nul", 3);
  REFUSED_AT("nulL", 3);
  REFUSED_AT("truee", 4);
  REFUSED_AT("TRUE", 0);
  REFUSED_AT("undefined", 0);
  REFUSED_AT("NaN", 0);
  REFUSED_AT("Infinity", 0);
  REFUSED_AT("-Infinity", 1);
}

static void arrays_and_objects_are_closed_and_separated(void) {
  REFUSED_AT("[1,]", 3);
  REFUSED_AT("[,1]", 1);
  REFUSED_AT("[1 2]", 3);
  REFUSED_AT("[1,,2]", 3);
  REFUSED_AT("[1}", 2);
  REFUSED_AT("{\"a\":1]", 6);
  REFUSED_AT("{\"a\":1,}", 7);
  REFUSED_AT("{,}", 1);
  REFUSED_AT("{\"a\"}", 4);
  REFUSED_AT("{\"a\",1}", 4);
  REFUSED_AT("{\"a\":}", 5);
  REFUSED_AT("{\"a\"::1}", 5);
  REFUSED_AT("{1:1}", 1);
  REFUSED_AT("{a:1}", 1);
  REFUSED_AT("{'a':1}", 1);
  REFUSED_AT("{\"a\":1 \"b\":2}", 7);
  REFUSED_AT("[\"a\":1]", 4);
  REFUSED_AT("{[]:1}", 1);
  REFUSED_AT("[1]x", 3);
  REFUSED_AT("[1//c\n]", 2);
  REFUSED_AT("]", 0);
}

static void numbers_follow_the_grammar(void) {
  ACCEPTED("-0");
  ACCEPTED("10");
  ACCEPTED("-1.5");
  ACCEPTED("0.0e0");
  ACCEPTED("1E+5");
  ACCEPTED("1e-5");
  ACCEPTED("1e05");
  ACCEPTED("-0.000000000000000000000000000000000000000000000000000000000000000000000000000001");
  REFUSED_AT("01", 1);
  REFUSED_AT("-01", 2);
  REFUSED_AT("+1", 0);
  REFUSED_AT(".5", 0);
  REFUSED_AT("1.", 2);
  REFUSED_AT("1.e5", 2);
  REFUSED_AT("-", 1);
  REFUSED_AT("--1", 1);
  REFUSED_AT("-a", 1);
  REFUSED_AT("1e", 2);
  REFUSED_AT("1e+", 3);
  REFUSED_AT("1e+-5", 3);
  REFUSED_AT("1.5.5", 3);
  REFUSED_AT("0x10", 1);
  REFUSED_AT("1_000", 1);
  REFUSED_AT("\xef\xbc\x91", 0);
}

static void numbers_are_capped_in_length(void) {
  char digits[DS_JSON_MAX_NUMBER + 1];
  memset(digits, '1', sizeof digits);
  digits[1] = '.';
  ds_json_error error = {0};
  CHECK(valid((ds_view){digits, DS_JSON_MAX_NUMBER}, NULL));
  CHECK(!valid((ds_view){digits, sizeof digits}, &error));
  CHECK_INT((int64_t)error.at, 0);
}

static void every_number_that_javascript_prints_is_accepted(void) {
  ACCEPTED("1.7976931348623157e+308");
  ACCEPTED("-1.7976931348623157e+308");
  ACCEPTED("5e-324");
  ACCEPTED("-2.2250738585072014e-308");
  ACCEPTED("100000000000000000000");
  ACCEPTED("123456789012345680000");
  ACCEPTED("-999999999999999900000");
  ACCEPTED("9223372036854776000");
  ACCEPTED("1e+21");
  ACCEPTED("0.000001");
}

static void numbers_that_round_to_infinity_are_refused(void) {
  REFUSED_AT("1e309", 0);
  REFUSED_AT("[-1e400]", 1);
  REFUSED("1.7976931348623158e308");
  REFUSED("1.8e308");
  REFUSED("17976931348623158e292");
  REFUSED("0.00000001e317");
  REFUSED("1e99999999999999999999999999999999");
  REFUSED("123123e100000");
  ACCEPTED("1.79769313486231570814e308");
  ACCEPTED("0.00000001e316");
  ACCEPTED("10000000000e-400");
  ACCEPTED("0e99999999999999999999");
  ACCEPTED("0.0000e400");
  ACCEPTED("-0e400");
  ACCEPTED("1e-99999999999999999999");
}

static void integers_stay_exact_or_are_refused(void) {
  ACCEPTED("9223372036854775807");
  ACCEPTED("-9223372036854775808");
  REFUSED_AT("[9223372036854775808]", 1);
  REFUSED("-9223372036854775809");
  REFUSED("18446744073709551615");
  REFUSED("100000000000000000001");
  REFUSED("123456789012345678901234567890");
  ACCEPTED("9223372036854775808.0");
  ACCEPTED("9223372036854775808e0");
}

static void strings_are_utf8(void) {
  ACCEPTED("\"\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"");
  REFUSED_AT("\"\x80\"", 1);
  REFUSED_AT("\"\xbf\"", 1);
  REFUSED_AT("\"\xc0\x80\"", 1);
  REFUSED_AT("\"\xc1\xbf\"", 1);
  REFUSED_AT("\"\xc2\"", 2);
  REFUSED_AT("\"\xc2\xc2\"", 2);
  REFUSED_AT("\"\xe0\x9f\xbf\"", 2);
  REFUSED_AT("\"\xe1\x80\"", 3);
  REFUSED_AT("\"\xed\xa0\x80\"", 2);
  REFUSED_AT("\"\xed\xbf\xbf\"", 2);
  REFUSED_AT("\"\xf0\x8f\xbf\xbf\"", 2);
  REFUSED_AT("\"\xf4\x90\x80\x80\"", 2);
  REFUSED_AT("\"\xf1\x80\x80\x7f\"", 4);
  REFUSED_AT("\"\xf5\x80\x80\x80\"", 1);
  REFUSED_AT("\"\xff\"", 1);
  REFUSED_AT("\"a\xe9\"", 3);
  REFUSED_AT("{\"\xff\":1}", 2);
}

static void a_byte_order_mark_is_refused(void) {
  REFUSED_AT("\xef\xbb\xbf{}", 0);
  REFUSED_AT("\xff\xfe[\0]\0", 0);
  ACCEPTED("\"\xef\xbb\xbf\"");
}

static void control_characters_in_strings_must_be_escaped(void) {
  for (char byte = 0; byte < 0x20; byte++) {
    char text[] = {'"', 'a', byte, '"'};
    ds_json_error error = {0};
    CHECK(!valid((ds_view){text, sizeof text}, &error));
    CHECK_INT((int64_t)error.at, 2);
  }
  ACCEPTED("\"\x7f\"");
}

static void escapes_are_the_nine_of_the_standard(void) {
  ACCEPTED("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"");
  ACCEPTED("\"\\uABCD\\uabcd\"");
  REFUSED_AT("\"\\a\"", 2);
  REFUSED_AT("\"\\x41\"", 2);
  REFUSED_AT("\"\\'\"", 2);
  REFUSED_AT("\"\\U0041\"", 2);
  REFUSED_AT("\"\\\0\"", 2);
  REFUSED_AT("\"\\\"", 3);
  REFUSED_AT("\"\\u12\"", 5);
  REFUSED_AT("\"\\u12G4\"", 5);
  REFUSED_AT("\"\\u 123\"", 3);
  REFUSED_AT("\"\\u+123\"", 3);
  REFUSED_AT("\"\\\xc3\xa9\"", 2);
}

static void escaped_surrogates_come_in_pairs(void) {
  ACCEPTED("\"\\ud800\\udc00\"");
  ACCEPTED("\"\\uDBFF\\uDFFF\"");
  REFUSED("\"\\ud800\"");
  REFUSED("\"\\udc00\"");
  REFUSED("\"\\udc00\\ud800\"");
  REFUSED("\"\\ud800\\ud800\\udc00\"");
  REFUSED("\"\\ud800x\"");
  REFUSED("\"\\ud800\\n\"");
  REFUSED("\"\\ud800\\\\udc00\"");
  REFUSED("\"\\ud800\\u0041\"");
  REFUSED("\"\\ud83d\xed\xb8\x80\"");
  REFUSED("{\"\\udead\":1}");
}

// `depth` arrays or objects within each other, around nothing or an empty member.
static bool nested_is_valid(const char *open, const char *close, size_t depth) {
  ds_arena *arena = ds_arena_new();
  ds_text text = ds_text_new(arena);
  for (size_t i = 0; i < depth; i++) ds_text_str(&text, open);
  ds_text_str(&text, "1");
  for (size_t i = 0; i < depth; i++) ds_text_str(&text, close);
  bool answer = valid(ds_text_view(&text), NULL);
  ds_arena_free(arena);
  return answer;
}

static void nesting_is_capped(void) {
  CHECK(nested_is_valid("[", "]", DS_MAX_DEPTH));
  CHECK(!nested_is_valid("[", "]", DS_MAX_DEPTH + 1));
  CHECK(nested_is_valid("{\"a\":", "}", DS_MAX_DEPTH));
  CHECK(!nested_is_valid("{\"a\":", "}", DS_MAX_DEPTH + 1));
  CHECK(nested_is_valid("[{\"a\":", "}]", DS_MAX_DEPTH / 2));
  CHECK(nested_is_valid("[[],{},", "]", DS_MAX_DEPTH - 1));
  CHECK(!nested_is_valid("[", "}", 3));
  CHECK(!nested_is_valid("{\"a\":[", "}]", 3));
}

static void a_flood_is_refused_at_its_first_bad_byte(void) {
  static const struct {
    const char *pattern;
    size_t at;
  } floods[] = {{"[", DS_MAX_DEPTH}, {"{\"\":", 4 * DS_MAX_DEPTH}, {"\\", 0}, {"\xff", 0}, {"-", 1}};
  for (size_t i = 0; i < sizeof floods / sizeof *floods; i++) {
    ds_arena *arena = ds_arena_new();
    ds_text text = ds_text_new(arena);
    while (ds_text_view(&text).size < 1000000) ds_text_str(&text, floods[i].pattern);
    ds_json_error error = {0};
    CHECK(!valid(ds_text_view(&text), &error));
    CHECK_INT((int64_t)error.at, (int64_t)floods[i].at);
    ds_arena_free(arena);
  }
}

static void a_megabyte_of_valid_text_is_accepted(void) {
  ds_arena *arena = ds_arena_new();
  ds_text text = ds_text_new(arena);
  ds_text_str(&text, "[\"");
  while (ds_text_view(&text).size < 500000) ds_text_str(&text, "a\xc3\xa9\\u00e9");
  ds_text_str(&text, "\"");
  size_t added = 0;
  for (; ds_text_view(&text).size < 1000000; added++) ds_text_str(&text, ",{\"a\":[1.5,{}]}");
  ds_text_str(&text, "]");
  ds_view whole = ds_text_view(&text);
  CHECK(valid(whole, NULL));
  size_t count = 0;
  ds_json_iterator item = ds_json_iterate(whole);
  while (ds_json_next(&item)) count += ds_json_type(item.value) == DS_JSON_OBJECT;
  CHECK_INT((int64_t)count, (int64_t)added);
  ds_arena_free(arena);
}

// None of these is valid before its last byte.
static const char *const samples[] = {
    "{\"type\":\"hello\",\"protocol\":2,\"client\":\"c1\"}",
    "[null,true,false,-1.5e+10,\"\\ud83d\\ude00\\n\xf0\x9f\x98\x80\",[],{},[[]],{\"a\":{\"b\":[1,2]}}]",
    "{\"a\\u0000b\":[{\"\":\"\"}],\"x\":\"\xe2\x82\xac\"}",
    "\"\\\\\\\"\"",
    "null",
};

static void every_prefix_of_a_text_is_refused(void) {
  for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
    ds_view whole = ds_view_of(samples[i]);
    CHECK(valid(whole, NULL));
    for (size_t size = 0; size < whole.size; size++) {
      ds_json_error error = {0};
      CHECK(!valid((ds_view){whole.at, size}, &error));
      CHECK_INT((int64_t)error.at, (int64_t)size);
    }
  }
}

// Asks everything of a value that can be asked, all the way down.
static void ask_everything(ds_arena *arena, ds_view value) {
  int64_t number = 0;
  ds_json_int(value, &number);
  ds_json_string(arena, value);
  ds_json_is_string(value, "a");
  ds_json_member(value, "a");
  ds_json_iterator item = ds_json_iterate(value);
  while (ds_json_next(&item)) {
    CHECK(!item.named || ds_json_type(item.name) == DS_JSON_STRING);
    CHECK(ds_json_type(item.value) != DS_JSON_ABSENT);
    ask_everything(arena, item.value);
  }
}

static void any_single_changed_byte_is_handled(void) {
  ds_arena *arena = ds_arena_new();
  for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
    size_t size = strlen(samples[i]);
    char *text = malloc(size);
    memcpy(text, samples[i], size);
    for (size_t at = 0; at < size; at++) {
      for (int byte = 0; byte < 256; byte++) {
        text[at] = (char)byte;
        ds_json_error error = {0};
        if (ds_json_validate((ds_view){text, size}, &error)) ask_everything(arena, (ds_view){text, size});
        else CHECK(error.at <= size);
        ds_arena_reset(arena);
      }
      text[at] = samples[i][at];
    }
    free(text);
  }
  ds_arena_free(arena);
}

static void types_are_told_apart(void) {
  CHECK_INT(ds_json_type(DS_LITERAL(" null")), DS_JSON_NULL);
  CHECK_INT(ds_json_type(DS_LITERAL("true ")), DS_JSON_TRUE);
  CHECK_INT(ds_json_type(DS_LITERAL("false")), DS_JSON_FALSE);
  CHECK_INT(ds_json_type(DS_LITERAL("-1")), DS_JSON_NUMBER);
  CHECK_INT(ds_json_type(DS_LITERAL("0")), DS_JSON_NUMBER);
  CHECK_INT(ds_json_type(DS_LITERAL("\"\"")), DS_JSON_STRING);
  CHECK_INT(ds_json_type(DS_LITERAL("\n[]")), DS_JSON_ARRAY);
  CHECK_INT(ds_json_type(DS_LITERAL("\t{}")), DS_JSON_OBJECT);
  CHECK_INT(ds_json_type((ds_view){0}), DS_JSON_ABSENT);
}

static void members_are_found_by_their_decoded_name(void) {
  ds_view object = DS_LITERAL(" { \"a\" : 1 , \"\\u0074ype\":\"hello\",\"b\\n\":[1,2] ,\"\":{},\"\\ud83d\\ude00\": null} ");
  CHECK_TEXT(ds_json_member(object, "a"), "1");
  CHECK_TEXT(ds_json_member(object, "type"), "\"hello\"");
  CHECK_TEXT(ds_json_member(object, "b\n"), "[1,2]");
  CHECK_TEXT(ds_json_member(object, ""), "{}");
  CHECK_TEXT(ds_json_member(object, "\xf0\x9f\x98\x80"), "null");
  CHECK_TEXT(ds_json_member(object, "typ"), NULL);
  CHECK_TEXT(ds_json_member(object, "types"), NULL);
  CHECK_TEXT(ds_json_member(object, "Type"), NULL);
  CHECK_TEXT(ds_json_member(object, "b\\n"), NULL);
}

static void only_an_objects_own_members_are_found(void) {
  CHECK_TEXT(ds_json_member(DS_LITERAL("{\"x\":{\"a\":1},\"y\":\"a\",\"z\":\"\\\"a\\\":5\",\"a\":2}"), "a"), "2");
  CHECK_TEXT(ds_json_member(DS_LITERAL("[\"a\",1]"), "a"), NULL);
  CHECK_TEXT(ds_json_member(DS_LITERAL("\"a\""), "a"), NULL);
  CHECK_TEXT(ds_json_member(DS_LITERAL("null"), "a"), NULL);
  CHECK_TEXT(ds_json_member(DS_LITERAL("{}"), "a"), NULL);
  CHECK_TEXT(ds_json_member((ds_view){0}, "a"), NULL);
  CHECK_TEXT(ds_json_member(ds_json_member(DS_LITERAL("{}"), "a"), "b"), NULL);
}

static void a_name_cut_by_a_nul_is_another_name(void) {
  CHECK_TEXT(ds_json_member(DS_LITERAL("{\"a\\u0000\":1,\"a\":2}"), "a"), "2");
  CHECK(!ds_json_is_string(DS_LITERAL("\"a\\u0000\""), "a"));
  CHECK(!ds_json_is_string(DS_LITERAL("\"\\u0000\""), ""));
}

static int64_t sqlite_answer(const char *sql) {
  sqlite3 *database = NULL;
  sqlite3_stmt *statement = NULL;
  int64_t answer = -1;
  sqlite3_open(":memory:", &database);
  if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
    answer = sqlite3_column_int64(statement, 0);
  sqlite3_finalize(statement);
  sqlite3_close(database);
  return answer;
}

static void the_first_of_duplicate_names_counts_here_and_in_sqlite(void) {
  CHECK_TEXT(ds_json_member(DS_LITERAL("{\"a\":1,\"a\":2}"), "a"), "1");
  CHECK_INT(sqlite_answer("SELECT '{\"a\":1,\"a\":2}' ->> 'a'"), 1);
  ACCEPTED("{\"a\":1,\"a\":2}");
}

static void items_come_in_the_order_of_the_text(void) {
  static const char *const items[] = {"1", "\"a,]\\\"\"", "[ 2, [3] ]", "{\"b\":\"}\"}", "null", "-1.5e3"};
  ds_json_iterator item = ds_json_iterate(DS_LITERAL(" [ 1 ,\"a,]\\\"\",[ 2, [3] ] , {\"b\":\"}\"}\n,null, -1.5e3 ] "));
  for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
    CHECK(ds_json_next(&item));
    CHECK_TEXT(item.value, items[i]);
    CHECK_TEXT(item.name, NULL);
  }
  CHECK(!ds_json_next(&item));
  CHECK(!ds_json_next(&item));
}

static void members_come_with_their_names(void) {
  ds_json_iterator member = ds_json_iterate(DS_LITERAL("{ \"a\" : [1] , \"b\\n\":true , \"a\":2 }"));
  CHECK(ds_json_next(&member));
  CHECK_TEXT(member.name, "\"a\"");
  CHECK_TEXT(member.value, "[1]");
  CHECK(ds_json_next(&member));
  CHECK_TEXT(member.name, "\"b\\n\"");
  CHECK_TEXT(member.value, "true");
  CHECK(ds_json_next(&member));
  CHECK_TEXT(member.value, "2");
  CHECK(!ds_json_next(&member));
}

static bool has_items(ds_view value) {
  ds_json_iterator item = ds_json_iterate(value);
  return ds_json_next(&item);
}

static void scalars_and_empty_containers_have_no_items(void) {
  CHECK(!has_items(DS_LITERAL("[]")));
  CHECK(!has_items(DS_LITERAL(" [ \n ] ")));
  CHECK(!has_items(DS_LITERAL("{ }")));
  CHECK(!has_items(DS_LITERAL("\"[1]\"")));
  CHECK(!has_items(DS_LITERAL("12")));
  CHECK(!has_items((ds_view){0}));
}

static void integers_are_read_exactly(void) {
  static const struct {
    const char *text;
    int64_t number;
  } cases[] = {{"0", 0}, {"-0", 0}, {" 7 ", 7}, {"-1", -1}, {"1000", 1000}, {"9007199254740993", 9007199254740993}, {"1000000000000000000", 1000000000000000000},
               {"9223372036854775807", INT64_MAX}, {"-9223372036854775808", INT64_MIN}, {"-9223372036854775807", -INT64_MAX}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int64_t number = 42;
    CHECK(ds_json_int(ds_view_of(cases[i].text), &number));
    CHECK_INT(number, cases[i].number);
  }
}

static void what_is_no_integer_leaves_the_answer_alone(void) {
  static const char *const texts[] = {"1.0", "1e2", "-1E2", "0.0", "9223372036854776000", "-100000000000000000000", "\"1\"", "true", "null", "[1]", NULL};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    int64_t number = 42;
    CHECK(!ds_json_int(ds_view_of(texts[i]), &number));
    CHECK_INT(number, 42);
  }
}

static void strings_are_decoded(void) {
  ds_arena *arena = ds_arena_new();
  CHECK_VIEW(ds_json_string(arena, DS_LITERAL("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"")), DS_LITERAL("\"\\/\b\f\n\r\t"));
  CHECK_VIEW(ds_json_string(arena, DS_LITERAL("\"a\\u0000b\"")), DS_LITERAL("a\0b"));
  CHECK_VIEW(ds_json_string(arena, DS_LITERAL(" \"\\u007f\\u0080\\u07ff\\u0800\\uffff\" ")), DS_LITERAL("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf"));
  CHECK_VIEW(ds_json_string(arena, DS_LITERAL("\"\\ud800\\udc00\\uDBFF\\uDFFFz\"")), DS_LITERAL("\xf0\x90\x80\x80\xf4\x8f\xbf\xbfz"));
  CHECK_VIEW(ds_json_string(arena, DS_LITERAL("\"\"")), DS_LITERAL(""));
  ds_arena_free(arena);
}

static void a_string_without_escapes_is_not_copied(void) {
  ds_arena *arena = ds_arena_new();
  ds_view source = DS_LITERAL("\"a\xc3\xa9\"");
  CHECK(ds_json_string(arena, source).at == source.at + 1);
  CHECK(ds_json_string(NULL, source).size == 3);
  ds_arena_free(arena);
}

static void what_is_no_string_has_no_text(void) {
  ds_arena *arena = ds_arena_new();
  CHECK_TEXT(ds_json_string(arena, DS_LITERAL("1")), NULL);
  CHECK_TEXT(ds_json_string(arena, DS_LITERAL("[\"a\"]")), NULL);
  CHECK_TEXT(ds_json_string(arena, (ds_view){0}), NULL);
  ds_arena_free(arena);
}

static void strings_compare_decoded(void) {
  CHECK(ds_json_is_string(DS_LITERAL("\"hello\""), "hello"));
  CHECK(ds_json_is_string(DS_LITERAL(" \"h\\u0065llo\" "), "hello"));
  CHECK(ds_json_is_string(DS_LITERAL("\"\\ud83d\\ude00\""), "\xf0\x9f\x98\x80"));
  CHECK(ds_json_is_string(DS_LITERAL("\"\""), ""));
  CHECK(!ds_json_is_string(DS_LITERAL("\"hello\""), "hell"));
  CHECK(!ds_json_is_string(DS_LITERAL("\"hell\""), "hello"));
  CHECK(!ds_json_is_string(DS_LITERAL("\"\\u00e9\""), "\xc3"));
  CHECK(!ds_json_is_string(DS_LITERAL("hello"), "hello"));
  CHECK(!ds_json_is_string((ds_view){0}, ""));
}

const test json_tests[] = {
    {"a text is exactly one value", a_text_is_exactly_one_value},
    {"white space is allowed between tokens only", white_space_is_allowed_between_tokens_only},
    {"words are exact", words_are_exact},
    {"arrays and objects are closed and separated", arrays_and_objects_are_closed_and_separated},
    {"numbers follow the grammar", numbers_follow_the_grammar},
    {"numbers are capped in length", numbers_are_capped_in_length},
    {"every number that JavaScript prints is accepted", every_number_that_javascript_prints_is_accepted},
    {"numbers that round to infinity are refused", numbers_that_round_to_infinity_are_refused},
    {"integers stay exact or are refused", integers_stay_exact_or_are_refused},
    {"strings are UTF-8", strings_are_utf8},
    {"a byte order mark is refused", a_byte_order_mark_is_refused},
    {"control characters in strings must be escaped", control_characters_in_strings_must_be_escaped},
    {"escapes are the nine of the standard", escapes_are_the_nine_of_the_standard},
    {"escaped surrogates come in pairs", escaped_surrogates_come_in_pairs},
    {"nesting is capped", nesting_is_capped},
    {"a flood is refused at its first bad byte", a_flood_is_refused_at_its_first_bad_byte},
    {"a megabyte of valid text is accepted", a_megabyte_of_valid_text_is_accepted},
    {"every prefix of a text is refused", every_prefix_of_a_text_is_refused},
    {"any single changed byte is handled", any_single_changed_byte_is_handled},
    {"types are told apart", types_are_told_apart},
    {"members are found by their decoded name", members_are_found_by_their_decoded_name},
    {"only an object's own members are found", only_an_objects_own_members_are_found},
    {"a name cut by a NUL is another name", a_name_cut_by_a_nul_is_another_name},
    {"the first of duplicate names counts, here and in SQLite", the_first_of_duplicate_names_counts_here_and_in_sqlite},
    {"items come in the order of the text", items_come_in_the_order_of_the_text},
    {"members come with their names", members_come_with_their_names},
    {"scalars and empty containers have no items", scalars_and_empty_containers_have_no_items},
    {"integers are read exactly", integers_are_read_exactly},
    {"what is no integer leaves the answer alone", what_is_no_integer_leaves_the_answer_alone},
    {"strings are decoded", strings_are_decoded},
    {"a string without escapes is not copied", a_string_without_escapes_is_not_copied},
    {"what is no string has no text", what_is_no_string_has_no_text},
    {"strings compare decoded", strings_compare_decoded},
    {0},
};
