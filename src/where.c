// SPDX-License-Identifier: MIT
#include "where.h"

#include "statement.h"

// ---- Names

static bool same_letter(char a, char b) {
  bool letter = (a | 0x20) >= 'a' && (a | 0x20) <= 'z';
  return a == b || (letter && (a ^ b) == 0x20);
}

// Whether a token's name, in which a quote may stand doubled, is `name`. SQLite's names know no case, as far as ASCII goes.
static bool is_called(const ds_token *token, ds_view name) {
  char quote = token->text.at[0];
  bool doubles = quote == '"' || quote == '`';
  size_t at = 0;
  for (size_t i = 0; i < token->name.size; i++, at++) {
    if (at == name.size || !same_letter(token->name.at[i], name.at[at])) return false;
    if (doubles && token->name.at[i] == quote) i++;
  }
  return at == name.size;
}

static bool is_one_of(const ds_token *token, const char *const *names) {
  for (; *names; names++)
    if (is_called(token, ds_view_of(*names))) return true;
  return false;
}

// The words that an expression may have beside names: whatever is missing here is refused, as `select` is, or the clock.
static const char *const keywords[] = {
  "and", "or", "not", "is", "null", "isnull", "notnull", "in", "between", "like", "glob", "escape", "case", "when", "then", "else", "end",
  "collate", "cast", "as", "distinct", "true", "false", NULL,
};

// Words that are no column even where one is called like them, unless they are quoted.
static const char *const reserved[] = {
  "select", "exists", "values", "with", "raise", "over", "filter", "current_time", "current_date", "current_timestamp", NULL,
};

// Functions that fail for no argument, however wrong: a `where` of these and of comparisons can be asked inside a trigger.
static const char *const safe_functions[] = {
  "coalesce", "ifnull", "iif", "nullif", "typeof", "length", "octet_length", "lower", "upper", "min", "max", "instr", "substr", "substring",
  "trim", "ltrim", "rtrim", "unicode", "sign", "json_valid", NULL,
};

// Functions that come to the same at all times, and can fail: for bad JSON, or for a number or a text that is too large.
static const char *const other_functions[] = {
  "abs", "char", "concat", "concat_ws", "format", "printf", "glob", "like", "hex", "unhex", "quote", "replace", "round", "zeroblob",
  "json", "json_array", "json_array_length", "json_extract", "json_insert", "json_object", "json_patch", "json_quote", "json_remove",
  "json_replace", "json_set", "json_type", "jsonb", "jsonb_extract", "acos", "asin", "atan", "atan2", "ceil", "ceiling", "cos", "degrees", "exp",
  "floor", "ln", "log", "log10", "log2", "mod", "pi", "pow", "power", "radians", "sin", "sqrt", "tan", "trunc", NULL,
};

static const char *const rowid[] = {"rowid", "oid", "_rowid_", NULL};

// ---- Reading

typedef struct reading {
  ds_table *table;
  ds_arena *arena;
  ds_token last;     // the token before, but for space and comments
  bool named[DS_MAX_COLUMNS];
  bool in_type;      // behind AS, in a CAST
  int32_t depth;
  ds_view fault;     // absent while all is sound
} reading;

static bool is_space(const ds_token *token) {
  char c = token->text.at[0];
  bool comment = token->text.size > 1 && (c == '-' || c == '/');
  return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f' || comment;
}

// The first byte of the next token, 0 at the end, and at a dot with which a number begins.
static char next_byte(ds_view where, size_t at) {
  while (at < where.size) {
    ds_token token = ds_token_at(where, at);
    at += token.text.size;
    if (is_space(&token)) continue;
    bool fraction = token.text.at[0] == '.' && at < where.size && where.at[at] >= '0' && where.at[at] <= '9';
    return fraction ? '\0' : token.text.at[0];
  }
  return '\0';
}

static bool is_quoted(const ds_token *token) {
  return token->text.at[0] == '"' || token->text.at[0] == '`' || token->text.at[0] == '[';
}

static bool is_number(const ds_token *token) {
  return token->kind == DS_TOKEN_NAME && token->text.at[0] >= '0' && token->text.at[0] <= '9';
}

// Whether a string or a quoted name ends: its quotes come in pairs.
static bool is_closed(const ds_token *token) {
  char mark = token->text.at[0];
  uint32_t quotes = 0;
  for (size_t i = 0; i < token->text.size; i++) quotes += token->text.at[i] == mark;
  return mark == '[' ? token->text.at[token->text.size - 1] == ']' : quotes % 2 == 0;
}

static void refuse(reading *where, const char *before, ds_view what, const char *after) {
  if (!ds_view_absent(where->fault)) return;
  ds_text text = ds_text_new(where->arena);
  ds_text_str(&text, before);
  ds_text_add(&text, what);
  ds_text_str(&text, after);
  where->fault = ds_text_view(&text);
}

static void read_function(reading *where, const ds_token *token) {
  if (is_one_of(token, safe_functions)) return;
  where->table->fallible = true;
  if (is_one_of(token, other_functions)) return;
  refuse(where, "calls ", token->text, "(), which is not known to come to the same for a row at all times: keep what it comes to in a column, and ask for that");
}

static bool read_column(reading *where, const ds_token *token) {
  bool found = false;
  for (uint32_t i = 0; i < where->table->all_count; i++)
    if (is_called(token, where->table->all[i])) found = where->named[i] = true;
  return found;
}

static void read_word(reading *where, const ds_token *token, char next) {
  bool quoted = is_quoted(token);
  if (!quoted && is_one_of(token, reserved)) {
    refuse(where, "has ", token->text, ": ask for the table's own columns, without a subquery and without the clock");
    return;
  }
  bool column = read_column(where, token); // one too many does no harm
  bool keyword = !quoted && (is_one_of(token, keywords) || (is_called(token, DS_LITERAL("from")) && is_called(&where->last, DS_LITERAL("distinct"))));
  if (!quoted && is_called(token, DS_LITERAL("as"))) where->in_type = true;
  if (!quoted && (is_called(token, DS_LITERAL("like")) || is_called(token, DS_LITERAL("glob")))) where->table->fallible = true;
  if (keyword || where->in_type || is_called(&where->last, DS_LITERAL("collate"))) return;
  if (next == '(') read_function(where, token);
  else if (is_called(&where->last, DS_LITERAL("in"))) refuse(where, "has a subquery in ", token->text, ": name the values in brackets");
  else if (!column && is_one_of(token, rowid)) refuse(where, "is asked for its rowid by ", token->text, ": ask for a column");
  else if (!column) refuse(where, "names ", token->text, ", which is no column of the table");
}

static void read_name(reading *where, const ds_token *token, char next) {
  bool bytes = token->text.size == 1 && (token->text.at[0] | 0x20) == 'x' && next == '\'';
  bool follows_dot = where->last.text.size && where->last.text.at[0] == '.';
  if (is_number(token) || bytes) return;
  if (next == '.' || follows_dot) refuse(where, "says of which table ", token->text, " is: name the column alone, since it is asked of more than the table");
  else if (is_quoted(token) && !is_closed(token)) refuse(where, "has a quote that is not closed: ", token->text, "");
  else read_word(where, token, next);
}

static void read_parameter(reading *where, const ds_token *token) {
  if (token->mark == '$') where->table->by_reader = true;
  else refuse(where, "asks for ", token->text, ": nothing but $name is known to it, a member of the reader's identity");
}

static void read_other(reading *where, const ds_token *token, char next) {
  static const char *const allowed = "()+-*/%<>=!&|~,.";
  char c = token->text.at[0];
  if (c == '(') where->depth++;
  if (c == ')') where->in_type = false;
  if (c == ')' && --where->depth < 0) refuse(where, "closes a bracket that it does not open", (ds_view){0}, "");
  // -> takes JSON apart, and || makes texts larger.
  if ((c == '-' && next == '>') || c == '|') where->table->fallible = true;
  if (c == '\'') {
    if (!is_closed(token)) refuse(where, "has a quote that is not closed: ", token->text, "");
    return;
  }
  const char *one = allowed;
  while (*one && *one != c) one++;
  if (!*one) refuse(where, "has ", token->text, ", which no condition has");
}

static void read_token(reading *where, const ds_token *token, char next) {
  if (token->kind == DS_TOKEN_PARAMETER) read_parameter(where, token);
  else if (token->kind == DS_TOKEN_NAME) read_name(where, token, next);
  else read_other(where, token, next);
}

ds_view ds_where_read(ds_table *table, ds_arena *arena) {
  reading where = {.table = table, .arena = arena, .last = {.text = DS_LITERAL("")}};
  for (size_t at = 0; at < table->where.size;) {
    ds_token token = ds_token_at(table->where, at);
    at += token.text.size;
    if (is_space(&token)) continue;
    read_token(&where, &token, next_byte(table->where, at));
    where.last = token;
  }
  if (where.depth > 0) refuse(&where, "opens a bracket that it does not close", (ds_view){0}, "");
  table->personal = table->by_reader || table->fallible;
  for (uint32_t i = 0; table->personal && i < table->all_count; i++)
    if (where.named[i]) table->asked[table->asked_count++] = i;
  return where.fault;
}
