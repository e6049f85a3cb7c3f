// SPDX-License-Identifier: MIT
// Keys that are text travel exactly, or are refused when they are written.
#include <stdio.h>

#include "talk.h"
#include "test.h"

static void add_key(ds_action *action) {
  ds_run(action, "INSERT INTO items VALUES (CAST(unhex(:key) AS TEXT))");
}

static void change_key(ds_action *action) {
  ds_run(action, "UPDATE items SET id = CAST(unhex(:key) AS TEXT)");
}

static const ds_app app = {
  .channels = (const ds_channel[]){{.name = "items"}, {.name = "some", .table = "items", .where = "id <> 'x'"}, {0}},
  .migrations = (const ds_migration[]){{.sql = "CREATE TABLE items (id TEXT PRIMARY KEY NOT NULL)"}, {0}},
  .actions = (const ds_action_type[]){{"items", "add", add_key}, {"items", "change", change_key}, {0}},
};

#define OUTCOME "{\"type\":\"patch\",\"epoch\":\"0001020304050607\",\"changes\":[],\"outcomes\":[{\"number\":%d,\"status\":\"%s\""

static void check_key(world *w, ds_socket socket, int64_t number, const char *type, const char *hex, bool kept) {
  char payload[100], start[400];
  snprintf(payload, sizeof payload, "{\"key\":\"%s\"}", hex);
  snprintf(start, sizeof start, OUTCOME "%s", (int)number, kept ? "committed" : "rejected",
    kept ? "}" : ",\"code\":\"constraint\",\"message\":\"A constraint of the table refused the change.\","
                 "\"data\":{\"constraint\":\"trigger\",\"name\":\"a primary key must be UTF-8\"}}");
  talk_act(w, socket, number, "items", type, payload);
  talk_hear(w, socket, start);
}

static void a_key_that_is_not_utf_8_is_refused_when_it_is_written(void) {
  static const char *const refused[] = {
    "FF", "FE", "80", "BF", "6180", "61C3", "C3A980", "C3A98080", "E4B8", "E4B8AD80", "F09F98", "F09F988080", "EDA080", "EDBFBF", "EDA080EDB080",
    "C080", "C1BF", "E08080", "F0808080", "F4908080", "F8888080", "C361", "61FF61", "E28261", "00FF", "C3A9FF", "EFBFBD80", "EFBFBF80", "EFBFBE8080",
  };
  static const char *const kept[] = {
    "61", "00", "610062", "7F", "C3A9", "C3A961", "E4B8AD", "E4B8ADC3A9", "F09F9880", "F09F9880F09F9881", "EFBFBD", "EFBFBE", "EFBFBF", "F48FBFBF", "EE8080",
    "ED9FBF", "C280", "DFBF", "E0A080", "F0908080", "2261C3A95C",
  };
  world w = talk_start(&app);
  ds_socket socket = talk_greet(&w, "a");
  int64_t number = 0;
  for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) check_key(&w, socket, ++number, "add", kept[i], true);
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) check_key(&w, socket, ++number, "add", refused[i], false);
  talk_sql(&w, "DELETE FROM items WHERE id <> 'a'", "[]");
  world_turn(&w);
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) check_key(&w, socket, ++number, "change", refused[i], false);
  for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) check_key(&w, socket, ++number, "change", kept[i], true);
  world_free(&w);
}

static void a_long_key_is_looked_at_in_proportion_to_its_length(void) {
  world w = talk_start(&app);
  talk_sql(&w, "INSERT INTO items VALUES (replace(hex(zeroblob(20000)), '00', char(233)))", "[]");
  talk_sql(&w, "SELECT length(id) FROM items", "[[20000]]");
  world_free(&w);
}

const test keys_tests[] = {
  {"a key that is not UTF-8 is refused when it is written", a_key_that_is_not_utf_8_is_refused_when_it_is_written},
  {"a long key is looked at in proportion to its length", a_long_key_is_looked_at_in_proportion_to_its_length},
  {0},
};
