/*
 * Hashes remembered in a list under a lock: a machine has tens of base models with a handful of
 * files each. A file that changed replaces its entry, so the list is never longer than the files
 * that were asked for.
 */
#include "daemon/work/hash_memory.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/fileio.h"
#include "core/base/mem.h"

struct remembered {
    struct remembered *next;
    struct stat status;
    char sha256[65];
    char path[];
};

struct hash_memory {
    pthread_mutex_t lock;
    struct remembered *first; /* under lock */
};

struct hash_memory *
hash_memory_new(void)
{
    struct hash_memory *memory = mem_small(sizeof *memory);
    *memory = (struct hash_memory){0};
    if (pthread_mutex_init(&memory->lock, NULL) != 0)
        abort(); /* out of memory for a few bytes, as in mem.h */
    return memory;
}

void
hash_memory_free(struct hash_memory *memory)
{
    if (memory == NULL)
        return;
    for (struct remembered *entry = memory->first, *next; entry != NULL; entry = next) {
        next = entry->next;
        free(entry);
    }
    pthread_mutex_destroy(&memory->lock);
    free(memory);
}

static bool
is_unchanged(const struct stat *then, const struct stat *now)
{
    return then->st_dev == now->st_dev && then->st_ino == now->st_ino &&
           then->st_size == now->st_size && then->st_mtim.tv_sec == now->st_mtim.tv_sec &&
           then->st_mtim.tv_nsec == now->st_mtim.tv_nsec &&
           then->st_ctim.tv_sec == now->st_ctim.tv_sec &&
           then->st_ctim.tv_nsec == now->st_ctim.tv_nsec;
}

/* The entry of a path; the lock is held. */
static struct remembered *
find(struct hash_memory *memory, const char *path)
{
    struct remembered *entry = memory->first;
    while (entry != NULL && strcmp(entry->path, path) != 0)
        entry = entry->next;
    return entry;
}

static bool
recall(struct hash_memory *memory, const char *path, const struct stat *status, char hex[65])
{
    pthread_mutex_lock(&memory->lock);
    const struct remembered *entry = find(memory, path);
    bool known = entry != NULL && is_unchanged(&entry->status, status);
    if (known)
        memcpy(hex, entry->sha256, sizeof entry->sha256);
    pthread_mutex_unlock(&memory->lock);
    return known;
}

static void
remember(struct hash_memory *memory, const char *path, const struct stat *status,
         const char hex[65])
{
    size_t length = strlen(path) + 1;
    struct remembered *fresh = mem_small(sizeof *fresh + length);
    memcpy(fresh->path, path, length);
    pthread_mutex_lock(&memory->lock);
    struct remembered *entry = find(memory, path);
    if (entry == NULL) {
        fresh->next = memory->first;
        memory->first = fresh;
        entry = fresh;
        fresh = NULL;
    }
    entry->status = *status;
    memcpy(entry->sha256, hex, sizeof entry->sha256);
    pthread_mutex_unlock(&memory->lock);
    free(fresh);
}

int
hash_memory_get(struct hash_memory *memory, const char *path, char hex[65], struct err *err)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return err_set_errno(err, "look at %s", path);
    if (memory != NULL && recall(memory, path, &status, hex))
        return 0;
    if (fileio_sha256(path, hex, err) != 0)
        return err->code;
    if (memory != NULL)
        remember(memory, path, &status, hex);
    return 0;
}
