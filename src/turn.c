// SPDX-License-Identifier: MIT
#include "turn.h"

ds_peer *ds_turn_peer(ds_turn *turn, ds_socket socket) {
  return ds_peers_find(turn->peers, turn->sql.host, turn->sql.arena, turn->names, socket);
}

void ds_turn_refuse(ds_turn *turn, ds_received *received, ds_code code, const char *message) {
  int64_t protocol = ds_turn_peer(turn, received->socket)->protocol;
  if (protocol == 0) protocol = received->frame.protocol;
  ds_send_error(&turn->out, received->socket, protocol, &received->frame, code, ds_view_of(message), 0);
  received->refused = true;
}
