// SPDX-License-Identifier: MIT
// Cards of which every reader sees their own part, whole and in columns; the same cards for staff alone; notices for everybody. The fuzzers talk with it as people of all kinds.
#include "durasync.h"

// A number with a fraction becomes text in another way in each version of SQLite, and the cards are compared between two of them.
static void check_user(ds_action *action) {
  ds_require(action, "typeof($user) <> 'real'");
}

static void put_card(ds_action *action) {
  check_user(action);
  ds_run(action, "REPLACE INTO cards (id, owner, level, shared, text) VALUES (:id, $user, :level, ifnull(:shared, 0), :text)");
}

static void take_card(ds_action *action) {
  check_user(action);
  ds_run_found(action, "UPDATE cards SET owner = $user WHERE id = :id");
}

static void give_card(ds_action *action) {
  ds_run_found(action, "UPDATE cards SET owner = :to WHERE id = :id AND owner IS $user");
}

// Of somebody else in between, which is nobody's business but the last owner's.
static void pass_card(ds_action *action) {
  ds_run(action, "UPDATE cards SET owner = 'between', level = 9 WHERE id = :id");
  ds_run(action, "UPDATE cards SET owner = :to, level = 0 WHERE id = :id");
}

static void share_cards(ds_action *action) {
  ds_run(action, "UPDATE cards SET shared = 1 - shared WHERE owner IS $user");
}

static void raise_cards(ds_action *action) {
  ds_require(action, "$level >= 1");
  ds_run(action, "UPDATE cards SET level = level + :by WHERE id >= :id");
}

static void rename_card(ds_action *action) {
  ds_run_found(action, "UPDATE OR REPLACE cards SET id = :to WHERE id = :id");
}

static void drop_cards(ds_action *action) {
  ds_run(action, "DELETE FROM cards WHERE id = :id OR owner = :owner");
}

// More than a frame carries, if it is to be.
static void fill_cards(ds_action *action) {
  check_user(action);
  ds_run(action, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count) "
                 "REPLACE INTO cards (id, owner, text) SELECT :id || i, $user, printf('%.*c', :size, 'x') FROM n");
}

static void post_notice(ds_action *action) {
  ds_require(action, "$staff OR EXISTS (SELECT 1 FROM cards WHERE owner = $user AND shared)");
  ds_run(action, "INSERT INTO notices (text) VALUES (:text)");
  ds_result(action, ds_identity(action, "user"));
}

static void only_staff(ds_action *action) {
  ds_require(action, "$staff");
}

static const ds_field card[] = {{"id", DS_TEXT, .max = 20}, {"level", DS_INTEGER, .optional = true}, {"shared", DS_BOOLEAN, .optional = true}, {"text", DS_TEXT, .optional = true}, {0}};
static const ds_field one[] = {{"id", DS_TEXT}, {0}};
static const ds_field one_to[] = {{"id", DS_TEXT}, {"to", DS_TEXT, .max = 20}, {0}};
static const ds_field those_by[] = {{"id", DS_TEXT}, {"by", DS_INTEGER}, {0}};
static const ds_field those_of[] = {{"id", DS_TEXT, .optional = true}, {"owner", DS_TEXT, .optional = true}, {0}};
static const ds_field many[] = {{"id", DS_TEXT, .max = 20}, {"count", DS_INTEGER, .min = 1, .max = 60}, {"size", DS_INTEGER, .max = 20000}, {0}};
static const ds_field notice[] = {{"text", DS_TEXT, .max = 100}, {0}};

const ds_app durasync_app = {
  .channels =
    (const ds_channel[]){
      {.name = "cards", .where = "owner = $user OR shared = 1"},
      {.name = "titles", .table = "cards", .columns = (const char *const[]){"text", "id", NULL}, .where = "level <= $level AND owner IS NOT $user"},
      {.name = "staff", .table = "cards", .columns = (const char *const[]){"id", "owner", NULL}, .can_read = only_staff},
      {.name = "notices"},
      {0},
    },
  .migrations =
    (const ds_migration[]){
      {"CREATE TABLE cards (id TEXT PRIMARY KEY NOT NULL, owner TEXT, level INTEGER DEFAULT 0, shared INTEGER NOT NULL DEFAULT 0, text TEXT, deleted_at INTEGER) STRICT;"
       "CREATE TABLE notices (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT"},
      {0},
    },
  .actions =
    (const ds_action_type[]){
      {"cards", "put", put_card, card},
      {"cards", "take", take_card, one},
      {"cards", "give", give_card, one_to},
      {"cards", "pass", pass_card, one_to},
      {"cards", "share", share_cards, NULL},
      {"cards", "raise", raise_cards, those_by},
      {"cards", "rename", rename_card, one_to},
      {"cards", "drop", drop_cards, those_of},
      {"cards", "fill", fill_cards, many},
      {"notices", "post", post_notice, notice},
      {0},
    },
  .log_window = 12,
};
