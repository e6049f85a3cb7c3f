// SPDX-License-Identifier: MIT
// What tests of whole conversations say again and again, and followers: clients that go and come back and are compared with the table.
#ifndef DURASYNC_TALK_H
#define DURASYNC_TALK_H

#include "../native/replica.h"
#include "../native/world.h"

// A new object for `app` in memory, started.
world talk_start(const ds_app *app);

// Puts a frame, in the manner of printf, into the coming turn.
void talk_send(world *w, ds_socket socket, const char *format, ...) __attribute__((format(printf, 3, 4)));

// Checks that the next frame of the socket begins with `start`.
void talk_hear(world *w, ds_socket socket, const char *start);
void talk_hear_nothing(world *w, ds_socket socket);

// Drops every frame that has arrived at the socket; returns how many.
int talk_skip(world *w, ds_socket socket);

// Runs SQL as somebody outside of the core, and checks its rows, "[]" for none.
void talk_sql(world *w, const char *statement, const char *rows);

// A socket of one who was let in with an identity, a JSON object of at most 250 bytes; NULL for none.
ds_socket talk_open_as(world *w, const char *identity);

// A socket that has said hello and has been welcomed.
ds_socket talk_greet(world *w, const char *client);

// The same of one who was let in with an identity.
ds_socket talk_greet_as(world *w, const char *client, const char *identity);

// Runs a turn with one action of number `number`; `payload` is JSON.
void talk_act(world *w, ds_socket socket, int64_t number, const char *channel, const char *type, const char *payload);

// Numbers that look like chance and repeat (xorshift): the next one, from 0 up to but without `end`. `state` starts at anything but 0.
uint32_t talk_random(uint64_t *state, uint32_t end);

// A client that follows one channel.
typedef struct follower {
  const char *client;
  const char *identity; // JSON; NULL for none
  const char *channel;
  const char *query; // SQL: one column, the records as JSON in the order of their keys' JSON
  ds_socket socket;  // -1 while away
  replica replica;
  int snapshots; // how often it got the first page of one
  int catch_ups; // how often its subscription was answered by a patch
  size_t largest; // bytes of the largest frame so far
} follower;

follower follower_new(const char *client, const char *channel, const char *query);
void follower_free(follower *f);

// Connects on a new socket and subscribes with the cursor it has, up to the last page.
void follower_come(world *w, follower *f);
void follower_go(world *w, follower *f);

// Takes the frames that have arrived, and subscribes again after a gap.
void follower_listen(world *w, follower *f);

// Checks that the follower has what the table has.
void follower_check(world *w, follower *f);

#endif
