// SPDX-License-Identifier: MIT
// Channels that show every reader rows of their own: what enters and leaves a reader's sight, and that nothing else is ever heard of.
#include "../../src/limits.h"
#include "talk.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE "CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, owner TEXT, shared INTEGER NOT NULL DEFAULT 0, text TEXT, hidden, level REAL)"
#define MINE "owner = $user OR shared >= $level"

static const ds_app personal_app = {
  .channels =
    (const ds_channel[]){
      {.name = "notes", .where = MINE},
      {.name = "titles", .table = "notes", .columns = (const char *const[]){"text", "id", NULL}, .where = "\"Owner\" IS $user AND hidden IS NULL"},
      {.name = "all", .table = "notes"},
      {0},
    },
  .migrations = (const ds_migration[]){{TABLE}, {0}},
  .log_window = 16,
};

#define NOTES(user, level) \
  "SELECT json_array(id, owner, shared, text, hidden, level) FROM notes WHERE owner = " user " OR shared >= " level " ORDER BY json_array(id)"
#define TITLES(user) "SELECT json_array(text, id) FROM notes WHERE owner IS " user " AND hidden IS NULL ORDER BY json_array(id)"

// ---- Four who read

typedef struct party {
  world w;
  follower ann, bob, guest, ann_titles, nobody_titles, all;
} party;

static follower reader(const char *client, const char *identity, const char *channel, const char *query) {
  follower f = follower_new(client, channel, query);
  f.identity = identity;
  return f;
}

static party party_new(void) {
  party p = {
    .w = talk_start(&personal_app),
    .ann = reader("ann", "{\"user\":\"ann\",\"level\":9,\"more\":1}", "notes", NOTES("'ann'", "9")),
    .bob = reader("bob", "{\"level\":1,\"user\":\"bob\"}", "notes", NOTES("'bob'", "1")),
    .guest = reader("guest", NULL, "notes", NOTES("NULL", "NULL")),
    .ann_titles = reader("ann-titles", "{\"user\":\"ann\"}", "titles", TITLES("'ann'")),
    .nobody_titles = reader("nobody", "{}", "titles", TITLES("NULL")),
    .all = reader("all", "{\"user\":\"ann\"}", "all", "SELECT json_array(id, owner, shared, text, hidden, level) FROM notes ORDER BY json_array(id)"),
  };
  return p;
}

#define EACH(p) {&(p)->ann, &(p)->bob, &(p)->guest, &(p)->ann_titles, &(p)->nobody_titles, &(p)->all}

static void come_all(party *p) {
  follower *const each[] = EACH(p);
  for (size_t i = 0; i < sizeof each / sizeof *each; i++) follower_come(&p->w, each[i]);
}

static void check_all(party *p) {
  follower *const each[] = EACH(p);
  world_turn(&p->w);
  for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
    if (each[i]->socket < 0) continue;
    follower_listen(&p->w, each[i]);
    follower_check(&p->w, each[i]);
  }
}

static void party_free(party *p) {
  follower *const each[] = EACH(p);
  for (size_t i = 0; i < sizeof each / sizeof *each; i++) follower_free(each[i]);
  world_free(&p->w);
}

// The next frame that a reader gets must hold `part`; NULL for no frame at all.
static void hear(party *p, follower *f, const char *part) {
  ds_view frame = world_receive(&p->w, f->socket);
  if (!part) CHECK_VIEW(frame, (ds_view){0});
  else if (!frame.at || !strstr(frame.at, part)) test_fail(__FILE__, __LINE__, "`%s` is not in %s", part, frame.at ? frame.at : "nothing");
  if (frame.at) replica_hear(&f->replica, frame);
  CHECK(!f->replica.gap); // whatever passed by without concerning them is nothing they missed
  free((char *)frame.at);
}

static void write_sql(party *p, const char *sql) {
  talk_sql(&p->w, sql, "[]");
  world_turn(&p->w);
}

// ---- What is heard

static void rows_enter_and_leave_a_readers_sight(void) {
  party p = party_new();
  come_all(&p);
  write_sql(&p, "INSERT INTO notes (id, owner, text) VALUES ('1', 'ann', 'a')");
  hear(&p, &p.ann, "\"put\":[[\"1\",\"ann\",0,\"a\",null,null]]");
  hear(&p, &p.bob, NULL);
  hear(&p, &p.guest, NULL);
  hear(&p, &p.ann_titles, "\"put\":[[\"a\",\"1\"]]");
  hear(&p, &p.nobody_titles, NULL);
  write_sql(&p, "UPDATE notes SET text = 'b'");
  hear(&p, &p.ann, "\"set\":[{\"columns\":[3],\"rows\":[[\"1\",\"b\"]]}]");
  hear(&p, &p.bob, NULL);
  write_sql(&p, "UPDATE notes SET owner = 'bob'");
  hear(&p, &p.ann, "\"del\":[[\"1\"]]");
  hear(&p, &p.bob, "\"put\":[[\"1\",\"bob\",0,\"b\",null,null]]");
  hear(&p, &p.guest, NULL);
  write_sql(&p, "UPDATE notes SET shared = 9");
  hear(&p, &p.ann, "\"put\":[[\"1\",\"bob\",9,\"b\",null,null]]");
  hear(&p, &p.bob, "\"set\"");
  hear(&p, &p.guest, NULL);
  write_sql(&p, "DELETE FROM notes");
  hear(&p, &p.ann, "\"del\":[[\"1\"]]");
  hear(&p, &p.bob, "\"del\":[[\"1\"]]");
  hear(&p, &p.guest, NULL);
  party_free(&p);
}

static void several_changes_of_a_turn_are_one_net_change_for_each(void) {
  party p = party_new();
  come_all(&p);
  talk_sql(&p.w, "INSERT INTO notes (id, owner) VALUES ('1', 'bob')", "[]");
  talk_sql(&p.w, "UPDATE notes SET owner = 'ann'", "[]");
  write_sql(&p, "UPDATE notes SET owner = 'cid'");
  hear(&p, &p.guest, NULL);
  check_all(&p);
  talk_sql(&p.w, "UPDATE notes SET id = '2'", "[]");
  talk_sql(&p.w, "UPDATE notes SET owner = 'ann'", "[]");
  write_sql(&p, "UPDATE notes SET text = 'x'");
  hear(&p, &p.ann, "\"put\":[[\"2\",\"ann\",0,\"x\",null,null]]");
  hear(&p, &p.bob, NULL);
  check_all(&p);
  party_free(&p);
}

static void a_hidden_column_that_decides_is_watched_and_one_that_does_not_is_silent(void) {
  party p = party_new();
  come_all(&p);
  write_sql(&p, "INSERT INTO notes (id, owner, text) VALUES ('1', 'ann', 'a')");
  check_all(&p);
  write_sql(&p, "UPDATE notes SET level = 2.5");
  hear(&p, &p.ann_titles, NULL);
  hear(&p, &p.ann, "\"set\"");
  write_sql(&p, "UPDATE notes SET hidden = x'00'");
  hear(&p, &p.ann_titles, "\"del\":[[\"1\"]]");
  write_sql(&p, "UPDATE notes SET hidden = NULL, owner = NULL");
  hear(&p, &p.ann_titles, NULL);
  hear(&p, &p.nobody_titles, "\"put\":[[\"a\",\"1\"]]");
  party_free(&p);
}

static void sockets_that_read_alike_share_one_frame_and_strangers_cost_one_question(void) {
  party p = party_new();
  follower_come(&p.w, &p.ann);
  follower_come(&p.w, &p.bob);
  write_sql(&p, "INSERT INTO notes (id, owner) VALUES ('0', 'ann')");
  int64_t before = p.w.host->call_count;
  write_sql(&p, "INSERT INTO notes (id, owner) VALUES ('1', 'ann')");
  int64_t two_readers = p.w.host->call_count - before;
  for (int i = 0; i < 40; i++) {
    char client[20], identity[60];
    snprintf(client, sizeof client, "c%d", i);
    snprintf(identity, sizeof identity, i % 2 ? "{\"user\":\"ann\",\"level\":9}" : "{\"user\":\"u%d\",\"level\":9}", i);
    ds_socket socket = talk_greet_as(&p.w, client, identity);
    talk_send(&p.w, socket, "{\"type\":\"subscribe\",\"channel\":\"notes\",\"cursor\":null}");
  }
  world_turn(&p.w);
  before = p.w.host->call_count;
  write_sql(&p, "INSERT INTO notes (id, owner) VALUES ('2', 'ann')");
  CHECK_INT(p.w.host->call_count - before, two_readers);
  party_free(&p);
}

// ---- Away and asleep

static void somebody_away_learns_what_left_their_sight_and_nothing_of_what_never_was_in_it(void) {
  party p = party_new();
  come_all(&p);
  write_sql(&p, "INSERT INTO notes (id, owner) VALUES ('stays', 'ann'), ('leaves', 'ann'), ('deleted', 'ann'), ('secret', 'bob'), ('enters', 'bob')");
  check_all(&p);
  follower_go(&p.w, &p.ann);
  talk_sql(&p.w, "UPDATE notes SET owner = 'bob' WHERE id = 'leaves'", "[]");
  talk_sql(&p.w, "UPDATE notes SET text = 'x' WHERE id = 'leaves'", "[]");
  talk_sql(&p.w, "DELETE FROM notes WHERE id IN ('deleted', 'secret')", "[]");
  talk_sql(&p.w, "UPDATE notes SET owner = 'ann' WHERE id = 'enters'", "[]");
  world_turn(&p.w);
  world_start(&p.w);
  p.ann.socket = talk_greet_as(&p.w, "ann", p.ann.identity);
  ds_view cursor = replica_cursor(&p.ann.replica);
  talk_send(&p.w, p.ann.socket, "{\"type\":\"subscribe\",\"channel\":\"notes\",\"cursor\":%.*s}", (int)cursor.size, cursor.at);
  world_turn(&p.w);
  ds_view frame = world_receive(&p.w, p.ann.socket);
  CHECK(frame.at && strstr(frame.at, "\"type\":\"patch\"") && !strstr(frame.at, "secret") && strstr(frame.at, "leaves"));
  replica_hear(&p.ann.replica, frame);
  free((char *)frame.at);
  follower_check(&p.w, &p.ann);
  party_free(&p);
}

static void a_cursor_is_of_no_use_to_another_reader(void) {
  party p = party_new();
  follower_come(&p.w, &p.ann);
  write_sql(&p, "INSERT INTO notes (id, owner) VALUES ('1', 'ann')");
  follower_listen(&p.w, &p.ann);
  follower_go(&p.w, &p.ann);
  p.ann.identity = "{\"user\":\"bob\",\"level\":1}";
  p.ann.query = p.bob.query;
  p.ann.snapshots = 0;
  follower_come(&p.w, &p.ann);
  CHECK_INT(p.ann.snapshots, 1);
  follower_check(&p.w, &p.ann);
  party_free(&p);
}

static void a_reader_whom_nothing_concerns_can_still_resume_after_the_log_was_cut(void) {
  party p = party_new();
  follower_come(&p.w, &p.ann);
  follower_come(&p.w, &p.bob);
  write_sql(&p, "INSERT INTO notes (id, owner) VALUES ('hers', 'ann')");
  for (int i = 0; i < 100; i++) {
    char sql[80];
    snprintf(sql, sizeof sql, "INSERT INTO notes (id, owner) VALUES ('%d', 'bob')", i);
    write_sql(&p, sql);
  }
  check_all(&p);
  follower_go(&p.w, &p.ann);
  p.ann.snapshots = 0;
  follower_come(&p.w, &p.ann);
  CHECK_INT(p.ann.snapshots, 0);
  follower_check(&p.w, &p.ann);
  party_free(&p);
}

static void news_after_a_gap_is_not_taken_for_the_answer_to_it(void) {
  party p = party_new();
  follower_come(&p.w, &p.ann);
  follower_come(&p.w, &p.bob);
  CHECK_INT(p.ann.replica.version, 0);
  write_sql(&p, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) INSERT INTO notes (id, owner, text) SELECT i, 'ann', hex(zeroblob(500)) FROM n");
  free((char *)world_receive(&p.w, p.ann.socket).at);
  world_start(&p.w);
  // What she asks is still on its way: a client takes the change that goes on exactly from its cursor for the answer.
  write_sql(&p, "UPDATE notes SET text = NULL WHERE id > '1'");
  ds_view news = world_receive(&p.w, p.ann.socket);
  CHECK(news.at && strstr(news.at, "\"from\":-1"));
  free((char *)news.at);
  party_free(&p);
}

// ---- Anything

static void any_writes_leave_every_reader_with_their_rows(void) {
  static const char *const writes[] = {
    "INSERT OR IGNORE INTO notes (id, owner, shared) VALUES ('%u', '%s', %u)",
    "INSERT OR REPLACE INTO notes (id, owner, shared, text) VALUES ('%u', '%s', %u, 'r')",
    "UPDATE notes SET owner = iif(%u > 4, NULL, '%s') WHERE shared = %u",
    "UPDATE notes SET text = '%u', shared = shared + 1 WHERE owner = '%s' AND shared < %u",
    "UPDATE OR REPLACE notes SET id = '%u' WHERE owner = '%s' AND shared = %u AND rowid = (SELECT max(rowid) FROM notes)",
    "UPDATE OR IGNORE notes SET id = '%u', hidden = iif(hidden IS NULL, 1, NULL) WHERE owner = '%s' AND shared > %u",
    "UPDATE notes SET shared = 0 WHERE id = '%u' OR owner = '%s' AND shared > %u",
    "DELETE FROM notes WHERE id = '%u' OR owner = '%s' AND shared = %u",
  };
  static const char *const users[] = {"ann", "bob", "cid"};
  for (uint64_t seed = 1; seed <= 12; seed++) {
    party p = party_new();
    follower *const each[] = EACH(&p);
    uint64_t chance = seed;
    for (int step = 0; step < 150; step++) {
      for (uint32_t count = talk_random(&chance, 4); count > 0; count--) {
        char sql[300];
        const char *format = writes[talk_random(&chance, sizeof writes / sizeof *writes)];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(sql, sizeof sql, format, talk_random(&chance, 9), users[talk_random(&chance, 3)], talk_random(&chance, 11));
#pragma GCC diagnostic pop
        CHECK_INT(sqlite3_exec(p.w.host->database, sql, NULL, NULL, NULL), SQLITE_OK);
      }
      check_all(&p);
      follower *one = each[talk_random(&chance, 6)];
      if (one->socket < 0) follower_come(&p.w, one);
      else if (talk_random(&chance, 3) == 0) follower_go(&p.w, one);
      if (talk_random(&chance, 20) == 0) world_start(&p.w);
    }
    party_free(&p);
  }
}

// ---- Version 1

static void version_1_sees_the_readers_rows_and_no_ids_of_others(void) {
  party p = party_new();
  talk_sql(&p.w, "ALTER TABLE notes ADD COLUMN deleted_at INTEGER", "[]");
  world_start(&p.w);
  ds_socket ann = world_open(&p.w);
  ds_view identity = DS_LITERAL("{\"identity\":{\"user\":\"ann\",\"level\":9}}");
  sqlite_host_attach(p.w.host, ann, identity);
  write_sql(&p, "INSERT INTO notes (id, owner) VALUES ('hers', 'ann'), ('his', 'bob')");
  talk_send(&p.w, ann, "{\"channel\":\"notes\",\"sync\":true}");
  world_turn(&p.w);
  talk_hear(&p.w, ann, "{\"channel\":\"notes\",\"sync\":true,\"payload\":[[\"hers\",\"ann\",0,null,null,null,null]]}");
  write_sql(&p, "UPDATE notes SET owner = 'cid'; ");
  talk_hear(&p.w, ann, "{\"broadcast\":true,\"channel\":\"notes\",\"type\":\"update\",\"payload\":[[\"hers\",null,null,null,null,null,1700000000000]]}");
  write_sql(&p, "INSERT INTO notes (id, owner) VALUES ('his 2', 'bob')");
  write_sql(&p, "DELETE FROM notes");
  talk_hear_nothing(&p.w, ann);
  talk_send(&p.w, ann, "{\"channel\":\"notes\",\"sync\":true,\"from\":1}");
  world_turn(&p.w);
  talk_hear(&p.w, ann, "{\"channel\":\"notes\",\"sync\":true,\"payload\":[[\"hers\",null,null,null,null,null,1700000000000]]}");
  party_free(&p);
}

// ---- What cannot be asked

static void check_refused(const char *table, const char *where, const char *why) {
  ds_app app = {
    .channels = (const ds_channel[]){{.name = "notes", .where = where}, {0}},
    .migrations = (const ds_migration[]){{table}, {0}},
  };
  world w = world_new(&app, ":memory:");
  world_start(&w);
  CHECK(!w.ready);
  if (!strstr(sqlite_host_log(w.host), why)) test_fail(__FILE__, __LINE__, "`%s` is not in the log: %s", why, sqlite_host_log(w.host));
  world_free(&w);
}

static void a_where_that_cannot_be_asked_is_refused_at_the_start(void) {
  check_refused(TABLE, "rowid = $user", "is asked for its rowid");
  check_refused(TABLE, "owner = $user AND", "syntax error");
  check_refused(TABLE, "owner = $user AND absent", "names absent, which is no column");
  check_refused("CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, owner TEXT COLLATE NOCASE)", "owner = $user", "COLLATE");
  _Static_assert(DS_MAX_MEMBERS == 16, "one more is asked for here");
  check_refused(TABLE, "owner IN ($a,$b,$c,$d,$e,$f,$g,$h,$i,$j,$k,$l,$m,$n,$o,$p,$q)", "more than 16 different members");
}

// ---- What is not sound

#define SOUND_TABLE \
  "CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, owner TEXT, n INTEGER, \"from\"\"x\" TEXT, \"select\" INT, \"current_date\" TEXT, text TEXT);" \
  "CREATE TABLE other (id TEXT PRIMARY KEY)"

static void a_where_that_is_not_sound_is_refused_at_the_start_by_name_and_reason(void) {
  static const char *const refused[][2] = {
    // The clock, chance, and what the connection did before.
    {"n > unixepoch()", "calls unixepoch()"}, {"n > UnixEpoch ('now')", "calls UnixEpoch()"}, {"text > date('now')", "calls date()"},
    {"text > strftime('%s')", "calls strftime()"}, {"text > datetime(n, 'n' || 'ow')", "calls datetime()"}, {"n > julianday(text)", "calls julianday()"},
    {"text < CURRENT_TIMESTAMP", "has CURRENT_TIMESTAMP"}, {"text < current_date", "has current_date"}, {"random() % 2", "calls random()"},
    {"\"random\"() % 2", "calls \"random\"()"}, {"randomblob(1) > n", "calls randomblob()"}, {"changes() = 1", "calls changes()"},
    {"total_changes ( ) = n", "calls total_changes()"}, {"last_insert_rowid() = n", "calls last_insert_rowid()"}, {"timediff(text, text) > n", "calls timediff()"},
    // More than the row.
    {"id IN (SELECT id FROM other)", "has SELECT"}, {"EXISTS (SELECT 1 FROM other)", "has EXISTS"}, {"id IN other", "has a subquery in other"},
    {"id IN (VALUES ('a'))", "has VALUES"}, {"n = (/* hidden */ select max(n) FROM notes)", "has select"}, {"max(n) = 1", "misuse of aggregate"},
    {"count(*) > 1", "calls count()"}, {"sum(n) OVER () > 1", "calls sum()"}, {"n IN json_each(text)", "calls json_each()"},
    // Names that are no columns, and columns that are said otherwise than by their name alone.
    {"\"ownr\" = 'ann'", "names \"ownr\""}, {"owner = \"ann\"", "names \"ann\""}, {"[absent] = 1", "names [absent]"}, {"`absent` = 1", "names `absent`"},
    {"\"from\"\"y\" = 1", "names \"from\"\"y\""}, {"notes.owner = $user", "says of which table notes is"}, {"notes . owner = 'ann'", "says of which table notes is"},
    {"t.owner = 'ann'", "says of which table t is"}, {"NEW.owner = 'ann'", "says of which table NEW is"}, {"\"old\".owner = $user", "says of which table \"old\" is"},
    {"main.notes.owner = 'ann'", "says of which table main is"}, {"rowid = 1", "is asked for its rowid by rowid"}, {"oid = $user", "is asked for its rowid by oid"},
    {"\"_ROWID_\" = 1", "is asked for its rowid"}, {"durasync_key = 'x'", "names durasync_key"}, {"RAISE(IGNORE)", "has RAISE"},
    // What the app cannot bind, and what would reach beyond the brackets that it stands in.
    {"owner = :user", "asks for :user"}, {"owner = @user", "asks for @user"}, {"owner = ?1", "has ?"}, {"n = 1) OR (1 = 1", "closes a bracket"},
    {"(n = 1", "opens a bracket"}, {"owner = 'ann", "has a quote"}, {"owner = 'it''", "has a quote"}, {"\"owner = 1", "has a quote"}, {"n = 1; SELECT 1", "has ;"},
    {"n = ", "syntax error"},
  };
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    check_refused(SOUND_TABLE, refused[i][0], refused[i][1]);
    check_refused(SOUND_TABLE, refused[i][0], "channel \"notes\": ");
  }
}

// Each is asked of a row in all the ways that there are: by a trigger or the log, in a page and in a patch.
static void check_sound(const char *where, bool member) {
  const ds_app app = {
    .channels = (const ds_channel[]){{.name = "notes", .where = where}, {0}},
    .migrations = (const ds_migration[]){{SOUND_TABLE}, {0}},
  };
  world w = talk_start(&app);
  if (!w.ready) test_fail(__FILE__, __LINE__, "`%s` is refused: %s", where, sqlite_host_log(w.host));
  follower f = reader("ann", "{\"user\":\"ann\"}", "notes", member ? "SELECT json_array(id, owner, n, \"from\"\"x\", \"select\", \"current_date\", text) FROM notes" : "SELECT 1 WHERE 0");
  follower_come(&w, &f);
  talk_sql(&w, "INSERT INTO notes VALUES ('a', 'ann', 5, 'x', 1, 'y', '{\"open\":1}')", "[]");
  world_turn(&w);
  follower_listen(&w, &f);
  follower_check(&w, &f);
  talk_sql(&w, "UPDATE notes SET n = 6", "[]");
  world_turn(&w);
  follower_listen(&w, &f);
  follower_check(&w, &f);
  talk_sql(&w, "DELETE FROM notes", "[]");
  world_turn(&w);
  follower_listen(&w, &f);
  follower_check(&w, &f);
  follower_free(&f);
  world_free(&w);
}

static void a_where_that_is_sound_starts_whatever_its_columns_are_called(void) {
  static const char *const sound[] = {
    "owner = $user -- only hers", "owner = $user /* and so on", "\"from\"\"x\" = 'x'", "`from\"x` IS 'x' AND \"select\" = 1", "\"FROM\"\"X\" <> $user",
    "\"current_date\" = 'y'", "CAST(n AS VARCHAR(10)) > '4'", "n BETWEEN .5 AND 1e2 AND NOT n IN (1, 2.5)", "owner LIKE 'a%' ESCAPE '\\'", "owner GLOB 'a*'",
    "text ->> '$.open' = 1", "json_extract(text, '$.open') = 1 OR n IS NULL", "CASE WHEN json_valid(text) THEN text ->> 'open' END", "owner || 'x' = 'annx'",
    "owner COLLATE NOCASE = 'ANN'", "n IS DISTINCT FROM 4", "n IS NOT NULL AND owner NOTNULL", "x'00' IS NOT owner", "owner <> 'it''s' AND TRUE", "max(n, 1) > 4", "abs(n) >= 5 AND coalesce(n, 0) % 9",
    "n & 4 = 4 AND (n >> 1) > 1 AND ~n < 0",
  };
  for (size_t i = 0; i < sizeof sound / sizeof *sound; i++) check_sound(sound[i], true);
  check_sound("n IN ()", false);
}

static void a_table_may_be_called_as_anything_that_the_core_calls_its_own(void) {
  static const char *const names[] = {"r", "t", "k", "l", "e", "new", "old", "log", "value"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char table[120], query[120];
    snprintf(table, sizeof table, "CREATE TABLE \"%s\" (id TEXT PRIMARY KEY NOT NULL, owner TEXT, value TEXT, key TEXT)", names[i]);
    snprintf(query, sizeof query, "SELECT json_array(id, owner, value, key) FROM \"%s\" WHERE owner = 'ann' AND value = 'v' AND key = 'k' ORDER BY id", names[i]);
    const ds_channel channels[] = {
      {.name = "own", .table = names[i], .where = "owner = $user AND value = 'v' AND key = 'k'"},
      {.name = "part", .table = names[i], .where = "owner = 'ann' AND value = 'v' AND key = 'k'"}, {0},
    };
    const ds_app app = {.channels = channels, .migrations = (const ds_migration[]){{table}, {0}}};
    world w = talk_start(&app);
    follower own = reader("ann", "{\"user\":\"ann\"}", "own", query);
    follower part = reader("part", NULL, "part", query);
    follower_come(&w, &own);
    follower_come(&w, &part);
    static const char *const writes[] = {
      "INSERT INTO \"%s\" VALUES ('1', 'ann', 'v', 'k')", "UPDATE \"%s\" SET owner = 'bob'", "UPDATE \"%s\" SET owner = 'ann'",
      "REPLACE INTO \"%s\" VALUES ('1', 'ann', 'v', 'z')", "REPLACE INTO \"%s\" VALUES ('1', 'ann', 'v', 'k')", "DELETE FROM \"%s\"",
    };
    for (size_t at = 0; at < sizeof writes / sizeof *writes; at++) {
      char sql[120];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
      snprintf(sql, sizeof sql, writes[at], names[i]);
#pragma GCC diagnostic pop
      talk_sql(&w, sql, "[]");
      world_turn(&w);
      follower_listen(&w, &own);
      follower_check(&w, &own);
      follower_listen(&w, &part);
      follower_check(&w, &part);
    }
    follower_free(&own);
    follower_free(&part);
    world_free(&w);
  }
}

static void a_where_that_is_changed_begins_a_new_log_and_everybody_fetches_anew(void) {
  party p = party_new();
  come_all(&p);
  write_sql(&p, "INSERT INTO notes (id, owner, shared) VALUES ('1', 'ann', 1), ('2', 'bob', 2)");
  check_all(&p);
  ds_channel channels[4];
  memcpy(channels, personal_app.channels, sizeof channels);
  channels[0].where = "shared = $level";
  ds_app changed = personal_app;
  changed.channels = channels;
  p.w.app = &changed;
  follower_go(&p.w, &p.bob);
  follower_go(&p.w, &p.ann);
  world_start(&p.w);
  p.bob.query = "SELECT json_array(id, owner, shared, text, hidden, level) FROM notes WHERE shared = 1";
  p.bob.snapshots = 0;
  follower_come(&p.w, &p.bob);
  CHECK_INT(p.bob.snapshots, 1);
  check_all(&p);
  write_sql(&p, "UPDATE notes SET shared = 1 WHERE id = '2'");
  check_all(&p);
  // And back again, as when a deploy is called off: the old cursors are older than the log now.
  p.w.app = &personal_app;
  follower_go(&p.w, &p.bob);
  world_start(&p.w);
  p.ann.snapshots = 0;
  follower_come(&p.w, &p.ann);
  CHECK_INT(p.ann.snapshots, 1);
  check_all(&p);
  party_free(&p);
}

const test personal_tests[] = {
  {"rows enter and leave a reader's sight", rows_enter_and_leave_a_readers_sight},
  {"several changes of a turn are one net change for each", several_changes_of_a_turn_are_one_net_change_for_each},
  {"a hidden column that decides is watched, and one that does not is silent", a_hidden_column_that_decides_is_watched_and_one_that_does_not_is_silent},
  {"sockets that read alike share one frame, and strangers cost one question", sockets_that_read_alike_share_one_frame_and_strangers_cost_one_question},
  {"somebody away learns what left their sight, and nothing of what never was in it", somebody_away_learns_what_left_their_sight_and_nothing_of_what_never_was_in_it},
  {"a cursor is of no use to another reader", a_cursor_is_of_no_use_to_another_reader},
  {"a reader whom nothing concerns can still resume after the log was cut", a_reader_whom_nothing_concerns_can_still_resume_after_the_log_was_cut},
  {"news after a gap is not taken for the answer to it", news_after_a_gap_is_not_taken_for_the_answer_to_it},
  {"any writes leave every reader with their rows", any_writes_leave_every_reader_with_their_rows},
  {"version 1 sees the reader's rows, and no ids of others", version_1_sees_the_readers_rows_and_no_ids_of_others},
  {"a where that cannot be asked is refused at the start", a_where_that_cannot_be_asked_is_refused_at_the_start},
  {"a where that is not sound is refused at the start, by name and reason", a_where_that_is_not_sound_is_refused_at_the_start_by_name_and_reason},
  {"a where that is sound starts, whatever its columns are called", a_where_that_is_sound_starts_whatever_its_columns_are_called},
  {"a table may be called as anything that the core calls its own", a_table_may_be_called_as_anything_that_the_core_calls_its_own},
  {"a where that is changed begins a new log, and everybody fetches anew", a_where_that_is_changed_begins_a_new_log_and_everybody_fetches_anew},
  {0},
};
