// SPDX-License-Identifier: MIT
// What handlers ask of the payload, and what is asked of it before they do.
#include "action.h"
#include "json.h"

ds_view ds_payload(ds_action *action, const char *member) {
  return ds_failed(action) ? (ds_view){0} : ds_json_member(action->payload, member);
}

ds_view ds_identity(ds_action *action, const char *member) {
  return ds_failed(action) ? (ds_view){0} : ds_json_member(action->identity, member);
}

ds_view ds_payload_text(ds_action *action, const char *member) {
  return ds_json_string(action->sql.arena, ds_payload(action, member));
}

// ---- Fields

static bool bounded(const ds_field *field) {
  return field->min || field->max;
}

static bool blank(ds_view text) {
  for (size_t i = 0; i < text.size; i++)
    if (text.at[i] != ' ' && text.at[i] != '\t' && text.at[i] != '\n' && text.at[i] != '\r') return false;
  return true;
}

static bool text_fits(const ds_field *field, ds_view text) {
  if (!bounded(field)) return true;
  int64_t size = (int64_t)text.size;
  return size >= field->min && size <= field->max && !(field->min && blank(text));
}

static bool integer_fits(const ds_field *field, ds_view value) {
  int64_t number = 0;
  return ds_json_int(value, &number) && (!bounded(field) || (number >= field->min && number <= field->max));
}

static bool fits(ds_action *action, const ds_field *field, ds_view value) {
  ds_json_kind kind = ds_json_type(value);
  if (kind == DS_JSON_ABSENT || (kind == DS_JSON_NULL && field->type != DS_JSON)) return field->optional;
  switch (field->type) {
    case DS_TEXT: return kind == DS_JSON_STRING && text_fits(field, ds_json_string(action->sql.arena, value));
    case DS_INTEGER: return integer_fits(field, value);
    case DS_NUMBER: return kind == DS_JSON_NUMBER;
    case DS_BOOLEAN: return kind == DS_JSON_TRUE || kind == DS_JSON_FALSE;
    case DS_JSON: return true;
  }
  return false;
}

// "`text` must be a string of 1 to 500 bytes, and not blank."
static ds_view sentence(ds_action *action, const ds_field *field) {
  static const char *const kinds[] = {
    [DS_TEXT] = "a string", [DS_INTEGER] = "an integer", [DS_NUMBER] = "a number", [DS_BOOLEAN] = "true or false", [DS_JSON] = "there"};
  ds_text text = ds_text_new(action->sql.arena);
  ds_text_str(&text, "`");
  ds_text_str(&text, field->name);
  ds_text_str(&text, "` must be ");
  ds_text_str(&text, kinds[field->type]);
  if (bounded(field) && field->type <= DS_INTEGER) {
    ds_text_str(&text, field->type == DS_TEXT ? " of " : " from ");
    ds_text_int(&text, field->min);
    ds_text_str(&text, " to ");
    ds_text_int(&text, field->max);
    if (field->type == DS_TEXT) ds_text_str(&text, field->min ? " bytes, and not blank" : " bytes");
  }
  ds_text_str(&text, ".");
  ds_text_add(&text, (ds_view){"", 1});
  return ds_text_view(&text);
}

static ds_view path(ds_action *action, const char *name) {
  ds_text json = ds_text_new(action->sql.arena);
  ds_text_str(&json, "{\"path\":[");
  if (name) ds_text_json(&json, ds_view_of(name));
  ds_text_str(&json, "]}");
  return ds_text_view(&json);
}

void ds_check_fields(ds_action *action, const ds_field *fields) {
  if (ds_json_type(action->payload) != DS_JSON_OBJECT) {
    ds_reject_with(action, DS_INVALID_PAYLOAD, "The payload must be an object.", path(action, NULL));
    return;
  }
  for (const ds_field *field = fields; field->name; field++) {
    if (fits(action, field, ds_payload(action, field->name))) continue;
    ds_reject_with(action, DS_INVALID_PAYLOAD, sentence(action, field).at, path(action, field->name));
    return;
  }
}
