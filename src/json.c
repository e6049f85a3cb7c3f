// SPDX-License-Identifier: MIT
#include "json.h"

#include <string.h>

#include "limits.h"

_Static_assert(DS_MAX_DEPTH <= 64, "the open containers are remembered in 64 bits");

// ---- Validation

typedef struct reader {
  const unsigned char *start;
  const unsigned char *at;
  const unsigned char *end;
  uint64_t objects; // bit d is set if the container at depth d is an object
  unsigned room;    // containers within each other
  unsigned depth;
  const char *message;
} reader;

static bool one_of(const char *characters, char c) {
  while (*characters && *characters != c) characters++;
  return *characters != '\0';
}

static bool fail(reader *r, const char *message) {
  r->message = message;
  return false;
}

// The next byte, or -1 at the end of the text.
static int peek(const reader *r) {
  return r->at < r->end ? *r->at : -1;
}

static bool is_space(int byte) {
  return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

static bool is_digit(int byte) {
  return byte >= '0' && byte <= '9';
}

static void skip_space(reader *r) {
  while (is_space(peek(r))) r->at++;
}

static bool accept(reader *r, char byte) {
  if (peek(r) != byte) return false;
  r->at++;
  return true;
}

static bool read_word(reader *r, const char *word) {
  for (; *word; word++)
    if (!accept(r, *word)) return fail(r, "A value is null, true, false, a number, a string, an array or an object.");
  return true;
}

static int hex_digit(int byte) {
  if (is_digit(byte)) return byte - '0';
  if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
  if (byte >= 'A' && byte <= 'F') return byte - 'A' + 10;
  return -1;
}

static bool read_hex(reader *r, uint32_t *unit) {
  *unit = 0;
  for (int i = 0; i < 4; i++, r->at++) {
    int digit = hex_digit(peek(r));
    if (digit < 0) return fail(r, "A \\u escape has four hexadecimal digits.");
    *unit = *unit << 4 | (uint32_t)digit;
  }
  return true;
}

static bool is_high(uint32_t unit) {
  return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool is_low(uint32_t unit) {
  return unit >= 0xDC00 && unit <= 0xDFFF;
}

static bool read_unicode_escape(reader *r) {
  uint32_t unit = 0;
  if (!read_hex(r, &unit)) return false;
  if (is_low(unit)) return fail(r, "A low surrogate follows a high one.");
  if (!is_high(unit)) return true;
  if (!accept(r, '\\') || !accept(r, 'u')) return fail(r, "A high surrogate is followed by a low one.");
  if (!read_hex(r, &unit)) return false;
  return is_low(unit) || fail(r, "A high surrogate is followed by a low one.");
}

static bool read_escape(reader *r) {
  int byte = peek(r);
  if (byte <= 0 || !one_of("\"\\/bfnrtu", (char)byte)) return fail(r, "There is no such escape.");
  r->at++;
  return byte != 'u' || read_unicode_escape(r);
}

// The well-formed sequences of RFC 3629, section 4: only the first continuation byte has a range of its own.
static bool read_utf8(reader *r) {
  int lead = *r->at;
  int low = 0x80, high = 0xBF, more;
  if (lead >= 0xC2 && lead <= 0xDF) more = 1;
  else if (lead >= 0xE0 && lead <= 0xEF) more = 2;
  else if (lead >= 0xF0 && lead <= 0xF4) more = 3;
  else return fail(r, "The text is not UTF-8.");
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  for (r->at++; more > 0; more--, r->at++) {
    int byte = peek(r);
    if (byte < low || byte > high) return fail(r, "The text is not UTF-8.");
    low = 0x80;
    high = 0xBF;
  }
  return true;
}

static bool read_string(reader *r) {
  if (!accept(r, '"')) return fail(r, "A string is expected.");
  for (;;) {
    int byte = peek(r);
    if (byte == '"') return r->at++, true;
    if (byte < 0x20) return fail(r, byte < 0 ? "The text ends within a string." : "A control character in a string must be escaped.");
    if (byte >= 0x80) {
      if (!read_utf8(r)) return false;
    } else {
      r->at++;
      if (byte == '\\' && !read_escape(r)) return false;
    }
  }
}

static bool read_digits(reader *r) {
  if (!is_digit(peek(r))) return fail(r, "A digit is expected.");
  while (is_digit(peek(r))) r->at++;
  return true;
}

// A number as it was read: its significant digits (from the first to the last that is not 0) stand for 0.DIGITS times ten to the `exponent`.
typedef struct number {
  char digits[DS_JSON_MAX_NUMBER];
  size_t count;
  int64_t exponent;
  bool negative;
  bool integer; // no fraction and no exponent
} number;

// Compares 0.DIGITS of two digit strings.
static int compare_digits(const char *a, size_t a_count, const char *b, size_t b_count) {
  int order = memcmp(a, b, a_count < b_count ? a_count : b_count);
  return order ? order : (a_count > b_count) - (a_count < b_count);
}

static int64_t exponent_of(const char *at, const char *end) {
  bool negative = at < end && *at == '-';
  int64_t value = 0;
  for (; at < end; at++)
    if (is_digit(*at) && value < 1000000) value = value * 10 + (*at - '0');
  return negative ? -value : value;
}

static number number_of(const char *at, const char *end) {
  number n = {.integer = true};
  bool fraction = false;
  for (; at < end && *at != 'e' && *at != 'E'; at++) {
    if (*at == '-') n.negative = true;
    else if (*at == '.') fraction = true;
    else if (*at == '0' && n.count == 0) n.exponent -= fraction;
    else {
      n.digits[n.count++] = *at;
      n.exponent += !fraction;
    }
  }
  n.integer = !fraction && at == end;
  if (at < end) n.exponent += exponent_of(at + 1, end);
  while (n.count > 0 && n.digits[n.count - 1] == '0') n.count--;
  return n;
}

static bool is_beyond_double(const number *n) {
  static const char limit[] = "17976931348623158";
  if (n->count == 0 || n->exponent < 309) return false;
  return n->exponent > 309 || compare_digits(n->digits, n->count, limit, sizeof limit - 1) >= 0;
}

static bool is_beyond_int64(const number *n) {
  const char *limit = n->negative ? "9223372036854775808" : "9223372036854775807";
  return n->exponent > 19 || (n->exponent == 19 && compare_digits(n->digits, n->count, limit, 19) > 0);
}

static bool read_number(reader *r) {
  const unsigned char *start = r->at;
  accept(r, '-');
  if (!accept(r, '0') && !read_digits(r)) return false;
  if (accept(r, '.') && !read_digits(r)) return false;
  if (accept(r, 'e') || accept(r, 'E')) {
    if (!accept(r, '+')) accept(r, '-');
    if (!read_digits(r)) return false;
  }
  const unsigned char *end = r->at;
  r->at = start;
  if (end - start > DS_JSON_MAX_NUMBER) return fail(r, "The number has too many digits.");
  number n = number_of((const char *)start, (const char *)end);
  if (is_beyond_double(&n)) return fail(r, "The number is too large.");
  if (n.integer && n.count > 17 && is_beyond_int64(&n)) return fail(r, "The integer is too large to stay exact.");
  r->at = end;
  return true;
}

static bool read_scalar(reader *r) {
  int byte = peek(r);
  if (byte == '"') return read_string(r);
  if (byte == '-' || is_digit(byte)) return read_number(r);
  if (byte == 't') return read_word(r, "true");
  if (byte == 'f') return read_word(r, "false");
  return read_word(r, "null");
}

static bool in_object(const reader *r) {
  return r->objects >> (r->depth - 1) & 1;
}

static bool read_name(reader *r) {
  skip_space(r);
  if (!read_string(r)) return false;
  skip_space(r);
  return accept(r, ':') || fail(r, "A colon is expected.");
}

// Opens an array or object. What comes next is a value, or, if it is empty, its end: `*empty`.
static bool open_container(reader *r, bool *empty) {
  if (r->depth == r->room) return fail(r, "The nesting is too deep.");
  uint64_t bit = (uint64_t)1 << r->depth++;
  r->objects = *r->at++ == '{' ? r->objects | bit : r->objects & ~bit;
  skip_space(r);
  *empty = peek(r) == (in_object(r) ? '}' : ']');
  return *empty || !in_object(r) || read_name(r);
}

// After a value: closes what ends here. What comes next is a value, or, if nothing is open any more, the end of the text.
static bool close_containers(reader *r) {
  while (r->depth > 0) {
    skip_space(r);
    if (accept(r, ',')) return !in_object(r) || read_name(r);
    if (!accept(r, in_object(r) ? '}' : ']')) return fail(r, "A comma or the end of the array or object is expected.");
    r->depth--;
  }
  return true;
}

static bool read_text(reader *r) {
  do {
    skip_space(r);
    bool empty = false;
    bool opens = peek(r) == '{' || peek(r) == '[';
    if (!(opens ? open_container(r, &empty) : read_scalar(r))) return false;
    if (opens && !empty) continue;
    if (!close_containers(r)) return false;
  } while (r->depth > 0);
  skip_space(r);
  return r->at == r->end || fail(r, "The text goes on after its value.");
}

bool ds_json_fits(ds_view text, unsigned around, ds_json_error *error) {
  const unsigned char *start = (const unsigned char *)(text.at ? text.at : "");
  reader r = {.start = start, .at = start, .end = start + text.size, .room = DS_MAX_DEPTH - around};
  bool valid = read_text(&r);
  if (!valid && error) *error = (ds_json_error){(size_t)(r.at - r.start), r.message};
  return valid;
}

bool ds_json_validate(ds_view text, ds_json_error *error) {
  return ds_json_fits(text, 0, error);
}

// ---- Values. From here on the grammar is known to hold; the ends of views are still respected.

static ds_view drop(ds_view view, size_t count) {
  if (count > view.size) count = view.size;
  return (ds_view){view.at + count, view.size - count};
}

static ds_view trim_start(ds_view view) {
  while (view.size && is_space(*view.at)) view = drop(view, 1);
  return view;
}

static ds_view trim(ds_view view) {
  view = trim_start(view);
  while (view.size && is_space(view.at[view.size - 1])) view.size--;
  return view;
}

ds_json_kind ds_json_type(ds_view value) {
  value = trim_start(value);
  if (value.size == 0) return DS_JSON_ABSENT;
  switch (*value.at) {
    case 'n': return DS_JSON_NULL;
    case 'f': return DS_JSON_FALSE;
    case 't': return DS_JSON_TRUE;
    case '"': return DS_JSON_STRING;
    case '[': return DS_JSON_ARRAY;
    case '{': return DS_JSON_OBJECT;
    default: return DS_JSON_NUMBER;
  }
}

// Bytes of the string that `view` begins with, quotes included.
static size_t string_size(ds_view view) {
  size_t i = 1;
  while (i < view.size && view.at[i] != '"') i += view.at[i] == '\\' ? 2 : 1;
  return i < view.size ? i + 1 : view.size;
}

static size_t container_size(ds_view view) {
  size_t depth = 0;
  for (size_t i = 0; i < view.size; i++) {
    char byte = view.at[i];
    if (byte == '"') i += string_size(drop(view, i)) - 1;
    else if (byte == '[' || byte == '{') depth++;
    else if ((byte == ']' || byte == '}') && --depth == 0) return i + 1;
  }
  return view.size;
}

static size_t word_size(ds_view view) {
  size_t i = 0;
  while (i < view.size && !is_space(view.at[i]) && !one_of(",]}", view.at[i])) i++;
  return i;
}

// The value that `rest` begins with, taken from it.
static ds_view take_value(ds_view *rest) {
  *rest = trim_start(*rest);
  ds_json_kind kind = ds_json_type(*rest);
  size_t size = kind == DS_JSON_STRING                             ? string_size(*rest)
                : kind == DS_JSON_ARRAY || kind == DS_JSON_OBJECT ? container_size(*rest)
                                                                   : word_size(*rest);
  ds_view value = {rest->at, size};
  *rest = trim_start(drop(*rest, size));
  return value;
}

ds_json_iterator ds_json_iterate(ds_view value) {
  ds_json_kind kind = ds_json_type(value);
  ds_json_iterator iterator = {.named = kind == DS_JSON_OBJECT};
  if (kind != DS_JSON_ARRAY && kind != DS_JSON_OBJECT) return iterator;
  ds_view inside = drop(trim(value), 1);
  inside.size -= inside.size > 0;
  iterator.rest = trim_start(inside);
  return iterator;
}

bool ds_json_next(ds_json_iterator *iterator) {
  ds_view *rest = &iterator->rest;
  if (rest->size == 0) return false;
  if (iterator->named) {
    iterator->name = take_value(rest);
    *rest = drop(*rest, 1);
  }
  iterator->value = take_value(rest);
  *rest = trim_start(drop(*rest, 1));
  return true;
}

ds_view ds_json_member(ds_view object, const char *name) {
  ds_json_iterator member = ds_json_iterate(object);
  while (member.named && ds_json_next(&member))
    if (ds_json_is_string(member.name, name)) return member.value;
  return (ds_view){0};
}

bool ds_json_int(ds_view value, int64_t *out) {
  value = trim(value);
  if (ds_json_type(value) != DS_JSON_NUMBER || value.size > DS_JSON_MAX_NUMBER) return false;
  number n = number_of(value.at, value.at + value.size);
  if (!n.integer || is_beyond_int64(&n)) return false;
  uint64_t magnitude = 0;
  for (size_t i = 0; i < (size_t)n.exponent; i++) magnitude = magnitude * 10 + (uint64_t)(i < n.count ? n.digits[i] - '0' : 0);
  // INT64_MIN has no positive counterpart, so the sign is given to one less.
  *out = n.negative && magnitude ? -(int64_t)(magnitude - 1) - 1 : (int64_t)magnitude;
  return true;
}

// ---- Decoding strings

static ds_view inside_quotes(ds_view string) {
  string = trim(string);
  return (ds_view){string.at + 1, string.size - 2};
}

// True if nothing in it is escaped.
static bool is_plain(ds_view inside) {
  size_t i = 0;
  while (i < inside.size && inside.at[i] != '\\') i++;
  return i == inside.size;
}

static uint32_t hex_unit(const char *at) {
  uint32_t unit = 0;
  for (int i = 0; i < 4; i++) unit = unit << 4 | (uint32_t)hex_digit(at[i]);
  return unit;
}

static size_t encode_utf8(uint32_t point, char out[4]) {
  if (point < 0x80) return out[0] = (char)point, 1;
  size_t more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  static const uint32_t leads[] = {0, 0xC0, 0xE0, 0xF0};
  out[0] = (char)(leads[more] | point >> (6 * more));
  for (size_t i = 1; i <= more; i++) out[i] = (char)(0x80 | (point >> (6 * (more - i)) & 0x3F));
  return more + 1;
}

// Decodes the escape that `rest` begins with to `out` and takes it from `rest`; returns the bytes written.
static size_t take_escape(ds_view *rest, char out[4]) {
  static const char names[] = "bfnrt";
  static const char controls[] = "\b\f\n\r\t";
  char escape = rest->at[1];
  if (escape != 'u') {
    *rest = drop(*rest, 2);
    size_t name = 0;
    while (names[name] && names[name] != escape) name++;
    out[0] = names[name] ? controls[name] : escape;
    return 1;
  }
  uint32_t point = hex_unit(rest->at + 2);
  *rest = drop(*rest, 6);
  if (is_high(point)) {
    point = 0x10000 + ((point - 0xD800) << 10) + (hex_unit(rest->at + 2) - 0xDC00);
    *rest = drop(*rest, 6);
  }
  return encode_utf8(point, out);
}

ds_view ds_json_string(ds_arena *arena, ds_view value) {
  if (ds_json_type(value) != DS_JSON_STRING) return (ds_view){0};
  ds_view rest = inside_quotes(value);
  if (is_plain(rest)) return rest;
  char *decoded = ds_arena_take(arena, rest.size); // an escape is never shorter than what it stands for
  size_t size = 0;
  while (rest.size) {
    if (*rest.at == '\\') {
      size += take_escape(&rest, decoded + size);
    } else {
      decoded[size++] = *rest.at;
      rest = drop(rest, 1);
    }
  }
  return (ds_view){decoded, size};
}

bool ds_json_is_string(ds_view value, const char *literal) {
  if (ds_json_type(value) != DS_JSON_STRING) return false;
  ds_view rest = inside_quotes(value);
  ds_view wanted = ds_view_of(literal);
  if (is_plain(rest)) return ds_view_equal(rest, wanted);
  while (rest.size) {
    char decoded[4] = {*rest.at};
    size_t size = 1;
    if (*rest.at == '\\') size = take_escape(&rest, decoded);
    else rest = drop(rest, 1);
    if (size > wanted.size || memcmp(decoded, wanted.at, size) != 0) return false;
    wanted = drop(wanted, size);
  }
  return wanted.size == 0;
}
