// SPDX-License-Identifier: MIT
#include "turn.h"

ds_peer *ds_turn_peer(ds_turn *turn, ds_socket socket) {
  return ds_peers_find(turn->peers, turn->sql.host, turn->sql.arena, turn->names, socket);
}

ds_outcome ds_turn_may_read(ds_turn *turn, ds_socket socket, const ds_table *table) {
  ds_view identity = ds_turn_peer(turn, socket)->identity;
  return ds_handler_run(table->declared->can_read, &turn->sql, table->channel, (ds_view){0}, identity, turn->now);
}

void ds_turn_refuse(ds_turn *turn, ds_received *received, ds_code code, const char *message) {
  int64_t protocol = ds_turn_peer(turn, received->socket)->protocol;
  if (protocol == 0) protocol = received->frame.protocol;
  ds_send_error(&turn->out, received->socket, protocol, &received->frame, code, ds_view_of(message), 0);
  received->refused = true;
}
