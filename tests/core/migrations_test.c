// SPDX-License-Identifier: MIT
// docs/MIGRATIONS.md, rule by rule: what becomes of clients that were away, and of those that were not, when a new release changes the tables.
#include "../../src/json.h"
#include "../../src/trigger.h"
#include "talk.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

#define ITEMS "CREATE TABLE items (id TEXT PRIMARY KEY NOT NULL, a TEXT NOT NULL, n INTEGER) STRICT"
#define OTHERS "CREATE TABLE others (id TEXT PRIMARY KEY NOT NULL) STRICT"

static void always_fails(ds_action *action) {
  ds_run(action, "INSERT INTO items (id, a) VALUES ('start', 'x')");
  ds_reject(action, DS_REJECTED, "not today");
}

static const char *const id_and_a[] = {"id", "a", NULL};
static const ds_channel both[] = {{.name = "items"}, {.name = "others"}, {0}};
static const ds_channel renamed[] = {{.name = "items", .table = "things"}, {.name = "others"}, {0}};
static const ds_channel narrow[] = {{.name = "items", .columns = id_and_a}, {.name = "others"}, {0}};
static const ds_channel filtered[] = {{.name = "items", .where = "n > 1"}, {.name = "others"}, {0}};
static const ds_channel another_name[] = {{.name = "things", .table = "items"}, {.name = "others"}, {0}};

// A release, and what of it a client of the first one sees.
typedef struct release {
  const ds_channel *before; // the first release's channels; NULL for `both`
  const ds_channel *after;  // this one's; NULL for the same
  const char *migration;
  const char *write;        // what happens first under it
  const char *records;      // the records then
  bool fetched_anew;        // by those who had them
} release;

#define AS_JSON(columns, rest) "SELECT json_array(" columns ") FROM " rest " ORDER BY json_array(id)"

static const release releases[] = {
  {.migration = "ALTER TABLE items ADD COLUMN done INTEGER NOT NULL DEFAULT 0", .write = "INSERT INTO items VALUES ('3', 'z', 3, 1)",
   .records = AS_JSON("id, a, n, done", "items"), .fetched_anew = true},
  {.migration = "ALTER TABLE items DROP COLUMN n", .write = "INSERT INTO items VALUES ('3', 'z')", .records = AS_JSON("id, a", "items"), .fetched_anew = true},
  {.migration = "ALTER TABLE items RENAME COLUMN a TO title", .write = "UPDATE items SET title = 'w'", .records = AS_JSON("id, title, n", "items"), .fetched_anew = true},
  {.migration = "CREATE TABLE new (id TEXT PRIMARY KEY NOT NULL, a TEXT NOT NULL, n TEXT) STRICT; INSERT INTO new SELECT id, a, 'n' || n FROM items;"
                "DROP TABLE items; ALTER TABLE new RENAME TO items",
   .write = "DELETE FROM items WHERE id = '1'", .records = AS_JSON("id, a, n", "items"), .fetched_anew = true},
  {.migration = "ALTER TABLE items RENAME TO things", .after = renamed, .write = "INSERT INTO things VALUES ('3', 'z', 3)", .records = AS_JSON("id, a, n", "things"), .fetched_anew = true},
  {.migration = "UPDATE items SET a = upper(a)", .write = "INSERT INTO items VALUES ('3', 'z', 3)", .records = AS_JSON("id, a, n", "items"), .fetched_anew = true},
  {.migration = "CREATE INDEX by_a ON items (a); CREATE TABLE third (id)", .write = "DELETE FROM items WHERE id = '2'", .records = AS_JSON("id, a, n", "items")},
  // What clients do not see does not concern them.
  {.before = narrow, .migration = "ALTER TABLE items ADD COLUMN hidden TEXT", .write = "UPDATE items SET hidden = 'x'; UPDATE items SET a = 'w'",
   .records = AS_JSON("id, a", "items")},
  // Without a migration, too, a channel can be another.
  {.after = narrow, .migration = "CREATE TABLE third (id)", .write = "UPDATE items SET a = 'w'", .records = AS_JSON("id, a", "items"), .fetched_anew = true},
  {.after = filtered, .migration = "CREATE TABLE third (id)", .write = "UPDATE items SET n = 5 WHERE id = '1'", .records = AS_JSON("id, a, n", "items WHERE n > 1"),
   .fetched_anew = true},
};

static ds_app first_release(const ds_channel *channels) {
  static const ds_migration migrations[] = {{ITEMS ";" OTHERS}, {0}};
  return (ds_app){.channels = channels ? channels : both, .migrations = migrations};
}

// Three clients follow the first release: one keeps an old cache, one stays connected as an old tab, one follows what no migration touches.
static void try_release(const release *release) {
  ds_app first = first_release(release->before);
  world w = talk_start(&first);
  const char *before = release->before == narrow ? AS_JSON("id, a", "items") : AS_JSON("id, a, n", "items");
  follower away = follower_new("away", "items", before);
  follower tab = follower_new("tab", "items", before);
  follower other = follower_new("other", "others", AS_JSON("id", "others"));
  follower *all[] = {&away, &tab, &other};
  for (int i = 0; i < 3; i++) follower_come(&w, all[i]);
  talk_sql(&w, "INSERT INTO items VALUES ('1', 'x', 1), ('gone', 'y', 2)", "[]");
  talk_sql(&w, "INSERT INTO others VALUES ('1')", "[]");
  world_turn(&w);
  for (int i = 0; i < 3; i++) follower_listen(&w, all[i]), follower_check(&w, all[i]), all[i]->snapshots = 0;
  follower_go(&w, &away);
  follower_go(&w, &other);
  talk_sql(&w, "INSERT INTO items VALUES ('2', 'y', 2)", "[]");
  talk_sql(&w, "DELETE FROM items WHERE id = 'gone'", "[]");
  world_turn(&w);
  follower_listen(&w, &tab);

  ds_app next = first;
  next.channels = release->after ? release->after : first.channels;
  next.migrations = (const ds_migration[]){{ITEMS ";" OTHERS}, {release->migration}, {0}};
  w.app = &next;
  world_start(&w);
  CHECK(w.ready);
  talk_sql(&w, release->write, "[]");
  world_turn(&w);
  away.query = tab.query = release->records;
  follower_listen(&w, &tab);
  follower_come(&w, &away);
  follower_come(&w, &other);
  for (int i = 0; i < 3; i++) follower_check(&w, all[i]);
  if (away.snapshots != release->fetched_anew) test_fail(__FILE__, __LINE__, "%s", release->migration);
  CHECK_INT(tab.snapshots, release->fetched_anew);
  CHECK_INT(other.snapshots, 0);
  for (int i = 0; i < 3; i++) follower_free(all[i]);
  world_free(&w);
}

static void every_release_reaches_old_caches_and_old_tabs_and_nothing_is_fetched_without_need(void) {
  for (size_t i = 0; i < sizeof releases / sizeof *releases; i++) try_release(&releases[i]);
}

static void a_page_that_asks_for_a_channel_by_its_old_name_is_told_so_and_new_pages_go_on(void) {
  ds_app first = first_release(NULL);
  world w = talk_start(&first);
  ds_socket tab = talk_greet(&w, "tab");
  talk_send(&w, tab, "{\"type\":\"subscribe\",\"channel\":\"items\",\"cursor\":null}");
  world_turn(&w);
  talk_skip(&w, tab);
  ds_app next = first;
  next.channels = another_name;
  w.app = &next;
  world_start(&w);
  talk_sql(&w, "INSERT INTO items VALUES ('1', 'x', 1)", "[]");
  world_turn(&w);
  talk_hear_nothing(&w, tab);
  talk_send(&w, tab, "{\"type\":\"subscribe\",\"channel\":\"items\",\"cursor\":null}");
  world_turn(&w);
  talk_hear(&w, tab, "{\"type\":\"error\",\"code\":\"unknown_channel\"");
  follower page = follower_new("page", "things", AS_JSON("id, a, n", "items"));
  follower_come(&w, &page);
  follower_check(&w, &page);
  follower_free(&page);
  world_free(&w);
}

// A new tab knows a channel that the old object does not: it is told, and what it knows besides works.
static void a_page_newer_than_the_object_is_told_by_code(void) {
  ds_app first = first_release(NULL);
  first.version = 1;
  world w = talk_start(&first);
  ds_socket a = world_open(&w);
  talk_send(&w, a, "{\"type\":\"hello\",\"protocol\":2,\"client\":\"a\",\"app\":2}");
  world_turn(&w);
  talk_hear(&w, a, "{\"type\":\"error\",\"code\":\"app_too_new\"");
  talk_send(&w, a, "{\"type\":\"subscribe\",\"channel\":\"items\",\"cursor\":null}");
  world_turn(&w);
  talk_hear(&w, a, "{\"type\":\"error\",\"code\":\"hello_expected\"");
  ds_app next = first;
  next.version = next.min_version = 2;
  w.app = &next;
  world_start(&w);
  talk_send(&w, a, "{\"type\":\"hello\",\"protocol\":2,\"client\":\"a\",\"app\":2}");
  world_turn(&w);
  talk_hear(&w, a, "{\"type\":\"welcome\"");
  ds_socket old = world_open(&w);
  talk_send(&w, old, "{\"type\":\"hello\",\"protocol\":2,\"client\":\"b\",\"app\":1}");
  world_turn(&w);
  talk_hear(&w, old, "{\"type\":\"error\",\"code\":\"app_too_old\"");
  world_free(&w);
}

static void check_unavailable_and_untouched(world *w) {
  CHECK(!w->ready);
  ds_socket a = world_open(w);
  talk_send(w, a, "{\"type\":\"hello\",\"protocol\":2,\"client\":\"a\"}");
  world_turn(w);
  talk_hear(w, a, "{\"type\":\"error\",\"code\":\"unavailable\"");
  talk_sql(w, "SELECT * FROM items", "[[\"1\",\"x\",1]]");
  talk_sql(w, "SELECT migrations FROM durasync_meta", "[[1]]");
}

static void what_keeps_a_release_from_starting_leaves_the_object_as_it_was_until_another_comes(void) {
  const struct {
    const char *migration;
    ds_handler on_start;
    const ds_channel *channels;
    const char *logged;
  } cases[] = {
    {.migration = "ALTER TABLE items ADD COLUMN done INTEGER; INSERT INTO nowhere VALUES (1)", .logged = "a migration failed"},
    {.migration = "ALTER TABLE items ADD COLUMN done INTEGER", .on_start = always_fails, .logged = "the app could not start: not today"},
    {.migration = "ALTER TABLE items RENAME TO things", .logged = "channel \"items\": table \"items\" does not exist"}, // the channel still says the old name
    {.migration = "CREATE TABLE third (id REFERENCES items DEFERRABLE INITIALLY DEFERRED)", .logged = "DEFERRED"},
    {.migration = "DROP TABLE others; CREATE TABLE others (id)", .logged = "channel \"others\": table \"others\" has no primary key"},
    {.migration = "ALTER TABLE items DROP COLUMN n", .channels = (const ds_channel[]){{.name = "items", .columns = (const char *const[]){"id", "n", NULL}}, {0}}, .logged = "channel \"items\": table \"items\" lacks a declared column"},
    {.migration = "ALTER TABLE items DROP COLUMN n", .channels = filtered, .logged = "the `where` names n, which is no column of the table"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ds_app first = first_release(NULL);
    world w = talk_start(&first);
    follower away = follower_new("away", "items", AS_JSON("id, a, n", "items"));
    follower_come(&w, &away);
    follower_go(&w, &away);
    talk_sql(&w, "INSERT INTO items VALUES ('1', 'x', 1)", "[]");
    world_turn(&w);
    ds_app broken = first;
    if (cases[i].channels) broken.channels = cases[i].channels;
    broken.migrations = (const ds_migration[]){{ITEMS ";" OTHERS}, {cases[i].migration}, {0}};
    broken.on[DS_ON_START] = cases[i].on_start;
    w.app = &broken;
    world_start(&w);
    check_unavailable_and_untouched(&w);
    CHECK(strstr(sqlite_host_log(w.host), cases[i].logged));
    w.app = &first;
    world_start(&w);
    CHECK(w.ready);
    away.snapshots = 0;
    follower_come(&w, &away);
    follower_check(&w, &away);
    CHECK_INT(away.snapshots, 0);
    follower_free(&away);
    world_free(&w);
  }
}

// ---- Tables that others refer to

#define PARENTS "CREATE TABLE items (id TEXT PRIMARY KEY NOT NULL, a TEXT) STRICT;"
#define CHILDREN(action) "CREATE TABLE others (id TEXT PRIMARY KEY NOT NULL, item TEXT REFERENCES items (id) " action ")"
#define RETYPE \
  "CREATE TABLE new (id TEXT PRIMARY KEY NOT NULL, a INTEGER) STRICT; INSERT INTO new SELECT id, a FROM items;" \
  "DROP TABLE items; ALTER TABLE new RENAME TO items"

static void retypes(ds_action *action) {
  ds_run(action, "CREATE TABLE new (id TEXT PRIMARY KEY NOT NULL, a INTEGER) STRICT");
  ds_run(action, "INSERT INTO new SELECT id, a FROM items");
  ds_run(action, "DROP TABLE items");
  ds_run(action, "ALTER TABLE new RENAME TO items");
}

static void says_so_and_retypes(ds_action *action) {
  ds_run(action, "PRAGMA foreign_keys = OFF");
  ds_run(action, "DELETE FROM items");
  ds_run(action, "INSERT INTO items VALUES ('1', 7)");
  retypes(action);
}

static void says_so_and_fails(ds_action *action) {
  says_so_and_retypes(action);
  ds_reject(action, DS_REJECTED, "not today");
}

static ds_app family(const char *children, const ds_migration *further) {
  static ds_migration migrations[8];
  memset(migrations, 0, sizeof migrations);
  migrations[0] = (ds_migration){PARENTS};
  migrations[1] = (ds_migration){children};
  for (int i = 0; further && (further[i].sql || further[i].run); i++) migrations[2 + i] = further[i];
  return (ds_app){.channels = both, .migrations = migrations};
}

static world with_a_family(const char *children) {
  ds_app first = family(children, NULL);
  world w = talk_start(&first);
  talk_sql(&w, "INSERT INTO items VALUES ('1', '7')", "[]");
  talk_sql(&w, "INSERT INTO others VALUES ('child', '1')", "[]");
  world_turn(&w);
  return w;
}

static void a_table_that_is_made_again_keeps_what_refers_to_it(void) {
  const char *const children[] = {
    CHILDREN("ON DELETE CASCADE"), CHILDREN("ON DELETE SET NULL"), CHILDREN("ON DELETE RESTRICT"), CHILDREN(""),
  };
  const ds_migration ways[] = {
    {RETYPE}, {"\xEF\xBB\xBF-- So that it holds\nPragma main.FOREIGN_KEYS ( No );" RETYPE "; PRAGMA foreign_keys=ON;"}, {.run = retypes}, {.run = says_so_and_retypes},
  };
  for (size_t i = 0; i < sizeof children / sizeof *children; i++) {
    for (size_t j = 0; j < sizeof ways / sizeof *ways; j++) {
      world w = with_a_family(children[i]);
      ds_app next = family(children[i], (const ds_migration[]){{"ALTER TABLE others ADD COLUMN b"}, ways[j], {"UPDATE others SET b = 1"}, {0}});
      w.app = &next;
      world_start(&w);
      CHECK(w.ready);
      talk_sql(&w, "SELECT * FROM items", "[[\"1\",7]]");
      talk_sql(&w, "SELECT * FROM others", "[[\"child\",\"1\",1]]");
      talk_sql(&w, "PRAGMA foreign_keys", "[[1]]");
      talk_sql(&w, "SELECT migrations FROM durasync_meta", "[[5]]");
      world_free(&w);
    }
  }
}

#define REFILL "DELETE FROM items; INSERT INTO items VALUES ('1', '8')"

static void says_so_and_refills(ds_action *action) {
  ds_run(action, "pragma Foreign_Keys(off)");
  ds_run(action, "DELETE FROM items");
  ds_run(action, "INSERT INTO items VALUES ('1', '8')");
}

// Nothing but what it says tells that it needs them off: no key stops it, and no table is made again.
static void what_a_migration_says_of_foreign_keys_holds_while_it_runs(void) {
  const ds_migration ways[] = {
    {"PRAGMA foreign_keys = OFF;" REFILL}, {"PRAGMA foreign_keys='false';\r\n--> statement-breakpoint\r\n" REFILL},
    {.run = says_so_and_refills},
  };
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    world w = with_a_family(CHILDREN("ON DELETE CASCADE"));
    ds_app next = family(CHILDREN("ON DELETE CASCADE"), (const ds_migration[]){ways[i], {0}});
    w.app = &next;
    world_start(&w);
    CHECK(w.ready);
    talk_sql(&w, "SELECT * FROM others", "[[\"child\",\"1\"]]");
    talk_sql(&w, "PRAGMA foreign_keys", "[[1]]");
    world_free(&w);
  }
}

static void what_a_migration_leaves_without_its_parent_undoes_it_and_foreign_keys_are_on_again(void) {
  const struct {
    ds_migration migration;
    const char *logged;
  } cases[] = {
    {{"PRAGMA foreign_keys = 0; DELETE FROM items"}, "a migration failed: it leaves rows of others that refer to no row: FOREIGN KEY constraint failed (migration 3, migrations[2])"},
    {{RETYPE "; DELETE FROM items"}, "it leaves rows of others"},
    {{"DELETE FROM items"}, "it leaves rows of others"}, // the key stops it, and would stop the commit as well
    {{"PRAGMA foreign_keys = 0; " RETYPE "; INSERT INTO nowhere VALUES (1)"}, "nowhere (migration 3, migrations[2])"},
    {{.run = says_so_and_fails}, "a migration failed: not today (migration 3, migrations[2])"},
    {{"PRAGMA foreign_keys = 0; DROP TABLE others"}, "channel \"others\": table \"others\" does not exist"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    world w = with_a_family(CHILDREN("ON DELETE RESTRICT"));
    ds_app next = family(CHILDREN("ON DELETE RESTRICT"), (const ds_migration[]){cases[i].migration, {0}});
    w.app = &next;
    world_start(&w);
    CHECK(!w.ready);
    if (!strstr(sqlite_host_log(w.host), cases[i].logged)) test_fail(__FILE__, __LINE__, "%s", sqlite_host_log(w.host));
    talk_sql(&w, "SELECT * FROM items", "[[\"1\",\"7\"]]");
    talk_sql(&w, "SELECT * FROM others", "[[\"child\",\"1\"]]");
    talk_sql(&w, "PRAGMA foreign_keys", "[[1]]");
    ds_app first = family(CHILDREN("ON DELETE RESTRICT"), NULL);
    w.app = &first;
    world_start(&w);
    CHECK(w.ready);
    world_free(&w);
  }
}

static void what_had_no_parent_before_a_migration_is_not_held_against_it(void) {
  world w = with_a_family(CHILDREN(""));
  talk_sql(&w, "PRAGMA foreign_keys = OFF", "[]");
  talk_sql(&w, "INSERT INTO others VALUES ('orphan', 'nobody')", "[]");
  talk_sql(&w, "PRAGMA foreign_keys = ON", "[]");
  ds_app next = family(CHILDREN(""), (const ds_migration[]){{"PRAGMA foreign_keys = OFF;" RETYPE}, {0}});
  w.app = &next;
  world_start(&w);
  CHECK(w.ready);
  talk_sql(&w, "SELECT count(*) FROM others", "[[2]]");
  world_free(&w);
}

// ---- Texts

static void a_migration_is_run_whatever_stands_around_its_statements(void) {
  static const ds_migration migrations[] = {
    {"-- first\n" ITEMS ";\r\n-- last"}, {""}, {"/* nothing */"}, {" ;; "},
    {"\xEF\xBB\xBF" OTHERS " ; ; /* open"}, {"CREATE TABLE third (id); -- 'open"}, {0},
  };
  ds_app app = {.channels = both, .migrations = migrations};
  world w = talk_start(&app);
  CHECK(w.ready);
  talk_sql(&w, "SELECT migrations, (SELECT count(*) FROM third) FROM durasync_meta", "[[6,0]]");
  world_free(&w);
}

static const char *changed = "a migration has changed since it ran: what it did stays; add another one instead (migration 2, migrations[1])";

// Whether what ran as `before` is said to have changed when it is `after`.
static bool is_said_to_have_changed(const char *before, const char *after) {
  ds_app first = {.channels = both, .migrations = (const ds_migration[]){{ITEMS ";" OTHERS}, {before}, {0}}};
  world w = talk_start(&first);
  ds_app next = first;
  next.migrations = (const ds_migration[]){{ITEMS ";" OTHERS}, {after}, {0}};
  w.app = &next;
  world_start(&w);
  CHECK(w.ready);
  bool said = strstr(sqlite_host_log(w.host), changed) != NULL;
  world_free(&w);
  return said;
}

static void a_migration_that_has_changed_since_it_ran_is_said_by_its_number(void) {
  const char *before = "CREATE TABLE third (id TEXT, n INT DEFAULT 'a  b'); INSERT INTO third (id) VALUES ('x -- y')";
  CHECK(!is_said_to_have_changed(before, "create table THIRD(ID text,\n\tn int default 'a  b')\n;; /* c */ insert into third(id) values('x -- y'); -- d"));
  CHECK(is_said_to_have_changed(before, "CREATE TABLE third (id TEXT, n INT DEFAULT 'a b'); INSERT INTO third (id) VALUES ('x -- y')"));
  CHECK(is_said_to_have_changed(before, "CREATE TABLE third (id TEXT, n INT DEFAULT 'a  b'); INSERT INTO third (id) VALUES ('X -- y')"));
  CHECK(is_said_to_have_changed(before, "CREATE TABLE third (id TEXT, n INT DEFAULT 'a  b')"));
  CHECK(is_said_to_have_changed(before, "CREATE TABLE third (id TEXT, n INT DEFAULT 'a  b') INSERT INTO third (id) VALUES ('x -- y')"));
  CHECK(!is_said_to_have_changed("", "-- nothing"));
}

// The bookkeeping of the release before the hashes.
static const char *older[] = {
  "CREATE TABLE meta AS SELECT id, epoch, migrations, installed, generations, touched FROM durasync_meta", "DROP TABLE durasync_meta",
  "CREATE TABLE durasync_meta (id INTEGER PRIMARY KEY CHECK (id = 1), epoch TEXT NOT NULL, migrations INTEGER NOT NULL, "
  "installed TEXT NOT NULL, generations TEXT NOT NULL, touched INTEGER NOT NULL) STRICT",
  "INSERT INTO durasync_meta SELECT * FROM meta", "DROP TABLE meta",
};

static void an_object_that_kept_no_hashes_is_not_judged_and_keeps_them_from_then_on(void) {
  ds_app first = first_release(NULL);
  world w = talk_start(&first);
  follower away = follower_new("away", "items", AS_JSON("id, a, n", "items"));
  follower_come(&w, &away);
  follower_go(&w, &away);
  for (size_t i = 0; i < sizeof older / sizeof *older; i++) talk_sql(&w, older[i], "[]");
  ds_app next = first;
  next.migrations = (const ds_migration[]){{OTHERS ";" ITEMS}, {0}};
  w.app = &next;
  world_start(&w);
  CHECK(w.ready);
  CHECK(!strstr(sqlite_host_log(w.host), "changed"));
  away.snapshots = 0;
  follower_come(&w, &away);
  CHECK_INT(away.snapshots, 0);
  w.app = &first;
  world_start(&w);
  CHECK(w.ready);
  CHECK(strstr(sqlite_host_log(w.host), "a migration has changed since it ran"));
  talk_sql(&w, "UPDATE durasync_meta SET hashes = 'no JSON'", "[]");
  world_start(&w);
  CHECK(w.ready);
  follower_free(&away);
  world_free(&w);
}

static const char *const abc[] = {"a", "b", "c", NULL};

// One table of each kind that the triggers tell apart: whole, with a key that may be NULL and is of two columns, a part of one, and one whose readers see rows of their own.
static const ds_app every_kind = {
  .channels =
    (const ds_channel[]){
      {.name = "whole"}, {.name = "keyed", .columns = abc}, {.name = "part", .table = "keyed", .columns = abc, .where = "c > 0"},
      {.name = "own", .table = "whole", .where = "owner = $user"}, {0},
    },
  .migrations =
    (const ds_migration[]){
      {"CREATE TABLE whole (id INTEGER PRIMARY KEY, owner TEXT, n REAL, bytes BLOB, what ANY) STRICT;"
       "CREATE TABLE keyed (a TEXT, b, c INT, hidden, PRIMARY KEY (b, a))"},
      {0},
    },
};

static ds_view triggers_of(world *w) {
  return ds_view_of(world_query(w, "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' OR name GLOB 'durasync_log_*' ORDER BY name"));
}

// An object that wakes compares its tables and DS_TRIGGERS_FORMAT with what its triggers were made of, not their text. If this fails, triggers are made otherwise than they were: raise
// DS_TRIGGERS_FORMAT, without which objects that have theirs would keep them, and put the new pair here.
static void the_triggers_format_is_another_when_the_triggers_are(void) {
  world w = talk_start(&every_kind);
  ds_view triggers = triggers_of(&w);
  ds_arena *arena = ds_arena_new();
  CHECK_INT(DS_TRIGGERS_FORMAT, 5);
  CHECK_TEXT(ds_hash(arena, triggers), "7f83f591e10204e0");
  ds_arena_free(arena);
  free((void *)(uintptr_t)triggers.at);
  world_free(&w);
}

static void triggers_of_another_format_are_made_anew_and_nobody_fetches_for_it(void) {
  world w = talk_start(&every_kind);
  follower away = follower_new("away", "whole", "SELECT json_array(id, owner, n, bytes, what) FROM whole ORDER BY json_array(id)");
  follower_come(&w, &away);
  follower_go(&w, &away);
  ds_view triggers = triggers_of(&w);
  talk_sql(&w, "DROP TRIGGER durasync_insert_whole", "[]");
  talk_sql(&w, "CREATE TRIGGER durasync_insert_whole AFTER INSERT ON whole BEGIN SELECT 1; END", "[]");
  talk_sql(&w, "UPDATE durasync_meta SET installed = 'another'", "[]");
  world_start(&w);
  ds_view anew = triggers_of(&w);
  CHECK(ds_view_equal(triggers, anew));
  talk_sql(&w, "INSERT INTO whole (id, n) VALUES (1, 0.5)", "[]");
  world_turn(&w);
  away.snapshots = 0;
  follower_come(&w, &away);
  follower_check(&w, &away);
  CHECK_INT(away.snapshots, 0);
  free((void *)(uintptr_t)triggers.at);
  free((void *)(uintptr_t)anew.at);
  follower_free(&away);
  world_free(&w);
}

// Without a migration, in the app's own start for instance, and seen by no client, so that nothing but the table's description tells of it.
static void a_column_that_came_without_a_migration_is_noted_when_it_changes(void) {
  world w = talk_start(&every_kind);
  talk_sql(&w, "ALTER TABLE keyed ADD COLUMN further", "[]");
  talk_sql(&w, "INSERT INTO keyed VALUES ('x', 1, 1, NULL, NULL)", "[]");
  world_start(&w);
  world_turn(&w);
  talk_sql(&w, "SELECT count(*) FROM durasync_log_part", "[[1]]");
  talk_sql(&w, "UPDATE keyed SET further = 2", "[]");
  talk_sql(&w, "SELECT count(*) FROM durasync_log_part", "[[3]]"); // it left, and it entered
  world_free(&w);
}

const test migrations_tests[] = {
  {"every release reaches old caches and old tabs, and nothing is fetched without need", every_release_reaches_old_caches_and_old_tabs_and_nothing_is_fetched_without_need},
  {"a page that asks for a channel by its old name is told so, and new pages go on", a_page_that_asks_for_a_channel_by_its_old_name_is_told_so_and_new_pages_go_on},
  {"a page newer than the object is told by code", a_page_newer_than_the_object_is_told_by_code},
  {"what keeps a release from starting leaves the object as it was, until another comes", what_keeps_a_release_from_starting_leaves_the_object_as_it_was_until_another_comes},
  {"a table that is made again keeps what refers to it", a_table_that_is_made_again_keeps_what_refers_to_it},
  {"what a migration says of foreign keys holds while it runs", what_a_migration_says_of_foreign_keys_holds_while_it_runs},
  {"what a migration leaves without its parent undoes it, and foreign keys are on again", what_a_migration_leaves_without_its_parent_undoes_it_and_foreign_keys_are_on_again},
  {"what had no parent before a migration is not held against it", what_had_no_parent_before_a_migration_is_not_held_against_it},
  {"a migration is run whatever stands around its statements", a_migration_is_run_whatever_stands_around_its_statements},
  {"a migration that has changed since it ran is said by its number", a_migration_that_has_changed_since_it_ran_is_said_by_its_number},
  {"an object that kept no hashes is not judged, and keeps them from then on", an_object_that_kept_no_hashes_is_not_judged_and_keeps_them_from_then_on},
  {"the triggers' format is another when the triggers are", the_triggers_format_is_another_when_the_triggers_are},
  {"triggers of another format are made anew, and nobody fetches for it", triggers_of_another_format_are_made_anew_and_nobody_fetches_for_it},
  {"a column that came without a migration is noted when it changes", a_column_that_came_without_a_migration_is_noted_when_it_changes},
  {0},
};
