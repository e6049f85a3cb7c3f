// SPDX-License-Identifier: MIT
#include "error.h"

typedef struct code_text {
  ds_view wire;
  ds_view sentence;
} code_text;

static code_text text_of(ds_code code) {
  switch (code) {
#define DS_CODE(name, wire, sentence) \
  case DS_##name: return (code_text){DS_LITERAL(wire), DS_LITERAL(sentence)};
#include "errors.def"
#undef DS_CODE
    case DS_OK: break;
  }
  ds_panic();
}

ds_view ds_code_wire(ds_code code) {
  return text_of(code).wire;
}

ds_view ds_code_sentence(ds_code code) {
  return text_of(code).sentence;
}
