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

ds_outcome ds_connect(const ds_app *app, const ds_sql *sql, ds_view request, int64_t now) {
  if (!origin_allowed(app, sql->arena, request)) return refuse_origin(sql, request);
  ds_outcome outcome = ds_handler_run(app->on[DS_ON_CONNECT], sql, (ds_view){0}, request, (ds_view){0}, now);
  bool fits = ds_view_absent(outcome.result) || (ds_json_type(outcome.result) == DS_JSON_OBJECT && outcome.result.size <= DS_MAX_IDENTITY);
  if (fits) return outcome;
  sql->host->log(sql->host->context, DS_LITERAL("an identity must be a JSON object of at most 4096 bytes"));
  return ds_outcome_rejected(DS_INTERNAL);
}
