// SPDX-License-Identifier: MIT
// Any bytes to the decoder of frames: a frame comes out, whole or with a code and a sentence.
#include "../../src/error.h"
#include "../../src/frame.h"
#include "../../src/json.h"
#include "../../src/limits.h"
#include "fuzz.h"

static void check_whole(const ds_frame *frame) {
  FUZZ_CHECK(frame->protocol == 1 || frame->protocol == 2);
  FUZZ_CHECK(frame->sent_count <= DS_MAX_ACTIONS);
  for (uint32_t i = 0; i < frame->sent_count; i++) {
    const ds_sent *sent = &frame->sent[i];
    FUZZ_CHECK(!ds_view_absent(sent->channel) && !ds_view_absent(sent->type));
    FUZZ_CHECK(frame->protocol == 1 || sent->number >= 1);
    FUZZ_CHECK(ds_view_absent(sent->payload) || ds_json_validate(sent->payload, NULL));
  }
  if (frame->type == DS_HELLO) FUZZ_CHECK(frame->client.size >= 1 && frame->client.size <= DS_MAX_CLIENT && frame->seen >= 0);
  if (frame->type == DS_PAGE) FUZZ_CHECK(frame->rows >= 1 && ds_json_type(frame->after) == DS_JSON_ARRAY);
  if (frame->type == DS_V1_RPC) FUZZ_CHECK(frame->sent_count == 1 && frame->id.size <= DS_MAX_CLIENT + 2);
  if (frame->cursor.present) FUZZ_CHECK(frame->cursor.version >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  ds_arena *arena = ds_arena_new();
  ds_frame frame = ds_frame_decode(arena, DS_FRAME_TEXT, (ds_view){(const char *)data, size});
  if (frame.code != DS_OK) FUZZ_CHECK(frame.message != NULL && !ds_view_absent(ds_code_wire(frame.code)));
  else check_whole(&frame);
  ds_arena_free(arena);
  return 0;
}
