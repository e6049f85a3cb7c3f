// SPDX-License-Identifier: MIT
// Mistakes planted in the core, one at a time: each must be seen by the simulator. `from` must stand in the file exactly once. Where the simulator cannot see one, `test` names
// the native test that does, and `why` says why.
export const mutants = [
  // --- the change log
  { name: "a delete leaves no tombstone", file: "trigger.c", from: `"BEGIN {leaves}"`, to: `"BEGIN SELECT 1; "` },
  { name: "an insert is not logged", file: "trigger.c", from: `"BEGIN {guards}{enters}"`, to: `"BEGIN {guards}"` },
  { name: "the old key stays when a key changes", file: "trigger.c", from: `WHERE {rekeyed}; "`, to: `WHERE 0; "` },
  { name: "a row under a new key is taken for the one that was there", file: "trigger.c", from: `(2 - ({rekeyed}), `, to: `(2, ` },
  { name: "a row that leaves a part of a table is not told", file: "trigger.c", from: `WHEN {touched} AND {member OLD} BEGIN {leaves}`, to: `WHEN {touched} AND {member OLD} BEGIN SELECT 1; ` },
  { name: "a row is compared after it has changed", file: "trigger.c", from: `WHEN {touched} AND {member OLD} BEGIN`, to: `WHEN {touched} AND {member NEW} BEGIN` },
  { name: "one change after the cursor is skipped", file: "log.c", from: `"WHERE version > ?1 ORDER BY`, to: `"WHERE version > ?1 + 1 ORDER BY` },
  { name: "compaction leaves the oldest entry of each row", file: "log.c", from: `(SELECT max(version) FROM {log} GROUP BY key)`, to: `(SELECT min(version) FROM {log} GROUP BY key)` },
  { name: "compaction leaves no marker", file: "log.c", from: `  run_template(sql, table, "UPDATE {log} SET op = 0, columns = NULL, key = '' WHERE op <> 0 AND version = " NEWEST, DS_PARAMETERS(parameter));`, to: `` },
  { name: "compaction goes one entry too far", file: "log.c", from: `WHERE op <> 0 AND version = " NEWEST`, to: `WHERE op <> 0 AND version = 1 + " NEWEST` },
  { name: "the log claims to know everything", file: "log.c", from: `int64_t floor = marker ? ds_sql_integer(sql, cursor, 0) : 0;`, to: `int64_t floor = marker ? 0 : 0;` },
  { name: "whatever is marked is dropped for its age", file: "log.c", from: `WHERE channel = ?1 AND time <= ?2"`, to: `WHERE channel = ?1 AND time <> ?2"`, test: "changes leave the log 30 days after the day of their mark", why: "a log that forgets early costs snapshots, and breaks nothing" },

  // --- the net diff
  { name: "only the last columns that changed are told", file: "diff.c", from: `row->columns |= entry->columns;`, to: `row->columns = entry->columns;` },
  { name: "a new row is told as a change of columns", file: "diff.c", from: `return row->inserts || row->columns & DS_FURTHER_COLUMNS ? DS_PUT : DS_SET;`, to: `return row->columns & DS_FURTHER_COLUMNS ? DS_PUT : DS_SET;` },
  { name: "a row that came and went is told as there", file: "diff.c", from: `if (absent) return row->ousted || row->inserts < row->deletes ? DS_DEL : DS_NOTHING;`, to: `if (absent) return DS_NOTHING;` },
  { name: "a catch-up takes every row to be there", file: "patch.c", from: `if (records.count < keys.count && !records.more)`, to: `if (records.count > keys.count)` },
  { name: "a catch-up believes the log", file: "diff.c", from: `return mode == DS_CATCH_UP || !ds_view_absent`, to: `return (mode == DS_CATCH_UP && row->inserts && row->deletes) || !ds_view_absent` },

  // --- patches and pages
  { name: "a page tells the version after its own", file: "answer.c", from: `ds_sql_number(&turn->sql, table->version),`, to: `ds_sql_number(&turn->sql, table->version + 1),` },
  { name: "a patch tells the version before its own", file: "patch.c", from: `add_head(&change.json, diff->table, diff->reader, diff->from, diff->to);`, to: `add_head(&change.json, diff->table, diff->reader, diff->from, diff->to - 1);` },
  { name: "the news of a gap looks like a change", file: "fanout.c", from: `ds_change_empty(&turn->sql, table, reader, version, version);`, to: `ds_change_empty(&turn->sql, table, reader, 0, version);` },
  { name: "a page that was cut short counts as whole", file: "records.c", from: `  part.records.more = shorter;\n`, to: `  part.records.more = shorter;\n  part.last = until;\n` },
  { name: "a page leaves out the row that ends it", file: "records.c", from: `({key_columns}) <= ({key_values ?2})`, to: `({key_columns}) < ({key_values ?2})` },
  { name: "a page overtakes the answer before it", file: "answer.c", from: `else if (before || turn->read_bytes`, to: `else if (turn->read_bytes` },
  { name: "an answer forgets its subscription on the way", file: "answer.c", from: `page->pages), ds_sql_number(&turn->sql, page->subscription),`, to: `page->pages), ds_sql_number(&turn->sql, 0),` },
  { name: "the last page of an answer does not come", file: "answer.c", from: `if (page.pages > 0 && !ds_view_absent`, to: `if (page.pages > 1 && !ds_view_absent` },
  { name: "what a page was cut short by does not come", file: "answer.c", from: `else if (!part.records.more) page.pages--;`, to: `else page.pages--;` },
  { name: "a page whose records have gone is sent empty", file: "answer.c", from: `  if (begins || part.records.count || ds_view_absent(part.last)) {`, to: `  {`, test: "a page whose records have gone is not sent", why: "an empty page is one too many, and breaks nothing" },
  { name: "a catch-up that is too large is sent in part", file: "answer.c", from: `  if (diff.too_large) return false;\n`, to: `` },
  { name: "changes of several channels overfill a frame", file: "fanout.c", from: `    if (change.size > room) change`, to: `    if (change.size > 2 * DS_MAX_PATCH) change` },

  // --- resuming
  { name: "the epoch is ignored on resume", file: "answer.c", from: `ds_view_equal(cursor->epoch, turn->storage->epoch) && `, to: `` },
  { name: "the shape is ignored on resume", file: "answer.c", from: `ds_view_equal(cursor->shape, shape) &&`, to: `shape.size > 0 &&` },
  { name: "migrations do not change the shape", file: "table.c", from: `  ds_text_int(&text, generation);\n`, to: `  (void)generation;\n` },
  { name: "a new epoch is not stored", file: "storage.c", from: `"UPDATE durasync_meta SET epoch = ?1"`, to: `"UPDATE durasync_meta SET epoch = ifnull(epoch, ?1)"` },
  { name: "a history cannot be renewed under older code", file: "core.c", from: `if (!ds_storage_renew(`, to: `if (!core->ready || !ds_storage_renew(` },

  // --- turns
  { name: "frames of a turn that was undone go out", file: "core.c", from: `  turn->out = (ds_outbound){.host = core->host, .arena = core->arena};\n`, to: `` },
  { name: "the version of a turn that was undone stays", file: "core.c", from: `    core->storage.tables[i].version = versions[i];\n`, to: `    (void)versions;\n` },
  { name: "a write that could not be told is forgotten in sleep", file: "core.c", from: `  send_followers_away(core, turn);\n`, to: `  (void)send_followers_away;\n` },
  { name: "a failed action leaves what it did", file: "action.c", from: `  return ds_failed(action) ? 1 : 0;`, to: `  return 0;` },

  // --- subscribers
  { name: "a subscription is not attached to its socket", file: "answer.c", from: `  peer->channels = channels;\n  peer->changed = true;`, to: `  peer->channels = channels;` },
  { name: "the first channel is forgotten on waking", file: "peer.c", from: `if (channel >= 0) peer->channels |=`, to: `if (channel > 0) peer->channels |=` },
  { name: "only those who have spoken since waking are told", file: "peer.c", from: `  if (peers->complete) return;`, to: `  if (peers->complete || peers->count > 0) return;` },
  { name: "a reader that does not read is sent more", file: "delivery.c", from: `socket_backlog(out->host->context, socket) <= DS_MAX_BACKLOG;`, to: `socket_backlog(out->host->context, socket) <= 2 * (size_t)DS_MAX_BACKLOG;` },
  { name: "a socket may send as fast as it likes", file: "peer.c", from: `if (peer->frames_left < 1000) return false;`, to: `if (peer->frames_left < -1000000000) return false;`, test: "a socket may send 2,000 frames at once and 500 a second", why: "an object that answers more than it must breaks nothing that a client can see" },

  { name: "the newest change is taken for the only one", file: "diff.c", from: `newest->version == diff->from + 1 &&`, to: `newest->version > diff->from &&` },
  // --- exactly once
  { name: "the last client is remembered though its turn is undone", file: "core.c", from: `ds_peers_forget(&core->peers);\n  core->last_client.size = 0;`, to: `ds_peers_forget(&core->peers);` },
  { name: "the last client is remembered without its outcomes", file: "client.c", from: `client->outcomes || client->id.size`, to: `client->id.size` },
  { name: "the outcome is not stored", file: "client.c", from: `  client->settled++;\n  client->changed = true;`, to: `  client->settled++;` },
  { name: "a rejection is forgotten", file: "client.c", from: `bool plain = outcome->code == DS_OK && ds_view_absent`, to: `bool plain = ds_view_absent` },
  { name: "more is forgotten than was acknowledged", file: "client.c", from: `client->outcomes->number <= number)`, to: `client->outcomes->number <= number + 1)` },
  { name: "a backup counts by itself", file: "client.c", from: `  if (number > client->settled) client->settled = number;\n`, to: `` },
  { name: "a number may be left out", file: "dispatch.c", from: `sent->number > client->settled + 1 ?`, to: `sent->number > client->settled + 2 ?` },
  { name: "clients are forgotten after a day", file: "core.c", from: `turn->now - DS_CLIENT_AGE, turn`, to: `turn->now - DS_RPC_AGE, turn` },
  { name: "a restore forgets who was there", file: "storage.c", from: `  ds_clients_greet_all(&sql, host->now(host->context));\n`, to: ``, test: "a client that a backup has not seen for long is not forgotten", why: "it takes an old backup, long absences and a lost outcome: one world in twenty thousand" },
  { name: "a client that comes is not noted", file: "client.c", from: `if (client->known && now - client->seen > DS_CLIENT_NOTED) client->changed = true;`, to: `(void)client, (void)now;` },
  {
    name: "a result is kept as deep as a text may be", file: "action.c",
    from: `ds_json_fits(json, OUTCOME_LEVELS, &error)`, to: `ds_json_fits(json, 0, &error)`,
    test: "what is as deep as can be stored is told, and no deeper", why: "the worlds' results are flat",
  },
  {
    name: "a message may have any length", file: "action.c", from: `return can_be_kept(action, ds_text_view(&json), "message");`, to: `return true;`,
    test: "what is as long as can be stored is told, and no longer", why: "the worlds' messages are short",
  },
  {
    name: "an outcome that cannot be read counts as committed", file: "client.c",
    from: `  if (number <= client->lost) return lost_outcome(arena, number);\n`, to: ``,
    test: "an outcome that cannot be read is never called committed", why: "the worlds' storage keeps what it has",
  },
  {
    name: "what is lost is forgotten with the next write", file: "client.c",
    from: `    if (ds_view_equal(item.value, lost_outcome(arena, number))) client->lost = number;\n`, to: ``,
    test: "an outcome that cannot be read is never called committed", why: "the worlds' storage keeps what it has",
  },
  {
    name: "ids that somebody makes up are kept for good", file: "client.c", from: `  if (*clients->refused_bytes <= DS_MAX_REFUSED_BYTES) return;\n`,
    to: `  return;\n`, test: "who may do nothing cannot fill the storage", why: "no world has thousands of clients",
  },
  {
    name: "a client that acts leaves what it was refused before", file: "client.c", from: `    if (client->refused && client->acted) let_act(sql, client);\n`, to: `    (void)let_act;\n`,
    test: "a client that was refused at first keeps its numbers when it acts", why: "a second row is read by nobody",
  },

  // --- tables redefined without a migration
  { name: "triggers are taken to be there", file: "storage.c", from: `return open->intact || open->storage`, to: `return true || open->storage`, test: "a table that is redefined without a migration is noticed", why: "no world redefines a table" },
  { name: "triggers are taken to be there after the app's start", file: "storage.c", from: `  if (open->app->on[DS_ON_START]) open->intact = false; // it may do what it likes\n`, to: ``, test: "a table that the app's start makes anew is noticed", why: "no world redefines a table" },

  // --- personal channels
  { name: "the log notes no old values", file: "log.c", from: `ds_text_fill(sql, ", #.", &row);`, to: `ds_text_fill(sql, ", NULL AND #.", &row);` },
  { name: "a hidden column that decides is not watched", file: "trigger.c", from: `  if (table->asked_count == 0) return;\n  ds_text_str(sql, " OR ");`, to: `  if (table->asked_count < 1000) return;\n  ds_text_str(sql, " OR ");` },
  { name: "those who saw what was deleted are not told", file: "log.c", from: `?2 AND op <> 1}`, to: `?2 AND op = 2}` },
  { name: "only those who saw a record are told of it", file: "log.c", from: `{where durasync_reader.value}) OR EXISTS "`, to: `{where durasync_reader.value}) OR 0 AND EXISTS "` },
  { name: "compaction forgets who saw a record", file: "log.c", from: `GROUP BY key, op = 1{old_names})`, to: `GROUP BY key, op = 1)` },
  { name: "a log is not made anew for another question", file: "log.c", from: `  if (ds_view_equal(found, ds_text_view(&wanted))) return;`, to: `  if (found.size) return;`, test: "a where that is changed begins a new log, and everybody fetches anew", why: "every write to its table fails then, and is answered as it should be" },
  { name: "what enters a reader's sight is told as a change of columns", file: "diff.c", from: `mode == DS_LIVE && !row->unseen && `, to: `mode == DS_LIVE && ` },
  { name: "a lone change is told without asking whom it concerns", file: "diff.c", from: `diff->from + 1 && !diff->table->personal`, to: `diff->from + 1` },
  { name: "every reader hears what is gone", file: "diff.c", from: `return row->seen ? DS_DEL : DS_NOTHING;`, to: `return DS_DEL;` },
  { name: "what has left a reader's sight stays", file: "diff.c", from: `return row->seen ? DS_DEL : DS_NOTHING;`, to: `return row->seen && row->deletes ? DS_DEL : DS_NOTHING;` },
  { name: "the shape ignores who reads", file: "table.c", from: `  ds_text_add(&text, reader);\n  return ds_hash`, to: `  (void)reader;\n  return ds_hash` },
  { name: "a concerned reader is skipped", file: "fanout.c", from: `    for (; at < concerned && one != end; at++) one = one->next;\n    if (one != end) one->silent = false;`, to: `    for (; at < concerned && one != end; at++) one = one->next;\n    if (one != end && at < 1) one->silent = false;` },
  { name: "a change is made for one reader and sent to all", file: "fanout.c", from: `  if (!all->turn->storage->tables[channel].by_reader) return all->first[channel];`, to: `  if (channel < DS_MAX_CHANNELS) return all->first[channel];` },
  { name: "readers with the same channels share a frame", file: "fanout.c", from: `bool personal = any_personal(turn, channels);`, to: `bool personal = any_personal(turn, channels) && false;` },
  { name: "a reader with rows of their own is not told of a gap", file: "fanout.c", from: `ds_change_empty(&turn->sql, table, reader, version, version);`, to: `ds_change_empty(&turn->sql, table, reader, table->personal ? -1 : version, version);` },
  { name: "news for a reader with rows of their own starts at a cursor", file: "fanout.c", from: `  return table->personal ? -1 : table->version;`, to: `  return table->personal ? 0 : table->version;`, test: "news after a gap is not taken for the answer to it", why: "the cursor is that of a channel which nobody has written to, its first change a gap, and the next one comes before the answer" },
  { name: "an identity does not outlive a sleep", file: "peer.c", from: `ds_view_absent(peer->identity) ? DS_LITERAL("null") : peer->identity;`, to: `DS_LITERAL("null");` },
  {
    name: "who was let in as somebody goes on as nobody", file: "peer.c", from: `  peer->unread = !read_identity(peer, text);\n`, to: `  read_identity(peer, text);\n`,
    test: "a socket whose attachment says nothing of who it is comes back, and is asked", why: "the worlds' attachments are the core's own",
  },
  {
    name: "a subscription is forgotten where there is no room for it", file: "answer.c", from: `.size <= DS_MAX_ATTACHMENT) return true;`, to: `.size <= 1000000) return true;`,
    test: "a subscription that would be forgotten in sleep is refused", why: "the worlds' channels have short names",
  },
  {
    name: "an identity is let in unread", file: "connect.c", from: `const char *fault = nobody ? NULL :`, to: `const char *fault = true ? NULL :`,
    test: "an identity is let in as it is read back, or not at all", why: "the worlds' identities are flat",
  },
  { name: "who may subscribe is not asked", file: "answer.c", from: `  ds_table *table = readable_table_of(turn, received);\n  if (!table) return;\n  if (!subscribe(`, to: `  ds_table *table = table_of(turn, received);\n  if (!table) return;\n  if (!subscribe(` },
  { name: "who may read is not asked at each page", file: "answer.c", from: `  ds_table *table = readable_table_of(turn, received);\n  if (!table) return;\n  uint32_t cells`, to: `  ds_table *table = table_of(turn, received);\n  if (!table) return;\n  uint32_t cells` },
  { name: "who may read is not asked in version 1", file: "answer.c", from: `  ds_table *table = readable_table_of(turn, received);\n  if (!table) return;\n  ds_view reader`, to: `  ds_table *table = table_of(turn, received);\n  if (!table) return;\n  ds_view reader` },
  { name: "who may read is not asked where version 1 gets its rows", file: "dispatch.c", from: `if (ds_turn_may_read(turn, received, table).code == DS_OK) {`, to: `if (table) {`, test: "an rpc of version 1 brings rows to those who may read them", why: "the worlds' clients of version 1 send no rpc" },

  // --- what a where may be, and rows for which it fails
  { name: "a where may ask the clock", file: "where.c", from: `  refuse(where, "calls ", token->text,`, to: `  if (token->text.size == 0) refuse(where, "calls ", token->text,`, test: "a where that is not sound is refused at the start, by name and reason", why: "no world asks the clock" },
  { name: "a text in double quotes is taken for a text", file: "where.c", from: `  else if (!column) refuse(where, "names "`, to: `  else if (!column && !quoted) refuse(where, "names "`, test: "a where that is not sound is refused at the start, by name and reason", why: "no world spells a column wrongly" },
  { name: "a where that can fail stands in a trigger", file: "where.c", from: `table->personal = table->by_reader || table->fallible;`, to: `table->personal = table->by_reader;`, test: "a bad row can be written, changed and deleted by actions", why: "an action that fails is answered as it should be" },
  { name: "a row for which the where fails takes its page with it", file: "records.c", from: `  if (!ds_failed_for_a_row(sql, &attempt, table)) return part;\n  frame->count = before;`, to: `  sql->status = attempt.status;\n  if (!table->fallible || attempt.status) return part;\n  frame->count = before;` },
  { name: "a row for which the where fails takes its commit with it", file: "diff.c", from: `  if (ds_failed_for_a_row(sql, &attempt, diff->table)) mark_absent_singly(`, to: `  sql->status = attempt.status;\n  if (!diff->table) mark_absent_singly(` },
  { name: "a row for which the where fails is there", file: "diff.c", from: `    if (ds_failed_for_a_row(sql, &attempt, diff->table)) absent[rows[i]] = true;`, to: `    if (ds_failed_for_a_row(sql, &attempt, diff->table)) absent[rows[i]] = false;` },
  { name: "a row that was bad was seen", file: "log.c", from: `return !ds_failed_for_a_row(sql, &attempt, table) && saw;`, to: `return ds_failed_for_a_row(sql, &attempt, table) || saw;` },

  // --- what a REPLACE removes
  { name: "what an insert replaces is not noted", file: "trigger.c", from: `BEFORE INSERT", "BEGIN {ousted insert}"`, to: `BEFORE INSERT", "BEGIN SELECT 1; "` },
  { name: "what an update replaces is not noted", file: "trigger.c", from: `BEFORE UPDATE{unique}", "BEGIN {ousted update}"`, to: `BEFORE UPDATE{unique}", "BEGIN SELECT 1; "` },
  { name: "what stood in the way is taken to have stayed", file: "diff.c", from: `if (absent) return row->ousted || row->inserts`, to: `if (absent) return row->inserts` },
  { name: "what stood in the way is taken to be gone", file: "diff.c", from: `|| row->ousted || (row->inserts`, to: `|| (row->inserts` },
  { name: "the core says what triggers the app's triggers fire", file: "storage.c", from: `"SELECT epoch, migrations`, to: `"PRAGMA recursive_triggers = ON; SELECT epoch, migrations`, test: "a trigger of the app's that stamps its row works as without durasync", why: "an app in a world may say so itself" },

  // --- actions that end the transaction
  { name: "what the others of a turn did is gone with the action that ends it", file: "action.c", from: `  if (status == DS_SQL_ENDED) return outcome_of_end(action);`, to: `  if (status == DS_SQL_ENDED && !ds_failed(action)) return outcome_of_end(action);`, test: "an action that ends the transaction is rejected alone", why: "no action of its worlds ends a transaction" },
  { name: "an action that ends the transaction is run again", file: "dispatch.c", from: `  if (sent->verdict) return *sent->verdict;\n`, to: ``, test: "an action that ends the transaction is rejected alone", why: "no action of its worlds ends a transaction" },
  { name: "a turn that is done again ends at nothing", file: "core.c", from: `    if (done == DS_MAX_REDONE) turn->last = ended_by;`, to: `    if (done > DS_MAX_REDONE) turn->last = ended_by;`, test: "a frame full of them is done in several turns", why: "no action of its worlds ends a transaction" },
  { name: "what a canRead ends is asked again", file: "turn.c", from: `  if (received->verdict) return *received->verdict;\n`, to: ``, test: "who asks to read may end the transaction, too", why: "no action of its worlds ends a transaction" },

  // --- migrations
  { name: "a table made again loses what refers to it", file: "migration.c", from: `WHERE new.rowid <> old.value`, to: `WHERE new.rowid < old.value`, test: "a table that is made again keeps what refers to it", why: "no world has foreign keys" },
  { name: "what a migration says of foreign keys is passed over", file: "storage.c", from: `bool apart = migration->sql && ds_migration_turns_keys_off(ds_view_of(migration->sql));`, to: `bool apart = false;`, test: "what a migration says of foreign keys holds while it runs", why: "no world has foreign keys" },
  { name: "what a migration in C says of foreign keys is passed over", file: "handler.c", from: `if (mentions(sql, "foreign_keys")) ds_note_keys`, to: `if (sql[0] == '*') ds_note_keys`, test: "what a migration says of foreign keys holds while it runs", why: "no world has foreign keys" },
  { name: "a key that stops a migration stops the release", file: "storage.c", from: `has(outcome->message, "FOREIGN KEY constraint failed")`, to: `has(outcome->message, "nothing")`, test: "a table that is made again keeps what refers to it", why: "no world has foreign keys" },
  { name: "keys are not looked at after they were off", file: "storage.c", from: `  return keys_hold(open, before);`, to: `  return keys_hold(open, (ds_view){before.size ? NULL : NULL, 0});`, test: "what a migration leaves without its parent undoes it, and foreign keys are on again", why: "no world has foreign keys" },
  { name: "foreign keys stay off", file: "storage.c", from: `if (!switch_keys(&sql, storage->keys_on)) return`, to: `if (!switch_keys(&sql, false)) return`, test: "a table that is made again keeps what refers to it", why: "no world has foreign keys" },
  { name: "what dangled before is held against a migration", file: "migration.c", from: `HAVING count(*) > ifnull(`, to: `HAVING count(*) > 0 * ifnull(`, test: "what had no parent before a migration is not held against it", why: "no world has foreign keys" },
  { name: "a migration is known by its text", file: "migration.c", from: `plain ? lower(token.text.at[i])`, to: `plain && i > 99 ? lower(token.text.at[i])`, test: "a migration that has changed since it ran is said by its number", why: "no world changes what has run" },
  { name: "what has run is not judged", file: "storage.c", from: `if (was_function || ds_view_equal(then.value, other.value)) continue;`, to: `if (!was_function) continue;`, test: "a migration that has changed since it ran is said by its number", why: "no world changes what has run" },
];
