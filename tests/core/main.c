// SPDX-License-Identifier: MIT
// Runs every native test, and the golden conversations of the todo app. With arguments, which are files of conversations, it runs just those.
#include "../native/conversation.h"
#include "test.h"

extern const test bytes_tests[], json_tests[], core_tests[], faults_tests[], log_tests[], parts_tests[], limits_tests[], versions_tests[], handler_tests[], app_tests[], personal_tests[];
extern const test outcomes_tests[], keys_tests[];
extern const test failing_tests[], replace_tests[];
extern const test ending_tests[], found_tests[], json_suite_tests[], peer_tests[], scale_tests[], migrations_tests[], pages_tests[], template_tests[];

int main(int count, char **arguments) {
  for (int i = 1; i < count; i++) conversation_run_file(&durasync_app, arguments[i]);
  if (count > 1) return test_summary();
  test_run_all("bytes", bytes_tests);
  test_run_all("template", template_tests);
  test_run_all("json", json_tests);
  test_run_all("core", core_tests);
  test_run_all("faults", faults_tests);
  test_run_all("log", log_tests);
  test_run_all("parts", parts_tests);
  test_run_all("outcomes", outcomes_tests);
  test_run_all("keys", keys_tests);
  test_run_all("limits", limits_tests);
  test_run_all("pages", pages_tests);
  test_run_all("versions", versions_tests);
  test_run_all("handler", handler_tests);
  test_run_all("app", app_tests);
  test_run_all("personal", personal_tests);
  test_run_all("failing", failing_tests);
  test_run_all("replace", replace_tests);
  test_run_all("ending", ending_tests);
  test_run_all("found", found_tests);
  test_run_all("json suite", json_suite_tests);
  test_run_all("peer", peer_tests);
  test_run_all("scale", scale_tests);
  test_run_all("migrations", migrations_tests);
  conversation_run_folder(&durasync_app, "tests/conversations");
  return test_summary();
}
