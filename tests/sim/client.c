// SPDX-License-Identifier: MIT
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/json.h"
#include "../../src/limits.h"
#include "fail.h"
#include "sight.h"
#include "tally.h"

static void take_id(client *c) {
  snprintf(c->id, sizeof c->id, "c%u-%u", c->index, c->lives++);
  c->last = 0;
  c->seen = 0;
}

void client_init(client *c, uint32_t index, uint32_t reader, actions *all, const history *history, const int64_t *clock) {
  *c = (client){.index = index, .reader = reader, .actions = all, .history = history, .clock = clock, .arena = ds_arena_new()};
  for (uint32_t i = 0; i < CHANNELS; i++) c->feeds[i].channel = c->cached[i].channel = channel_names[i];
  take_id(c);
}

void client_free(client *c) {
  for (uint32_t i = 0; i < CHANNELS; i++) {
    rows_free(&c->feeds[i].rows);
    rows_free(&c->cached[i].rows);
  }
  ds_arena_free(c->arena);
}

static void send(client *c, ds_view frame) {
  if (c->line) queue_add(&c->line->up, frame, 0);
}

// ---- The outbox: the unsettled among all actions, in the order of their numbers, which is that of their tags

static action *next_unsettled(const client *c, int64_t after) {
  for (int64_t tag = after + 1; tag < c->actions->count; tag++) {
    action *one = &c->actions->items[tag];
    if (one->client == c->index && one->told == UNTOLD) return one;
  }
  return NULL;
}

static int64_t acknowledged(const client *c) {
  const action *oldest = next_unsettled(c, -1);
  return oldest ? oldest->number - 1 : c->last;
}

static void add_action(ds_text *frame, const action *one) {
  ds_text_str(frame, "{\"number\":");
  ds_text_int(frame, one->number);
  ds_text_str(frame, ",\"channel\":\"");
  ds_text_str(frame, one->deed.channel);
  ds_text_str(frame, "\",\"type\":\"");
  ds_text_str(frame, one->deed.type);
  ds_text_str(frame, "\",\"payload\":");
  ds_text_add(frame, one->payload);
  ds_text_str(frame, "}");
}

// The next frame of actions; false if there is none to send. More than DS_MAX_OUTCOMES in flight could make the object refuse to remember more.
static bool send_actions(client *c) {
  ds_text frame = ds_text_new(c->arena);
  uint32_t count = 0;
  uint32_t flying = 0;
  for (action *one = NULL; (one = next_unsettled(c, one ? one->tag : -1));) {
    if (++flying > DS_MAX_OUTCOMES || count == DS_MAX_ACTIONS) break;
    if (one->sent) continue;
    if (count++ == 0) {
      ds_text_str(&frame, "{\"type\":\"actions\",\"acknowledged\":");
      ds_text_int(&frame, acknowledged(c));
      ds_text_str(&frame, ",\"actions\":[");
    } else {
      ds_text_str(&frame, ",");
    }
    add_action(&frame, one);
    one->sent = one->tried = true;
    if (c->seen == 0) c->seen = *c->clock;
  }
  if (count == 0) return false;
  ds_text_str(&frame, "]}");
  send(c, ds_text_view(&frame));
  return true;
}

static void flush(client *c) {
  if (!c->line || c->lost) return;
  while (send_actions(c)) continue;
}

static void unsend(client *c, int64_t from) {
  for (action *one = NULL; (one = next_unsettled(c, one ? one->tag : -1));)
    if (one->number >= from) one->sent = false;
}

// Starts over under a new id. Of what was tried nobody can know what became.
static void start_over(client *c) {
  take_id(c);
  for (action *one = NULL; (one = next_unsettled(c, one ? one->tag : -1));) {
    if (one->tried) {
      one->told = FORGOTTEN;
      one->expected = -1;
      continue;
    }
    one->number = ++c->last;
  }
  c->lost = true;
  counted->forgotten++;
}

void client_act(client *c, deed deed, ds_view payload, int64_t tag) {
  action *one = &c->actions->items[tag];
  *one = (action){.tag = tag, .client = c->index, .deed = deed, .payload = payload, .number = ++c->last};
  one->answers = strcmp(deed.type, "answer") == 0;
  counted->actions++;
  flush(c);
}

// ---- Lines

static void subscribe(client *c, feed *f, reply reply) {
  if (reply != NOTHING) send(c, feed_frame(f, reply, c->arena));
}

void client_open(client *c, line *l) {
  c->line = l;
  c->lost = c->again = false;
  ds_text hello = ds_text_new(c->arena);
  ds_text_str(&hello, "{\"type\":\"hello\",\"protocol\":2,\"client\":\"");
  ds_text_str(&hello, c->id);
  ds_text_str(&hello, "\"");
  if (c->seen) {
    ds_text_str(&hello, ",\"seen\":");
    ds_text_int(&hello, c->seen);
  }
  ds_text_str(&hello, "}");
  send(c, ds_text_view(&hello));
  for (uint32_t i = 0; i < CHANNELS; i++)
    if (c->feeds[i].wanted) subscribe(c, &c->feeds[i], SUBSCRIBE);
  unsend(c, 1);
  flush(c);
}

void client_rest(client *c) {
  c->line = NULL;
  c->again = c->lost = false;
  for (uint32_t i = 0; i < CHANNELS; i++) {
    c->feeds[i].phase = IDLE;
    c->feeds[i].anew = c->feeds[i].again = false;
  }
}

// The commit at which the records were as the client holds them; 0 if that cannot be told.
static uint32_t commit_of(const client *c, const feed *f) {
  const moment *m = f->has_cursor ? history_find(c->history, f->era, (uint32_t)(f - c->feeds), f->version) : NULL;
  return m ? m->first : 0;
}

static void ask_again(client *c, feed *f) {
  if (!f->again) f->asked = commit_of(c, f);
  f->again = true;
  subscribe(c, f, feed_again(f));
}

void client_wait(client *c) {
  if (!c->again || !c->line || c->lost) return;
  c->again = false;
  for (uint32_t i = 0; i < CHANNELS; i++) {
    feed *f = &c->feeds[i];
    if (f->wanted && f->phase != LIVE && f->phase != FAILED) ask_again(c, f);
  }
  unsend(c, 1);
  flush(c);
}

void client_follow(client *c, uint32_t channel, bool wanted) {
  feed *f = &c->feeds[channel];
  if (f->wanted == wanted) return;
  f->wanted = wanted;
  if (wanted) {
    if (c->line) subscribe(c, f, SUBSCRIBE);
    return;
  }
  feed_leave(f);
  f->anew = c->line != NULL;
  ds_text frame = ds_text_new(c->arena);
  ds_text_str(&frame, "{\"type\":\"unsubscribe\",\"channel\":\"");
  ds_text_str(&frame, f->channel);
  ds_text_str(&frame, "\"}");
  send(c, ds_text_view(&frame));
}

// ---- Frames

static feed *feed_of(client *c, ds_view channel) {
  for (uint32_t i = 0; i < CHANNELS; i++)
    if (ds_json_is_string(channel, channel_names[i])) return &c->feeds[i];
  sim_fail("a frame of an unknown channel: %.*s", (int)channel.size, channel.at);
}

static void hear_welcome(client *c, ds_view frame) {
  int64_t settled = -1;
  if (!ds_json_int(ds_json_member(frame, "settled"), &settled) || !ds_json_int(ds_json_member(frame, "now"), &c->seen)) sim_fail("a welcome without its numbers");
}

static void hear_outcome(client *c, ds_view outcome, uint32_t era) {
  int64_t number = -1;
  ds_json_int(ds_json_member(outcome, "number"), &number);
  bool committed = ds_json_is_string(ds_json_member(outcome, "status"), "committed");
  for (action *one = NULL; (one = next_unsettled(c, one ? one->tag : -1));) {
    if (one->number != number) continue;
    if (!one->tried) sim_fail("an outcome of an action that was never sent: %.*s", (int)outcome.size, outcome.at);
    int64_t result = one->tag;
    if (committed && one->answers && (!ds_json_int(ds_json_member(outcome, "result"), &result) || result != one->tag))
      sim_fail("action %lld was answered by %.*s", (long long)one->tag, (int)outcome.size, outcome.at);
    one->told = committed ? COMMITTED : REJECTED;
    one->expected = !committed ? 0 : era < c->actions->restored ? one->restored : 1;
    if (committed) counted->committed++;
    else counted->rejected++;
    return;
  }
}

static void hear_error(client *c, ds_view frame) {
  ds_view code = ds_json_member(frame, "code");
  int64_t expected = 0;
  if (ds_json_is_string(code, "out_of_order") && ds_json_int(ds_json_member(frame, "expected"), &expected)) {
    unsend(c, expected);
    return flush(c);
  }
  if (ds_json_is_string(code, "client_forgotten")) return start_over(c);
  ds_view channel = ds_json_member(frame, "channel");
  bool for_now = ds_json_is_string(code, "internal") || ds_json_is_string(code, "unavailable");
  if (for_now && !ds_view_absent(channel)) feed_refused(feed_of(c, channel));
  if (ds_json_is_string(code, "rate_limited")) counted->rate_limits++;
  if (ds_json_is_string(code, "rate_limited") || ds_json_is_string(code, "outbox_full") || ds_json_is_string(code, "unavailable")) c->again = true;
  else if (ds_json_is_string(code, "unknown_channel") || ds_json_is_string(code, "forbidden")) feed_of(c, channel)->phase = FAILED;
  // Nothing of the frame was kept, a hello perhaps among the frames of its turn: on a new line everything is said again.
  else if (ds_json_is_string(code, "internal") || ds_json_is_string(code, "hello_expected")) c->lost = true;
  else sim_fail("an error that no client of ours should get: %.*s", (int)frame.size, frame.at);
}

static void hear_patch(client *c, parcel frame) {
  ds_view epoch = ds_json_member(frame.text, "epoch");
  for (ds_json_iterator change = ds_json_iterate(ds_json_member(frame.text, "changes")); ds_json_next(&change);) {
    feed *f = feed_of(c, ds_json_member(change.value, "channel"));
    sight_check_gone(c->history, c->reader, (uint32_t)(f - c->feeds), change.value, f->again ? f->asked : commit_of(c, f));
    if (f->era < frame.era && history_carries(c->history, (uint32_t)(f - c->feeds), f->era, frame.era)) f->era = frame.era;
    subscribe(c, f, feed_change(f, epoch, change.value, frame.era));
  }
  for (ds_json_iterator outcome = ds_json_iterate(ds_json_member(frame.text, "outcomes")); ds_json_next(&outcome);) hear_outcome(c, outcome.value, frame.era);
  flush(c);
}

// Every channel that is shown is as some commit left it, and all of them are as one commit left them.
static void check_state(const client *c) {
  uint32_t first = 0;
  uint32_t last = UINT32_MAX;
  for (uint32_t i = 0; i < CHANNELS; i++) {
    const feed *f = &c->feeds[i];
    if (f->phase != LIVE) continue;
    const moment *m = history_find(c->history, f->era, i, f->version);
    if (!m) sim_fail("client %u: no commit left %s at version %lld", c->index, f->channel, (long long)f->version);
    if (m->contents[c->reader] != f->rows.contents) sim_fail("client %u: %s is not what it was at version %lld", c->index, f->channel, (long long)f->version);
    counted->states++;
    if (f->anew) continue;
    if (m->first > first) first = m->first;
    uint32_t until = history_until(c->history, f->era, i, m, c->reader);
    if (until < last) last = until;
  }
  if (first > last) sim_fail("client %u: its channels are of different commits", c->index);
}

void client_hear(client *c, parcel frame) {
  ds_view type = ds_json_member(frame.text, "type");
  ds_arena_reset(c->arena);
  counted->frames_down++;
  if (c->lost) return;
  if (ds_json_is_string(type, "welcome")) hear_welcome(c, frame.text);
  else if (ds_json_is_string(type, "error")) hear_error(c, frame.text);
  else if (ds_json_is_string(type, "patch")) hear_patch(c, frame);
  else {
    feed *f = feed_of(c, ds_json_member(frame.text, "channel"));
    subscribe(c, f, feed_page(f, frame.text, frame.era));
  }
  check_state(c);
}

// ---- The cache

void client_save(client *c) {
  for (uint32_t i = 0; i < CHANNELS; i++) {
    if (!feed_keepable(&c->feeds[i])) continue;
    rows_free(&c->cached[i].rows);
    c->cached[i] = feed_copy(&c->feeds[i]);
  }
}

void client_reload(client *c) {
  for (uint32_t i = 0; i < CHANNELS; i++) {
    bool wanted = c->feeds[i].wanted;
    rows_free(&c->feeds[i].rows);
    c->feeds[i] = feed_copy(&c->cached[i]);
    c->feeds[i].wanted = wanted;
  }
}

void client_become(client *c, uint32_t reader, bool anew) {
  c->reader = reader;
  for (uint32_t i = 0; anew && i < CHANNELS; i++) {
    feed_reset(&c->feeds[i]);
    feed_reset(&c->cached[i]);
  }
}

bool client_at_rest(const client *c) {
  if (c->lost || c->again || next_unsettled(c, -1)) return false;
  for (uint32_t i = 0; i < CHANNELS; i++)
    if (c->feeds[i].wanted && c->feeds[i].phase != LIVE && c->feeds[i].phase != FAILED) return false;
  return true;
}
