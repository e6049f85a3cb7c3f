// SPDX-License-Identifier: MIT
// The conversations of conversation.c with an app whose channels show everybody something else. `@N {"identity":{...}}` says who a new socket is.
#define durasync_app personal_app
#include "../apps/personal/personal.c"

#include "conversation.c"
