// SPDX-License-Identifier: MIT
// Memory for SQLite. Most of what a world allocates is SQLite's, which is compiled without sanitizers and so is guarded by them at a price only: it gets memory that
// no sanitizer knows of. What the core and its host allocate stays guarded.
#ifndef DURASYNC_SIM_MEMORY_H
#define DURASYNC_SIM_MEMORY_H

// To be called once, before anything of SQLite's.
void memory_give_to_sqlite(void);

#endif
