/* Large zeroed arrays; see pages.h. */
#include "core/base/pages.h"

#include "core/base/mem.h"

#include <sys/mman.h>
#include <unistd.h>

struct pages
pages_map(size_t count, size_t size)
{
    struct pages pages = {0};
    size_t bytes = 0;
    if (!mem_multiply(count, size, &bytes))
        return pages;
    bytes = bytes > 0 ? bytes : 1;
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory != MAP_FAILED)
        pages = (struct pages){memory, bytes};
    return pages;
}

void
pages_use_all(const struct pages *pages, size_t from, size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t start = (from + page - 1) / page * page;
    if (start < from + bytes)
        (void)madvise((char *)pages->memory + start, from + bytes - start, MADV_HUGEPAGE);
}

void
pages_forget(const struct pages *pages, size_t from, size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t start = (from + page - 1) / page * page;
    size_t end = (from + bytes) / page * page;
    if (start < end)
        (void)madvise((char *)pages->memory + start, end - start, MADV_DONTNEED);
}

void
pages_unmap(struct pages *pages)
{
    if (pages->memory != NULL)
        munmap(pages->memory, pages->bytes);
    *pages = (struct pages){0};
}
