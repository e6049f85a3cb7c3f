// SPDX-License-Identifier: MIT
// No app: what is left of a module is the core.
#include "durasync.h"

const ds_app durasync_app = {0};
