// SPDX-License-Identifier: MIT
// The foundation: views of bytes that belong to somebody else, one arena per turn, and a text builder that writes into it.
#ifndef DURASYNC_BYTES_H
#define DURASYNC_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A view of `size` bytes at `at`, owned by somebody else: the arena, the incoming frame or a literal. Not NUL-terminated.
// The empty view may have `at` NULL; it is also what "absent" looks like, so `ds_view_absent` and "empty" are different questions.
typedef struct ds_view {
  const char *at;
  size_t size;
} ds_view;

// The view of a string literal, without its NUL.
#define DS_LITERAL(literal) ((ds_view){"" literal, sizeof(literal) - 1})

// The view of a NUL-terminated string; `text` may be NULL, which gives the absent view.
ds_view ds_view_of(const char *text);

// True for a view that points at nothing (an absent member), false for an empty string.
bool ds_view_absent(ds_view view);

// True if both views hold the same bytes.
bool ds_view_equal(ds_view a, ds_view b);

// True if the view holds exactly the bytes of `literal`.
bool ds_view_is(ds_view view, const char *literal);

// The same where the letters of ASCII know no case, as SQLite's names know none.
bool ds_view_is_like(ds_view view, const char *literal);

// A hash of the view's bytes (FNV-1a), for tables that tell equal hashes apart.
uint32_t ds_view_hash(ds_view view);

// Memory that is given out in order and taken back all at once. It grows by chunks, so pointers into it stay valid until the reset. A reset keeps
// some of them for the next turn, and gives the others back; in Wasm it keeps all, since an instance's memory never shrinks (ds_core_swollen).
// There is no failure to handle: what a turn may use is bounded by the caps in limits.h, and running out of memory all the same ends
// the instance by ds_panic (the host rolls back and builds a new one).
typedef struct ds_arena ds_arena;

// A new, empty arena; the caller frees it with ds_arena_free.
ds_arena *ds_arena_new(void);

// Gives back every chunk and the arena itself; NULL is allowed.
void ds_arena_free(ds_arena *arena);

// Forgets everything handed out so far.
void ds_arena_reset(ds_arena *arena);

// The bytes of the arena's chunks, used or not; and of those up to where it stands.
size_t ds_arena_size(const ds_arena *arena);
size_t ds_arena_used(const ds_arena *arena);

// A place in an arena to go back to.
typedef struct ds_mark {
  void *chunk;
  size_t used;
} ds_mark;

// Where the arena stands; and back there, forgetting what was handed out in between. For the texts of statements, which nobody needs once they have been opened: a turn that makes many
// pages would otherwise grow the memory that an idle instance holds.
ds_mark ds_arena_mark(const ds_arena *arena);
void ds_arena_release(ds_arena *arena, ds_mark mark);

// `size` zeroed bytes, aligned for any type, owned by the arena and valid until it is reset.
void *ds_arena_take(ds_arena *arena, size_t size);

// A copy of the bytes of `view` in the arena.
ds_view ds_arena_copy(ds_arena *arena, ds_view view);

// The decimal text of `number` in the arena.
ds_view ds_number(ds_arena *arena, int64_t number);

// A text under construction in an arena. It doubles when it is full; its bytes move until ds_text_view is taken for the last time.
typedef struct ds_text {
  ds_arena *arena;
  char *at;
  size_t size;
  size_t room;
} ds_text;

// An empty text in `arena`.
ds_text ds_text_new(ds_arena *arena);

// Append: bytes, a NUL-terminated string, a decimal number.
void ds_text_add(ds_text *text, ds_view view);
void ds_text_str(ds_text *text, const char *string);
void ds_text_int(ds_text *text, int64_t number);

// Append `view` as a JSON string in quotes: quotes, backslashes and control characters escaped (RFC 8259, section 7), the rest as it is.
// The bytes must be valid UTF-8; the absent view is the empty string.
void ds_text_json(ds_text *text, ds_view view);

// Appends `template` with `values` in their order: $ is a value as a JSON string, # a value as it is, and ' a double quote, so that JSON reads as JSON:
//
//   ds_text_fill(&text, "{'type':'event','channel':$,'event':#}", DS_VALUES(channel, event));
//
// A value must be there for each mark.
void ds_text_fill(ds_text *text, const char *template, const ds_view *values);
#define DS_VALUES(...) ((const ds_view[]){__VA_ARGS__})

// Append `view` as an SQL identifier in double quotes, as an SQL string in single quotes: the quote doubled, nothing else changed.
void ds_text_identifier(ds_text *text, ds_view view);
void ds_text_sql_string(ds_text *text, ds_view view);

// What has been written so far; valid until the next append or the reset of the arena.
ds_view ds_text_view(const ds_text *text);

// Ends the instance where no answer is possible (a broken invariant, no memory): a trap in Wasm, abort() natively.
_Noreturn void ds_panic(void);

#endif
