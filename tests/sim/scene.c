// SPDX-License-Identifier: MIT
#include "scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/limits.h"
#include "client.h"
#include "fail.h"
#include "object.h"
#include "sight.h"
#include "tally.h"

enum { MAX_CLIENTS = 5, MAX_ARRIVALS = 64, MAX_OWN_FRAMES = 500, MAX_ROUNDS = 400, DAY = 86400000 };

typedef struct scene {
  object object;
  uint32_t client_count;
  client clients[MAX_CLIENTS];
  line *lines; // every line that has not been forgotten by both of its ends
  actions actions;
  ds_arena *arena; // payloads
} scene;

// ---- Plans

static const uint32_t weights[] = {
#define EVENT(name, weight) weight,
#include "events.def"
#undef EVENT
};

const char *event_name(event_kind kind) {
  static const char *const names[] = {
#define EVENT(name, weight) #name,
#include "events.def"
#undef EVENT
  };
  return names[kind];
}

static event_kind kind_any(chance *c) {
  uint32_t sum = 0;
  for (int i = 0; i < EVENT_KINDS; i++) sum += weights[i];
  uint32_t at = chance_below(c, sum);
  int kind = 0;
  while (at >= weights[kind]) at -= weights[kind++];
  return (event_kind)kind;
}

plan plan_of(uint64_t seed) {
  chance c = {seed};
  plan p = {.seed = seed, .clients = 1 + chance_below(&c, MAX_CLIENTS)};
  p.count = chance_one_in(&c, 4) ? 150 + chance_below(&c, MAX_EVENTS - 150) : 20 + chance_below(&c, 100);
  for (uint32_t i = 0; i < p.count; i++) p.events[i] = (event){kind_any(&c), chance_next(&c)};
  return p;
}

// ---- Lines

static line *line_of(scene *s, ds_socket socket) {
  for (line *l = s->lines; l; l = l->next)
    if (l->socket == socket && l->object_open) return l;
  return NULL;
}

static void on_sent(void *world, ds_socket socket, ds_view frame, uint32_t era) {
  const scene *s = world;
  line *l = line_of(world, socket);
  if (l) sight_check_frame(&s->object.history, l->reader, frame);
  if (l && l->client_open) queue_add(&l->down, frame, era);
}

static void on_again(void *world, ds_socket socket, ds_view frame) {
  line *l = line_of(world, socket);
  if (!l) return;
  queue_add_own(&l->up, frame);
  counted->own_frames++;
}

static void on_closed(void *world, ds_socket socket) {
  line *l = line_of(world, socket);
  if (!l) return;
  l->object_open = false;
  queue_cut(&l->up, 0);
}

// Somebody is let in as `reader`.
static line *open_line(scene *s, uint32_t reader) {
  line *l = calloc(1, sizeof *l);
  if (!l) sim_fail("out of memory");
  *l = (line){.next = s->lines, .socket = sqlite_host_open_socket(s->object.host), .reader = reader, .client_open = true, .object_open = true};
  s->lines = l;
  if (!identities[reader]) return l;
  char attachment[200];
  int size = snprintf(attachment, sizeof attachment, "{\"identity\":%s}", identities[reader]);
  sqlite_host_attach(s->object.host, l->socket, (ds_view){attachment, (size_t)size});
  return l;
}

// Forgets the lines that both ends have.
static void sweep(scene *s) {
  for (line **at = &s->lines; *at;) {
    line *l = *at;
    if (l->client_open || l->object_open) {
      at = &l->next;
      continue;
    }
    *at = l->next;
    line_free(l);
  }
}

// The client's end is gone. What it has sent may still arrive, in part.
static void drop_line(client *c, uint32_t arrives) {
  line *l = c->line;
  if (!l) return;
  l->client_open = false;
  queue_cut(&l->up, arrives);
  queue_cut(&l->down, 0);
  client_rest(c);
}

// ---- What moves frames

// The close events of the lines whose clients are gone, once all that these have sent has arrived.
static void hang_up(scene *s) {
  for (line *l = s->lines; l; l = l->next) {
    if (l->client_open || !l->object_open || l->up.count) continue;
    l->object_open = false;
    object_hang_up(&s->object, l->socket);
  }
  sweep(s);
}

static arrival take_frame(line *l) {
  parcel frame = queue_take(&l->up);
  return (arrival){l->socket, frame.text, frame.own};
}

// What the object has asked itself for comes with its next turn.
static uint32_t take_own_frames(scene *s, arrival *arrivals) {
  uint32_t count = 0;
  for (line *l = s->lines; l; l = l->next) {
    while (l->object_open && l->up.count && l->up.items[l->up.first].own) {
      if (count == MAX_OWN_FRAMES) sim_fail("the object asks itself for more than %d frames", MAX_OWN_FRAMES);
      arrivals[count++] = take_frame(l);
    }
  }
  return count;
}

// Takes up to `most` frames off the lines, in any order but each line's own, and runs a turn with them.
static void run_turn(scene *s, chance *c, uint32_t most) {
  arrival arrivals[MAX_OWN_FRAMES + MAX_ARRIVALS];
  uint32_t count = take_own_frames(s, arrivals);
  most += count;
  for (uint32_t tries = 8 * most; tries > 0 && count < most; tries--) {
    uint32_t waiting = 0;
    line *chosen = NULL;
    for (line *l = s->lines; l; l = l->next)
      if (l->up.count && l->object_open && chance_one_in(c, ++waiting)) chosen = l;
    if (!chosen) break;
    arrivals[count++] = take_frame(chosen);
  }
  counted->frames_up += count;
  bool lived = object_turn(&s->object, arrivals, count);
  sim_trace("  a turn of %u frames%s", count, lived ? "" : ": the object died");
  if (!lived) counted->crashes++;
  for (uint32_t i = 0; i < count; i++) free((char *)arrivals[i].bytes.at);
  hang_up(s);
}

// A client hears what has arrived, and finds out that its line is dead when it has heard all of it.
static void hear(client *c, uint32_t most) {
  line *l = c->line;
  for (; l && l->down.count && most > 0; most--) {
    parcel frame = queue_take(&l->down);
    sim_trace("  client %u hears %.*s", c->index, frame.text.size > 160 ? 160 : (int)frame.text.size, frame.text.at);
    client_hear(c, frame);
    free((char *)frame.text.at);
  }
  if (l && l->down.count == 0 && (!l->object_open || c->lost)) drop_line(c, 0);
}

// ---- Events

static client *client_any(scene *s, chance *c) {
  return &s->clients[chance_below(c, s->client_count)];
}

static void act_event(scene *s, chance *c) {
  client *who = client_any(s, c);
  ds_text payload = ds_text_new(s->arena);
  deed deed = deed_any(c);
  deed_payload(&payload, c, s->actions.count);
  sim_trace("  client %u: %s.%s %.*s", who->index, deed.channel, deed.type, payload.size > 120 ? 120 : (int)payload.size, payload.at);
  client_act(who, deed, ds_text_view(&payload), s->actions.count++);
}

static void arrive_event(scene *s, chance *c) {
  s->object.host->clock += chance_below(c, 2000);
  run_turn(s, c, chance_one_in(c, 3) ? 1 + chance_below(c, 20) : 1 + chance_below(c, 3));
}

static void hear_event(scene *s, chance *c) {
  hear(client_any(s, c), 1 + chance_below(c, 6));
}

// Writes and flushes in one event, as docs tell an app to; frames that wait come along.
static void write_event(scene *s, chance *c) {
  const char *sql = write_any(c);
  sim_trace("  %s", sql);
  counted->writes++;
  if (object_write(&s->object, sql)) run_turn(s, c, chance_below(c, 3));
  else counted->crashes++;
}

static void follow_event(scene *s, chance *c) {
  client *who = client_any(s, c);
  uint32_t channel = chance_below(c, CHANNELS);
  client_follow(who, channel, !chance_one_in(c, 4));
}

static void connect_event(scene *s, chance *c) {
  client *who = client_any(s, c);
  if (!who->line) client_open(who, open_line(s, who->reader));
}

static void cut_event(scene *s, chance *c) {
  client *who = client_any(s, c);
  if (!who->line) return;
  drop_line(who, chance_below(c, who->line->up.count + 1));
  counted->cuts++;
}

static void reload_event(scene *s, chance *c) {
  client *who = client_any(s, c);
  if (who->line) drop_line(who, chance_below(c, who->line->up.count + 1));
  client_reload(who);
  counted->reloads++;
}

static void save_event(scene *s, chance *c) {
  client_save(client_any(s, c));
}

static void wait_event(scene *s, chance *c) {
  s->object.host->clock += 1000;
  client_wait(client_any(s, c));
}

static void sleep_event(scene *s, chance *c) {
  (void)c;
  if (s->object.core) counted->evictions++;
  object_sleep(&s->object);
}

// The next turn dies after some calls of the host.
static void crash_event(scene *s, chance *c) {
  s->object.crash_in = 1 + (chance_one_in(c, 3) ? chance_below(c, 120) : chance_below(c, 40));
  run_turn(s, c, 1 + chance_below(c, 4));
  s->object.crash_in = 0;
}

// A call of the next turn fails.
static void fail_sql_event(scene *s, chance *c) {
  int64_t at = s->object.host->call_count + 1 + (chance_one_in(c, 3) ? chance_below(c, 120) : chance_below(c, 30));
  s->object.host->fail_at = at;
  s->object.host->fail_storage = chance_one_in(c, 2);
  if (chance_one_in(c, 4)) write_event(s, c);
  else run_turn(s, c, 1 + chance_below(c, 4));
  if (s->object.host->call_count >= at) counted->sql_failures++;
  s->object.host->fail_at = 0;
}

static void backup_event(scene *s, chance *c) {
  object_backup(&s->object, chance_below(c, BACKUPS));
}

static int64_t ledger_rows(scene *s, int64_t tag) {
  sqlite3_stmt *row = sqlite_host_prepare(s->object.host, "SELECT count(*) FROM ledger WHERE tag = ?1");
  int64_t count = 0;
  if (!row) return 0;
  sqlite3_bind_int64(row, 1, tag);
  if (sqlite3_step(row) == SQLITE_ROW) count = sqlite3_column_int64(row, 0);
  sqlite_host_give_back(s->object.host, row);
  return count;
}

// What a restore has undone is undone, whatever its author was told.
static void restore_event(scene *s, chance *c) {
  if (!object_restore(&s->object, chance_below(c, BACKUPS))) return;
  for (int64_t tag = 0; tag < s->actions.count; tag++) {
    action *one = &s->actions.items[tag];
    one->restored = ledger_rows(s, tag);
    if (one->told == COMMITTED) one->expected = one->restored;
  }
  s->actions.restored = s->object.era;
  counted->restores++;
  sweep(s);
}

static void deploy_event(scene *s, chance *c) {
  uint32_t now = s->object.generation;
  // Now and then the old code comes back, which must not touch what the new one has left.
  uint32_t next = now > 0 && chance_one_in(c, 5) ? now - 1 : now + 1 < GENERATIONS ? now + 1 : now;
  object_deploy(&s->object, next);
  counted->deploys++;
  sweep(s);
}

static uint32_t waiting_frames(const scene *s) {
  uint32_t waiting = 0;
  for (const line *l = s->lines; l; l = l->next) waiting += l->object_open ? l->up.count : 0;
  return waiting;
}

// Days pass. A socket may live through them, but no frame is on its way that long.
static void jump_event(scene *s, chance *c) {
  static const int64_t days[] = {1, 1, 20, 31, 46, 91};
  for (uint32_t i = 0; i < s->client_count; i++)
    if (s->clients[i].line && chance_one_in(c, 2)) drop_line(&s->clients[i], chance_below(c, s->clients[i].line->up.count + 1));
  while (waiting_frames(s)) run_turn(s, c, MAX_ARRIVALS);
  s->object.host->clock += days[chance_below(c, sizeof days / sizeof *days)] * DAY;
  counted->jumps++;
}

// Somebody else signs in where the client runs, or the same one is let in otherwise than before.
static void become_event(scene *s, chance *c) {
  client *who = client_any(s, c);
  if (who->line) drop_line(who, chance_below(c, who->line->up.count + 1));
  client_become(who, chance_below(c, READERS), chance_one_in(c, 3));
  sim_trace("  client %u is reader %u", who->index, who->reader);
  counted->changed_readers++;
}

// The object closes the sockets of one who may no longer read, and lets them in again.
static void dismiss_event(scene *s, chance *c) {
  uint32_t reader = chance_below(c, READERS);
  for (line *l = s->lines; l; l = l->next) {
    if (l->reader != reader || !l->object_open) continue;
    object_hang_up(&s->object, l->socket);
    on_closed(s, l->socket);
    counted->disconnects++;
  }
}

// A client stops reading: more waits for it than the object puts up with.
static void slow_event(scene *s, chance *c) {
  client *who = client_any(s, c);
  if (!who->line || !who->line->object_open) return;
  sqlite_host_set_backlog(s->object.host, who->line->socket, DS_MAX_BACKLOG + 1);
  counted->slow_readers++;
}

// Somebody says what no client of ours would, and hangs up.
static void stranger_event(scene *s, chance *c) {
  static const char *const words[] = {
    "{\"type\":\"hello\",\"protocol\":2,\"client\":\"stranger\"}", "{\"type\":\"hello\",\"protocol\":2,\"client\":\"nobody\",\"seen\":1}",
    "{\"type\":\"subscribe\",\"channel\":\"items\",\"cursor\":{\"epoch\":\"\",\"shape\":\"\",\"version\":9223372036854775807}}",
    "{\"type\":\"page\",\"channel\":\"items\",\"after\":[null,{}],\"rows\":9223372036854775807}", "{\"type\":\"page\",\"channel\":\"notes\",\"after\":[],\"rows\":1}",
    "{\"type\":\"actions\",\"acknowledged\":0,\"actions\":[{\"number\":7,\"channel\":\"notes\",\"type\":\"put\"}]}",
    "{\"type\":\"unsubscribe\",\"channel\":\"ledger\"}", "{\"type\":\"subscribe\",\"channel\":\"sqlite_master\",\"cursor\":null}", "[[[[", "", "\xff\xfe",
    "{\"channel\":\"notes\",\"sync\":true,\"from\":1}", "{\"channel\":\"cards\",\"sync\":true,\"from\":1}", "{\"channel\":\"staff\",\"sync\":true}",
    "{\"type\":\"subscribe\",\"channel\":\"team\",\"cursor\":null}", "{\"type\":\"page\",\"channel\":\"cards\",\"after\":[\"\"],\"rows\":9}",
    "{\"type\":\"page\",\"channel\":\"staff\",\"after\":[\"\"],\"rows\":9}", "{\"channel\":\"items\",\"sync\":true,\"from\":null}",
  };
  line *l = open_line(s, chance_below(c, READERS));
  for (uint32_t count = 1 + chance_below(c, 5); count > 0; count--) queue_add(&l->up, ds_view_of(words[chance_below(c, sizeof words / sizeof *words)]), 0);
  l->client_open = chance_one_in(c, 2);
  counted->strangers++;
}

// ---- Rest

static bool all_at_rest(const scene *s) {
  for (const line *l = s->lines; l; l = l->next)
    if ((l->up.count && l->object_open) || l->client_open != l->object_open) return false;
  for (uint32_t i = 0; i < s->client_count; i++) {
    const client *one = &s->clients[i];
    if (!one->line || one->line->down.count || !client_at_rest(one)) return false;
  }
  return true;
}

// A second passes in which nothing goes wrong.
static void round_of_peace(scene *s, chance *c) {
  s->object.host->clock += 1000;
  for (uint32_t i = 0; i < s->client_count; i++) {
    client *one = &s->clients[i];
    if (!one->line) client_open(one, open_line(s, one->reader));
    client_wait(one);
  }
  do run_turn(s, c, 1 + chance_below(c, 12));
  while (waiting_frames(s) && !chance_one_in(c, 3));
  for (uint32_t i = 0; i < s->client_count; i++) hear(&s->clients[i], UINT32_MAX);
}

// Strangers hang up, sockets that did not read are closed by the object or read again.
static void make_peace(scene *s) {
  s->object.crash_in = 0;
  s->object.host->fail_at = 0;
  if (s->object.core && !s->object.ready) object_sleep(&s->object);
  // Asked of the storage itself: one that came back under older code has never been awake.
  int64_t migrations = object_ask(&s->object, "SELECT migrations FROM durasync_meta");
  if (s->object.generation + 1 < migrations) object_deploy(&s->object, (uint32_t)migrations - 1);
  for (line *l = s->lines; l; l = l->next) {
    bool ours = false;
    for (uint32_t i = 0; i < s->client_count; i++) ours = ours || s->clients[i].line == l;
    if (!ours) l->client_open = false;
    if (l->object_open) sqlite_host_set_backlog(s->object.host, l->socket, 0);
  }
  hang_up(s);
}

static void check_feed(const client *who, uint32_t channel, bool declared, const holding *all) {
  const feed *f = &who->feeds[channel];
  bool readable = declared && may_read(channel, who->reader);
  if (!f->wanted) return;
  if (readable != (f->phase == LIVE)) sim_fail("client %u: %s is not in the right phase", who->index, f->channel);
  if (!readable) return;
  if (f->rows.contents != all->contents[who->reader] || f->rows.count != all->counts[who->reader])
    sim_fail("client %u: %s is not what reader %u sees of the table", who->index, f->channel, who->reader);
}

static void check_records(scene *s) {
  for (uint32_t channel = 0; channel < CHANNELS; channel++) {
    bool declared = records_query(s->object.generation, channel) != NULL;
    holding all = {0};
    if (declared) all = object_holding(&s->object, channel);
    for (uint32_t i = 0; i < s->client_count; i++) check_feed(&s->clients[i], channel, declared, &all);
  }
}

static void check_actions(scene *s) {
  for (int64_t tag = 0; tag < s->actions.count; tag++) {
    const action *one = &s->actions.items[tag];
    int64_t rows = ledger_rows(s, tag);
    if (one->told == UNTOLD) sim_fail("action %lld was never settled", (long long)tag);
    if (one->expected < 0 ? rows > 1 : rows != one->expected)
      sim_fail("action %lld (client %u, %s.%s) was told %s, and was carried out %lld times", (long long)tag, one->client, one->deed.channel, one->deed.type,
               one->told == COMMITTED ? "committed" : one->told == REJECTED ? "rejected" : "forgotten", (long long)rows);
  }
}

// Nothing is sent when nothing happens.
static void check_idle(scene *s) {
  uint64_t before = counted->frames_down;
  object_turn(&s->object, NULL, 0);
  object_sleep(&s->object);
  object_turn(&s->object, NULL, 0);
  for (uint32_t i = 0; i < s->client_count; i++) hear(&s->clients[i], UINT32_MAX);
  if (counted->frames_down != before) sim_fail("an idle object spoke");
}

static void quiet_event(scene *s, chance *c) {
  make_peace(s);
  uint32_t rounds = 0;
  do {
    if (rounds++ == MAX_ROUNDS) sim_fail("no rest after %d rounds", MAX_ROUNDS);
    round_of_peace(s, c);
  } while (!all_at_rest(s));
  sim_trace("  at rest after %u rounds", rounds);
  check_records(s);
  check_actions(s);
  check_idle(s);
  counted->quiet_points++;
}

// ---- A world's life

static void scene_init(scene *s, const plan *p) {
  *s = (scene){.client_count = p->clients, .arena = ds_arena_new()};
  s->actions.items = calloc(MAX_EVENTS, sizeof *s->actions.items);
  if (!s->actions.items) sim_fail("out of memory");
  object_init(&s->object);
  s->object.sent = on_sent;
  s->object.again = on_again;
  s->object.closed = on_closed;
  s->object.world = s;
  chance c = {~p->seed};
  for (uint32_t i = 0; i < p->clients; i++) {
    client_init(&s->clients[i], i, chance_below(&c, READERS), &s->actions, &s->object.history, &s->object.host->clock);
    for (uint32_t channel = 0; channel < CHANNELS; channel++) s->clients[i].feeds[channel].wanted = chance_below(&c, 3) > 0;
  }
}

static void scene_free(scene *s) {
  for (line *l = s->lines; l;) {
    line *dead = l;
    l = l->next;
    line_free(dead);
  }
  for (uint32_t i = 0; i < s->client_count; i++) client_free(&s->clients[i]);
  object_free(&s->object);
  free(s->actions.items);
  ds_arena_free(s->arena);
}

void scene_run(const plan *p) {
  static void (*const handlers[])(scene *s, chance *c) = {
#define EVENT(name, weight) name##_event,
#include "events.def"
#undef EVENT
  };
  scene s;
  scene_init(&s, p);
  for (uint32_t i = 0; i < p->count; i++) {
    chance c = {p->events[i].seed};
    sim_trace("%u %s", i, event_name(p->events[i].kind));
    handlers[p->events[i].kind](&s, &c);
    counted->events++;
  }
  chance c = {p->seed};
  sim_trace("the end");
  quiet_event(&s, &c);
  scene_free(&s);
  counted->worlds++;
}
