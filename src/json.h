// SPDX-License-Identifier: MIT
// A strict JSON reader (RFC 8259) that yields views into the text: no tree, no allocation, no recursion, and no copies but for decoded strings.
//
// A text is validated once, as a whole. Everything else here takes a *value*: a view of one JSON value within a validated text (the text itself
// is one). Values live as long as the text. Asking a value for what it is not is no error: it answers "absent", "no items" or false, and so
// does the absent view, so that lookups chain without checks in between:
//
//   if (!ds_json_validate(frame, NULL)) ...
//   ds_view channel = ds_json_member(frame, "channel");
//   if (ds_json_type(channel) != DS_JSON_STRING) ...
//
// What RFC 8259 leaves open is settled like this:
//
//   encoding         UTF-8 as in RFC 3629 (nothing overlong, no surrogates, nothing above U+10FFFF), without a byte order mark.
//   strings          `\u0000` is allowed and kept. An escaped surrogate must be one of a pair. Noncharacters are characters.
//   depth            at most DS_MAX_DEPTH arrays and objects within each other.
//   number, length   at most DS_JSON_MAX_NUMBER bytes.
//   number, size     a number that rounds to infinity is refused, since SQLite would store the infinity. (Precisely: at and above
//                    1.7976931348623158e308.) One that is too small for a double rounds to zero like any other fraction.
//   integers         a literal without fraction and exponent that lies beyond int64 becomes a REAL in SQLite. With at most 17 significant digits
//                    it is what JavaScript prints for a double, 9223372036854776000 for 2^63, and passes; with more, digits would get lost,
//                    and it is refused. So an integer is stored as it was written or not at all.
//   duplicate names  are not looked for: that would need memory. Lookup takes the first, as SQLite's ->> does, so both read the same object.
#ifndef DURASYNC_JSON_H
#define DURASYNC_JSON_H

#include "bytes.h"

// Bytes of one number. JavaScript prints a double in at most 25; the rest leaves room for writers without exponents. Digits past the 17th
// are lost in a double anyway.
#define DS_JSON_MAX_NUMBER 128

typedef enum ds_json_kind {
  DS_JSON_ABSENT = 0, // the absent view: there is no such value
  DS_JSON_NULL,
  DS_JSON_FALSE,
  DS_JSON_TRUE,
  DS_JSON_NUMBER,
  DS_JSON_STRING,
  DS_JSON_ARRAY,
  DS_JSON_OBJECT,
} ds_json_kind;

// Why a text was refused.
typedef struct ds_json_error {
  size_t at;           // position of the byte that cannot stand there; the text's size if it ended too early
  const char *message; // one sentence; a literal
} ds_json_error;

// True if `text` is exactly one JSON value by the rules above, with or without white space around it. Otherwise false, and `error` says why unless it is NULL.
// Takes time in proportion to the text and a fixed amount of memory, whatever the text.
bool ds_json_validate(ds_view text, ds_json_error *error);

// The same of a text that is to stand within `around` arrays and objects, DS_MAX_DEPTH at most: with them it is as deep as a text may be.
bool ds_json_fits(ds_view text, unsigned around, ds_json_error *error);

// What `value` is; DS_JSON_ABSENT for the absent view.
ds_json_kind ds_json_type(ds_view value);

// The value of the first member called `name`, however its name is escaped in the text, without white space around it. Absent if there is none or
// `object` is not an object. Reads the object from its beginning: looking up m names takes m passes.
ds_view ds_json_member(ds_view object, const char *name);

// Walks through the items of an array or the members of an object, in the order of the text:
//
//   ds_json_iterator item = ds_json_iterate(array);
//   while (ds_json_next(&item)) use(item.value);
typedef struct ds_json_iterator {
  ds_view name;  // of an object's member: its name, a string value (ds_json_string decodes it); absent in an array
  ds_view value; // the current item, without white space around it
  ds_view rest;  // private: what has not been read yet
  bool named;    // private: whether the items are an object's
} ds_json_iterator;

// An iterator before the first item; of anything but an array or object it has no items.
ds_json_iterator ds_json_iterate(ds_view value);

// Moves to the next item; false at the end, and again on every further call.
bool ds_json_next(ds_json_iterator *iterator);

// True if `value` is an integer literal, without fraction or exponent, within int64, which is then stored to `out`. Otherwise `out` is left alone.
bool ds_json_int(ds_view value, int64_t *out);

// The text of a string value, decoded to UTF-8; absent if `value` is not a string, never absent if it is. Without escapes it is a view into
// the value itself, with escapes it is a copy in `arena`.
ds_view ds_json_string(ds_arena *arena, ds_view value);

// True if `value` is a string whose decoded text is `literal`. Needs no memory.
bool ds_json_is_string(ds_view value, const char *literal);

#endif
