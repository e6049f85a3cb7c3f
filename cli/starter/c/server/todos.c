#include "durasync.h"

static const ds_field new_todo[] = {{"id", DS_TEXT, .min = 1, .max = 64}, {"text", DS_TEXT, .min = 1, .max = 500}, {0}};

static void create(ds_action *action) {
  ds_run(action, "INSERT INTO todos (id, text) VALUES (:id, :text)");
}

static void toggle(ds_action *action) {
  ds_run(action, "UPDATE todos SET completed = NOT completed WHERE id = :id");
  if (ds_changes(action) == 0) ds_reject(action, DS_NOT_FOUND, "That todo is gone.");
}

const ds_app durasync_app = {
  .channels = (const ds_channel[]){{.name = "todos"}, {0}},
  .migrations = (const ds_migration[]){{"CREATE TABLE todos (id TEXT PRIMARY KEY, text TEXT NOT NULL, completed INTEGER NOT NULL DEFAULT 0)"}, {0}},
  .actions = (const ds_action_type[]){{"todos", "create", create, new_todo}, {"todos", "toggle", toggle}, {0}},
};
