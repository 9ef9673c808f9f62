/*
 * Hashes of big files that seldom change (the files of base models), remembered.
 *
 * Thread-safe; the lock is not held while a file is hashed.
 */
#ifndef DAEMON_WORK_HASH_MEMORY_H
#define DAEMON_WORK_HASH_MEMORY_H

#include "core/base/err.h"

struct hash_memory;

struct hash_memory *hash_memory_new(void);

/* NULL is fine. */
void hash_memory_free(struct hash_memory *memory);

/* SHA-256 of the file at path, from memory (NULL: there is none) when inode, size and times are as
 * they were. */
int hash_memory_get(struct hash_memory *memory, const char *path, char hex[65], struct err *err);

#endif
