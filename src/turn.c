// SPDX-License-Identifier: MIT
#include "turn.h"

ds_peer *ds_turn_peer(ds_turn *turn, ds_socket socket) {
  return ds_peers_find(turn->peers, turn->sql.host, turn->sql.arena, turn->names, socket);
}

ds_outcome ds_turn_may_read(ds_turn *turn, ds_received *received, const ds_table *table) {
  if (received->verdict) return *received->verdict;
  if (turn->sql.status != DS_SQL_DONE) return ds_outcome_rejected(DS_INTERNAL); // nobody will hear of it
  ds_view identity = ds_turn_peer(turn, received->socket)->identity;
  ds_outcome outcome = ds_handler_run(table->declared->can_read, &turn->sql, table->channel, (ds_view){0}, identity, turn->now);
  if (outcome.ended) ds_turn_end(turn, &received->verdict, &outcome);
  return outcome;
}

void ds_turn_end(ds_turn *turn, const ds_outcome **verdict, const ds_outcome *outcome) {
  ds_outcome *kept = ds_arena_take(turn->sql.arena, sizeof *kept);
  *kept = *outcome;
  *verdict = turn->ended_by = kept;
  turn->sql.status = DS_SQL_ENDED;
}

void ds_turn_refuse(ds_turn *turn, ds_received *received, ds_code code, const char *message) {
  int64_t protocol = ds_turn_peer(turn, received->socket)->protocol;
  if (protocol == 0) protocol = received->frame.protocol;
  ds_send_error(&turn->out, received->socket, protocol, &received->frame, code, ds_view_of(message), 0);
  received->refused = true;
}
