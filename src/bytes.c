// SPDX-License-Identifier: MIT
#include "bytes.h"

#ifndef __wasm__
#include <stdlib.h>
#endif
#include <string.h>

enum { CHUNK_SIZE = 64 * 1024, ALIGNMENT = 16, ARENA_SIZE = 16 };

// Bytes that an arena keeps when it is reset, where memory can be given back: an ordinary turn needs no more, and takes none from the system.
enum { KEPT_SIZE = 256 * 1024 };

typedef struct chunk {
  struct chunk *next;
  size_t used;
  size_t room;
  size_t padding; // keeps `bytes` aligned to ALIGNMENT where pointers have four bytes as where they have eight
  char bytes[];
} chunk;

struct ds_arena {
  chunk *first;
  chunk *last;
};
_Static_assert(sizeof(struct ds_arena) <= ARENA_SIZE, "the arena has a place of its own in its first chunk");

_Noreturn void ds_panic(void) {
#ifdef __wasm__
  __builtin_trap();
#else
  abort();
#endif
}

ds_view ds_view_of(const char *text) {
  size_t size = 0;
  while (text && text[size]) size++; // the C library's is faster, and 200 bytes larger
  return (ds_view){text, size};
}

bool ds_view_absent(ds_view view) {
  return view.at == NULL;
}

bool ds_view_equal(ds_view a, ds_view b) {
  return a.size == b.size && (a.size == 0 || memcmp(a.at, b.at, a.size) == 0);
}

bool ds_view_is(ds_view view, const char *literal) {
  return ds_view_equal(view, ds_view_of(literal));
}

bool ds_view_is_like(ds_view view, const char *literal) {
  for (size_t i = 0; i < view.size; i++) {
    bool letter = (literal[i] | 0x20) >= 'a' && (literal[i] | 0x20) <= 'z';
    if (view.at[i] != literal[i] && !(letter && (view.at[i] ^ literal[i]) == 0x20)) return false;
  }
  return literal[view.size] == '\0';
}

uint32_t ds_view_hash(ds_view view) {
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < view.size; i++) hash = (hash ^ (unsigned char)view.at[i]) * 16777619u;
  return hash;
}

// Memory for a chunk, never to be given back in Wasm: it comes by whole pages from the end of the instance's memory. So the module needs no allocator.
static void *memory_take(size_t size) {
#ifdef __wasm__
  size_t page = __builtin_wasm_memory_grow(0, (size + 65535) / 65536);
  return page == SIZE_MAX ? NULL : (void *)(page * 65536);
#else
  return malloc(size);
#endif
}

static void memory_give(void *memory) {
#ifdef __wasm__
  (void)memory;
#else
  free(memory);
#endif
}

static chunk *chunk_new(size_t least) {
  if (least > SIZE_MAX - sizeof(chunk)) ds_panic();
  size_t size = least + sizeof(chunk) > CHUNK_SIZE ? least + sizeof(chunk) : CHUNK_SIZE;
  chunk *made = memory_take(size);
  if (!made) ds_panic();
  *made = (chunk){.room = size - sizeof(chunk)};
  return made;
}

// The arena stands at the beginning of its own first chunk.
ds_arena *ds_arena_new(void) {
  chunk *first = chunk_new(sizeof(ds_arena));
  ds_arena *arena = (ds_arena *)(void *)first->bytes;
  *arena = (ds_arena){first, first};
  first->used = ARENA_SIZE;
  return arena;
}

static void give_all(chunk *next) {
  while (next) {
    chunk *dead = next;
    next = next->next;
    memory_give(dead);
  }
}

void ds_arena_free(ds_arena *arena) {
  if (arena) give_all(arena->first);
}

#ifndef __wasm__
// Gives back what lies beyond the first KEPT_SIZE bytes.
static void shrink(ds_arena *arena) {
  size_t kept = arena->first->room;
  chunk *last = arena->first;
  while (last->next && kept + last->next->room <= KEPT_SIZE) {
    last = last->next;
    kept += last->room;
  }
  give_all(last->next);
  last->next = NULL;
}
#endif

void ds_arena_reset(ds_arena *arena) {
#ifndef __wasm__
  shrink(arena);
#endif
  arena->last = arena->first;
  arena->first->used = ARENA_SIZE;
}

static size_t size_up_to(const chunk *next, const chunk *end) {
  size_t size = 0;
  for (; next != end; next = next->next) size += sizeof *next + next->room;
  return size;
}

size_t ds_arena_size(const ds_arena *arena) {
  return size_up_to(arena->first, NULL);
}

size_t ds_arena_used(const ds_arena *arena) {
  return size_up_to(arena->first, arena->last->next);
}

ds_mark ds_arena_mark(const ds_arena *arena) {
  return (ds_mark){arena->last, arena->last->used};
}

void ds_arena_release(ds_arena *arena, ds_mark mark) {
  arena->last = mark.chunk;
  arena->last->used = mark.used;
}

static bool chunk_fits(const chunk *chunk, size_t size) {
  return size <= chunk->room - chunk->used;
}

// Moves on to the next kept chunk with enough room, or to a new one.
static void next_chunk(ds_arena *arena, size_t size) {
  while (!chunk_fits(arena->last, size)) {
    if (!arena->last->next) arena->last->next = chunk_new(size);
    arena->last = arena->last->next;
    arena->last->used = 0;
  }
}

void *ds_arena_take(ds_arena *arena, size_t size) {
  if (size > SIZE_MAX - ALIGNMENT) ds_panic();
  size_t whole = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
  if (!chunk_fits(arena->last, whole)) next_chunk(arena, whole);
  void *taken = arena->last->bytes + arena->last->used;
  arena->last->used += whole;
  return memset(taken, 0, size);
}

ds_view ds_arena_copy(ds_arena *arena, ds_view view) {
  char *copy = ds_arena_take(arena, view.size + 1);
  if (view.size) memcpy(copy, view.at, view.size);
  return (ds_view){copy, view.size};
}

ds_text ds_text_new(ds_arena *arena) {
  return (ds_text){.arena = arena};
}

static char *text_reserve(ds_text *text, size_t more) {
  if (more > text->room - text->size) {
    size_t room = text->room ? text->room * 2 : 256;
    while (room - text->size < more) room *= 2;
    char *moved = ds_arena_take(text->arena, room);
    if (text->size) memcpy(moved, text->at, text->size);
    text->at = moved;
    text->room = room;
  }
  return text->at + text->size;
}

void ds_text_add(ds_text *text, ds_view view) {
  if (view.size == 0) return;
  memcpy(text_reserve(text, view.size), view.at, view.size);
  text->size += view.size;
}

void ds_text_str(ds_text *text, const char *string) {
  ds_text_add(text, ds_view_of(string));
}

ds_view ds_number(ds_arena *arena, int64_t number) {
  enum { ROOM = 24 };
  char *digits = ds_arena_take(arena, ROOM);
  size_t at = ROOM;
  // Negating through unsigned is the only way that also holds for INT64_MIN.
  uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
  do digits[--at] = (char)('0' + rest % 10);
  while (rest /= 10);
  if (number < 0) digits[--at] = '-';
  return (ds_view){digits + at, ROOM - at};
}

void ds_text_int(ds_text *text, int64_t number) {
  ds_text_add(text, ds_number(text->arena, number));
}

static void add_escaped(ds_text *text, unsigned char control) {
  static const char hex[] = "0123456789abcdef";
  char escape[6] = {'\\', 'u', '0', '0', hex[control >> 4], hex[control & 15]};
  ds_text_add(text, (ds_view){escape, sizeof escape});
}

void ds_text_json(ds_text *text, ds_view view) {
  ds_text_add(text, DS_LITERAL("\""));
  size_t clean = 0;
  for (size_t i = 0; i < view.size; i++) {
    unsigned char byte = (unsigned char)view.at[i];
    if (byte >= 0x20 && byte != '"' && byte != '\\') continue;
    ds_text_add(text, (ds_view){view.at + clean, i - clean});
    clean = i + 1;
    if (byte == '"') ds_text_add(text, DS_LITERAL("\\\""));
    else if (byte == '\\') ds_text_add(text, DS_LITERAL("\\\\"));
    else add_escaped(text, byte);
  }
  if (view.size > clean) ds_text_add(text, (ds_view){view.at + clean, view.size - clean});
  ds_text_add(text, DS_LITERAL("\""));
}

void ds_text_fill(ds_text *text, const char *template, const ds_view *values) {
  for (;; template++) {
    size_t plain = 0;
    while (template[plain] && template[plain] != '$' && template[plain] != '#' && template[plain] != '\'') plain++;
    ds_text_add(text, (ds_view){template, plain});
    template += plain;
    if (*template == '\0') return;
    if (*template == '$') ds_text_json(text, *values++);
    else ds_text_add(text, *template == '#' ? *values++ : DS_LITERAL("\""));
  }
}

static void add_quoted(ds_text *text, ds_view view, char quote) {
  ds_view mark = {&quote, 1};
  ds_text_add(text, mark);
  size_t begin = 0;
  for (size_t i = 0; i < view.size; i++) {
    if (view.at[i] != quote) continue;
    ds_text_add(text, (ds_view){view.at + begin, i + 1 - begin});
    begin = i; // the quote comes again, with what follows it
  }
  if (view.size > begin) ds_text_add(text, (ds_view){view.at + begin, view.size - begin});
  ds_text_add(text, mark);
}

void ds_text_identifier(ds_text *text, ds_view view) {
  add_quoted(text, view, '"');
}

void ds_text_sql_string(ds_text *text, ds_view view) {
  add_quoted(text, view, '\'');
}

ds_view ds_text_view(const ds_text *text) {
  return (ds_view){text->at ? text->at : "", text->size};
}
