#include "durasync.h"

static void create(ds_action *action) {
  ds_payload_text(action, "text", 1, 500);
  ds_run(action, "INSERT INTO todos (id, text) VALUES (:id, :text)");
}

static void toggle(ds_action *action) {
  ds_run(action, "UPDATE todos SET completed = NOT completed WHERE id = :id");
  if (ds_changes(action) == 0) ds_reject(action, DS_NOT_FOUND, "That todo is gone.");
}

const ds_app durasync_app = {
  .channels = (const ds_channel[]){{.name = "todos"}, {0}},
  .migrations = (const char *const[]){"CREATE TABLE todos (id TEXT PRIMARY KEY, text TEXT NOT NULL, completed INTEGER NOT NULL DEFAULT 0)", NULL},
  .actions = (const ds_action_type[]){{"todos", "create", create}, {"todos", "toggle", toggle}, {0}},
};
