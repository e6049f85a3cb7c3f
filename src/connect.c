// SPDX-License-Identifier: MIT
// Who may connect: the page's origin, then the app's own word.
#include "connect.h"

#include "json.h"
#include "limits.h"

// What follows "://" in an address, up to the next slash: the host and its port.
static ds_view host_of(ds_view address) {
  size_t at = 0;
  while (at + 3 <= address.size && !ds_view_equal((ds_view){address.at + at, 3}, DS_LITERAL("://"))) at++;
  if (at + 3 > address.size) return (ds_view){0};
  size_t start = at + 3;
  size_t end = start;
  while (end < address.size && address.at[end] != '/' && address.at[end] != '?' && address.at[end] != '#') end++;
  return (ds_view){address.at + start, end - start};
}

// A browser tells which page opens a socket, and sends that user's cookies whatever page it is: a page of somebody else's must not get in by them. What is not a
// browser sends no origin, and could send any.
static bool origin_allowed(const ds_app *app, ds_arena *arena, ds_view request) {
  ds_view origin = ds_json_string(arena, ds_json_member(ds_json_member(request, "headers"), "origin"));
  if (ds_view_absent(origin)) return true;
  for (const char *const *allowed = app->origins; allowed && *allowed; allowed++)
    if (ds_view_is(origin, *allowed) || ds_view_is(DS_LITERAL("*"), *allowed)) return true;
  ds_view host = host_of(origin);
  ds_view own = host_of(ds_json_string(arena, ds_json_member(request, "url")));
  return !app->origins && !ds_view_absent(host) && ds_view_equal(host, own);
}

static ds_outcome refuse_origin(const ds_sql *sql, ds_view request) {
  ds_text line = ds_text_new(sql->arena);
  ds_text_str(&line, "a page of another origin was turned away; if it is the app's own, name it in `origins`: ");
  ds_text_add(&line, ds_json_member(ds_json_member(request, "headers"), "origin"));
  sql->host->log(sql->host->context, ds_text_view(&line));
  return ds_outcome_rejected(DS_FORBIDDEN);
}

// ---- As whom

// Two members of one name are one to some readers and another to others.
static bool named_once(ds_arena *arena, ds_view identity) {
  for (ds_json_iterator one = ds_json_iterate(identity); ds_json_next(&one);) {
    ds_view name = ds_json_string(arena, one.name);
    for (ds_json_iterator other = one; ds_json_next(&other);)
      if (ds_view_equal(name, ds_json_string(arena, other.name))) return false;
  }
  return true;
}

const char *ds_identity_fault(ds_arena *arena, ds_view identity) {
  ds_json_error error;
  if (identity.size > DS_MAX_IDENTITY) return "It has more than 4096 bytes.";
  if (!ds_json_fits(identity, 1, &error)) return error.message;
  if (ds_json_type(identity) != DS_JSON_OBJECT) return "It is not an object.";
  return named_once(arena, identity) ? NULL : "Two members have one name.";
}

ds_outcome ds_admit(const ds_sql *sql, ds_view identity) {
  bool nobody = ds_view_absent(identity);
  const char *fault = nobody ? NULL : ds_identity_fault(sql->arena, identity);
  ds_text text = ds_text_new(sql->arena);
  if (fault) {
    ds_text_fill(&text, "nobody was let in, since an identity cannot be kept as JSON: #", DS_VALUES(ds_view_of(fault)));
    sql->host->log(sql->host->context, ds_text_view(&text));
    return ds_outcome_rejected(DS_INVALID_PAYLOAD);
  }
  ds_text_fill(&text, "{'identity':#}", DS_VALUES(nobody ? DS_LITERAL("null") : identity));
  ds_text result = ds_text_new(sql->arena);
  ds_text_json(&result, ds_text_view(&text));
  return (ds_outcome){.result = ds_text_view(&result)};
}

ds_outcome ds_connect(const ds_app *app, const ds_sql *sql, ds_view request, int64_t now) {
  if (!origin_allowed(app, sql->arena, request)) return refuse_origin(sql, request);
  ds_outcome outcome = ds_handler_run(app->on[DS_ON_CONNECT], sql, (ds_view){0}, request, (ds_view){0}, now);
  return outcome.code == DS_OK ? ds_admit(sql, outcome.result) : outcome;
}
