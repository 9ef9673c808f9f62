/*
 * Large zeroed arrays whose untouched pages cost nothing: anonymous mappings.
 *
 * Workspaces and optimizer moments are reserved for the worst case and paid for as they are used.
 */
#ifndef CORE_BASE_PAGES_H
#define CORE_BASE_PAGES_H

#include <stddef.h>

struct pages {
    void *memory;
    size_t bytes;
};

/* count * size zeroed bytes, page-aligned; memory is NULL when they cannot be had or overflow. */
struct pages pages_map(size_t count, size_t size);

/*
 * Say that all of bytes from..from+bytes will be used, and often: the system backs them by huge
 * pages where it can, which it would not do well for arrays with gaps.
 */
void pages_use_all(const struct pages *pages, size_t from, size_t bytes);

/*
 * Whole pages within bytes from..from+bytes leave memory. Those of a mapped file that nobody has
 * written come back from it when they are read; all others are zero then.
 */
void pages_forget(const struct pages *pages, size_t from, size_t bytes);

/* Give them back; an all-zero struct is fine. */
void pages_unmap(struct pages *pages);

#endif
