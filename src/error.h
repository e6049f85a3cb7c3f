// SPDX-License-Identifier: MIT
// The texts of the error codes, from errors.def.
#ifndef DURASYNC_ERROR_H
#define DURASYNC_ERROR_H

#include "durasync.h"

// The code as it stands on the wire, and its sentence. `code` must not be DS_OK.
ds_view ds_code_wire(ds_code code);
ds_view ds_code_sentence(ds_code code);

// The code that is called `wire`; DS_OK if there is none.
ds_code ds_code_of(ds_view wire);

#endif
