// SPDX-License-Identifier: MIT
#include "error.h"

typedef struct code_text {
  ds_view wire;
  ds_view sentence;
} code_text;

// By code; DS_OK has none.
static const code_text texts[] = {
#define DS_CODE(name, wire, sentence) [DS_##name] = {{wire, sizeof(wire) - 1}, {sentence, sizeof(sentence) - 1}},
#include "errors.def"
#undef DS_CODE
};

ds_view ds_code_wire(ds_code code) {
  return texts[code].wire;
}

ds_view ds_code_sentence(ds_code code) {
  return texts[code].sentence;
}

ds_code ds_code_of(ds_view wire) {
  size_t code = sizeof texts / sizeof *texts - 1;
  while (code > DS_OK && !ds_view_equal(texts[code].wire, wire)) code--;
  return (ds_code)code;
}
