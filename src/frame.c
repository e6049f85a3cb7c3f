// SPDX-License-Identifier: MIT
#include "frame.h"

#include "json.h"
#include "limits.h"

// A limit as text, for a message.
#define TEXT_OF(token) #token
#define LIMIT_TEXT(limit) TEXT_OF(limit)

// A member that must be a string: decoded into `out`. False if it is not.
static bool text_member(ds_arena *arena, ds_view object, const char *name, ds_view *out) {
  *out = ds_json_string(arena, ds_json_member(object, name));
  return !ds_view_absent(*out);
}

// A member that must be an integer of at least `least`.
static bool int_member(ds_view object, const char *name, int64_t least, int64_t *out) {
  return ds_json_int(ds_json_member(object, name), out) && *out >= least;
}

// The same of one that may be left out.
static bool optional_int(ds_view object, const char *name, int64_t least, int64_t *out) {
  return ds_view_absent(ds_json_member(object, name)) || int_member(object, name, least, out);
}

static bool client_valid(ds_view client) {
  if (client.size == 0 || client.size > DS_MAX_CLIENT) return false;
  for (size_t i = 0; i < client.size; i++) {
    char c = client.at[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (!letter) return false;
  }
  return true;
}

// A decoder returns what is wrong with the frame, in a sentence; NULL if nothing is. The code is DS_BAD_FRAME where it sets none.

// ---- Version 2, a function a type

static const char *decode_hello(ds_arena *arena, ds_frame *frame, ds_view json) {
  if (!int_member(json, "protocol", 0, &frame->protocol)) return "A hello needs `protocol`, an integer.";
  if (frame->protocol != 2) {
    frame->protocol = 2;
    frame->code = DS_UNSUPPORTED_PROTOCOL;
    return "The object speaks protocol 2.";
  }
  if (!text_member(arena, json, "client", &frame->client) || !client_valid(frame->client))
    return "A hello needs `client`, 1 to " LIMIT_TEXT(DS_MAX_CLIENT) " characters of A-Z a-z 0-9 _ -.";
  if (!optional_int(json, "seen", 0, &frame->seen)) return "`seen` must be an integer of at least 0.";
  if (!optional_int(json, "app", 1, &frame->app)) return "`app` must be an integer of at least 1.";
  return NULL;
}

// What a subscribe and a page have in common; NULL if all of it is in order.
static const char *decode_asked(ds_frame *frame, ds_view json) {
  frame->pages = 1;
  if (!optional_int(json, "pages", 1, &frame->pages)) return "`pages` must be an integer of at least 1.";
  if (!optional_int(json, "id", 0, &frame->subscription)) return "`id` must be an integer of at least 0.";
  return NULL;
}

static const char *decode_subscribe(ds_arena *arena, ds_frame *frame, ds_view json) {
  if (!text_member(arena, json, "channel", &frame->channel)) return "A subscribe needs `channel`, a string.";
  ds_view cursor = ds_json_member(json, "cursor");
  if (ds_view_absent(cursor) || ds_json_type(cursor) == DS_JSON_NULL) return decode_asked(frame, json);
  frame->cursor.present = text_member(arena, cursor, "epoch", &frame->cursor.epoch) &&
    text_member(arena, cursor, "shape", &frame->cursor.shape) && int_member(cursor, "version", 0, &frame->cursor.version);
  return frame->cursor.present ? decode_asked(frame, json) : "A cursor needs `epoch` and `shape`, strings, and `version`, an integer of at least 0.";
}

static const char *decode_page(ds_arena *arena, ds_frame *frame, ds_view json) {
  frame->after = ds_json_member(json, "after");
  if (!text_member(arena, json, "channel", &frame->channel)) return "A page needs `channel`, a string.";
  if (ds_json_type(frame->after) != DS_JSON_ARRAY) return "A page needs `after`, a key.";
  if (!int_member(json, "rows", 1, &frame->rows)) return "A page needs `rows`, an integer of at least 1.";
  frame->until = ds_json_member(json, "until");
  return decode_asked(frame, json);
}

static const char *decode_unsubscribe(ds_arena *arena, ds_frame *frame, ds_view json) {
  if (!text_member(arena, json, "channel", &frame->channel)) return "An unsubscribe needs `channel`, a string.";
  return NULL;
}

// A frame may have hundreds of actions, and a payload many bytes: the members are taken in one pass. Of two with one name the last counts.
static ds_sent decode_sent(ds_arena *arena, ds_view json) {
  ds_sent sent = {0};
  ds_json_iterator member = ds_json_iterate(json);
  while (member.named && ds_json_next(&member)) {
    if (ds_json_is_string(member.name, "payload")) sent.payload = member.value;
    else if (ds_json_is_string(member.name, "type")) sent.type = ds_json_string(arena, member.value);
    else if (ds_json_is_string(member.name, "channel")) sent.channel = ds_json_string(arena, member.value);
    else if (ds_json_is_string(member.name, "number")) ds_json_int(member.value, &sent.number);
  }
  return sent;
}

static const char *decode_actions(ds_arena *arena, ds_frame *frame, ds_view json) {
  ds_view list = ds_json_member(json, "actions");
  if (!int_member(json, "acknowledged", 0, &frame->acknowledged)) return "Actions need `acknowledged`, an integer of at least 0.";
  if (ds_json_type(list) != DS_JSON_ARRAY) return "Actions need `actions`, an array.";
  // To count them would take a pass of its own: there are at most as many as the shortest would fill the list with.
  size_t most = list.size / (sizeof "{'number':1,'channel':'','type':''}" - 1) + 1;
  if (most > DS_MAX_ACTIONS) most = DS_MAX_ACTIONS;
  frame->sent = ds_arena_take(arena, most * sizeof *frame->sent);
  for (ds_json_iterator item = ds_json_iterate(list); ds_json_next(&item);) {
    if (frame->sent_count == DS_MAX_ACTIONS) return "There are more than " LIMIT_TEXT(DS_MAX_ACTIONS) " actions in the frame.";
    ds_sent sent = decode_sent(arena, item.value);
    if (sent.number < 1 || ds_view_absent(sent.channel) || ds_view_absent(sent.type))
      return "An action needs `number`, an integer of at least 1, and `channel` and `type`, strings.";
    frame->sent[frame->sent_count++] = sent; // it is whole, so there is room
  }
  return NULL;
}

static const char *decode_typed(ds_arena *arena, ds_frame *frame, ds_view json, ds_view type) {
  static const struct {
    const char *wire;
    ds_frame_type type;
    const char *(*decode)(ds_arena *arena, ds_frame *frame, ds_view json);
  } types[] = {
#define decode_HELLO decode_hello
#define decode_SUBSCRIBE decode_subscribe
#define decode_PAGE decode_page
#define decode_UNSUBSCRIBE decode_unsubscribe
#define decode_ACTIONS decode_actions
#define DS_FRAME(name, wire) {wire, DS_##name, decode_##name},
#include "frames.def"
#undef DS_FRAME
  };
  frame->protocol = 2;
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    if (!ds_json_is_string(type, types[i].wire)) continue;
    frame->type = types[i].type;
    return types[i].decode(arena, frame, json);
  }
  return "The frame's `type` is not known.";
}

// ---- Version 1

static const char *decode_v1_rpc(ds_arena *arena, ds_frame *frame, ds_view json) {
  ds_view action = ds_json_member(json, "action");
  frame->type = DS_V1_RPC;
  frame->id = ds_json_member(json, "id");
  if (ds_json_type(frame->id) != DS_JSON_STRING || frame->id.size > DS_MAX_CLIENT + 2)
    return "An rpc needs `id`, a string of at most " LIMIT_TEXT(DS_MAX_CLIENT) " bytes.";
  frame->sent = ds_arena_take(arena, sizeof *frame->sent);
  frame->sent_count = 1;
  *frame->sent = decode_sent(arena, action);
  if (ds_view_absent(frame->sent->type)) return "An rpc needs `action`, an object with `type`, a string.";
  frame->sent->channel = frame->channel;
  frame->sent->number = 0;
  return NULL;
}

static const char *decode_v1(ds_arena *arena, ds_frame *frame, ds_view json) {
  bool sync = ds_json_type(ds_json_member(json, "sync")) == DS_JSON_TRUE;
  bool rpc = ds_json_type(ds_json_member(json, "rpc")) == DS_JSON_TRUE;
  if (!sync && !rpc) return "The frame has no `type`.";
  frame->protocol = 1;
  if (!text_member(arena, json, "channel", &frame->channel)) return "The frame needs `channel`, a string.";
  if (rpc) return decode_v1_rpc(arena, frame, json);
  ds_json_kind from = ds_json_type(ds_json_member(json, "from"));
  frame->type = DS_V1_SYNC;
  frame->from = from != DS_JSON_ABSENT && from != DS_JSON_NULL;
  return NULL;
}

// ---- Any

static const char *decode(ds_arena *arena, ds_frame *frame, ds_frame_kind kind, ds_view bytes) {
  ds_json_error error;
  if (kind == DS_FRAME_BINARY) return "Frames are text messages.";
  if (kind == DS_FRAME_HUGE || (bytes.size > DS_MAX_FRAME && !frame->own)) {
    frame->code = DS_FRAME_TOO_LARGE;
    return "A frame has at most " LIMIT_TEXT(DS_MAX_FRAME) " bytes.";
  }
  if (!ds_json_validate(bytes, &error)) return error.message;
  if (ds_json_type(bytes) != DS_JSON_OBJECT) return "A frame is a JSON object.";
  ds_view type = ds_json_member(bytes, "type");
  return ds_view_absent(type) ? decode_v1(arena, frame, bytes) : decode_typed(arena, frame, bytes, type);
}

ds_frame ds_frame_decode(ds_arena *arena, ds_frame_kind kind, ds_view bytes) {
  ds_frame frame = {.poisoned = kind == DS_FRAME_POISONED, .own = kind == DS_FRAME_OWN};
  frame.message = decode(arena, &frame, kind, bytes);
  if (!frame.own) frame.until = (ds_view){0};
  if (frame.message && frame.code == DS_OK) frame.code = DS_BAD_FRAME;
  return frame;
}
