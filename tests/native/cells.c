// SPDX-License-Identifier: MIT
#include "cells.h"

#include "../../src/json.h"
#include "../../src/limits.h"

ds_view cells_records(ds_arena *arena, ds_view page) {
  ds_json_iterator columns[DS_MAX_COLUMNS];
  uint32_t count = 0;
  for (ds_json_iterator column = ds_json_iterate(ds_json_member(page, "cells")); ds_json_next(&column) && count < DS_MAX_COLUMNS;) columns[count++] = ds_json_iterate(column.value);
  ds_text records = ds_text_new(arena);
  ds_text_str(&records, "[");
  for (uint32_t at = 0; count > 0; at = 0) {
    while (at < count && ds_json_next(&columns[at])) at++;
    if (at < count) break;
    ds_text_str(&records, records.size > 1 ? ",[" : "[");
    for (uint32_t i = 0; i < count; i++) {
      if (i) ds_text_str(&records, ",");
      ds_text_add(&records, columns[i].value);
    }
    ds_text_str(&records, "]");
  }
  ds_text_str(&records, "]");
  return ds_text_view(&records);
}
