/*
 * Slots that a signal handler may read; see crash_marker.h.
 *
 * A slot's text is written by its worker before its length is published, and the handler reads the
 * length first. What the handler does (prctl to learn its thread's name, write) is system calls
 * alone.
 */
#include "daemon/work/crash_marker.h"

#include "core/base/buf.h"
#include "core/base/fileio.h"
#include "daemon/store/ids.h"

#include <assert.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { MARKER_MAX_BYTES = 64 * 1024, THREAD_NAME_BYTES = 16 };

static const char thread_prefix[] = "job-";

struct slot {
    atomic_size_t length; /* 0: no job */
    char line[IDS_SIZE];  /* the id and a line's end */
};

struct crash_marker {
    int fd;
    struct slot slots[CRASH_MARKER_SLOTS];
};

static bool
is_known(const char *const *ids, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(ids[i], id) == 0)
            return true;
    return false;
}

int
crash_marker_read(const char *path, struct arena *arena, const char *const **ids, size_t *count,
                  struct err *err)
{
    struct buf text = {0};
    const char **found = arena_array(arena, MARKER_MAX_BYTES / 8, sizeof *found);
    *ids = found;
    *count = 0;
    int result = fileio_read(path, MARKER_MAX_BYTES, &text, err);
    char *rest = NULL;
    char *all = result == 0 ? arena_copy_bytes(arena, text.data, text.length) : NULL;
    for (char *line = all != NULL ? strtok_r(all, "\n", &rest) : NULL; line != NULL;
         line = strtok_r(NULL, "\n", &rest))
        if (ids_is_valid(ID_JOB, line) && !is_known(found, *count, line))
            found[(*count)++] = line;
    buf_fini(&text);
    return result == ERR_NOT_FOUND ? 0 : result;
}

int
crash_marker_open(const char *path, struct crash_marker **out, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_set_errno(err, "open %s", path);
    struct crash_marker *marker = mem_small(sizeof *marker);
    memset(marker, 0, sizeof *marker);
    marker->fd = fd;
    for (size_t i = 0; i < CRASH_MARKER_SLOTS; i++)
        atomic_init(&marker->slots[i].length, 0);
    *out = marker;
    return 0;
}

void
crash_marker_close(struct crash_marker *marker)
{
    if (marker == NULL)
        return;
    close(marker->fd);
    free(marker);
}

void
crash_marker_name_thread(size_t slot)
{
    char name[THREAD_NAME_BYTES] = "job-00";
    assert(slot < CRASH_MARKER_SLOTS);
    name[sizeof thread_prefix - 1] = (char)('0' + slot / 10);
    name[sizeof thread_prefix] = (char)('0' + slot % 10);
    prctl(PR_SET_NAME, name);
}

void
crash_marker_note(struct crash_marker *marker, size_t slot, const char *job_id)
{
    if (marker == NULL)
        return;
    struct slot *at = &marker->slots[slot];
    size_t length = strlen(job_id);
    assert(slot < CRASH_MARKER_SLOTS && length + 1 < sizeof at->line);
    atomic_store(&at->length, 0);
    if (length == 0)
        return;
    memcpy(at->line, job_id, length);
    at->line[length] = '\n';
    atomic_store(&at->length, length + 1);
}

/* The slot that the calling thread works for, or CRASH_MARKER_SLOTS. */
static size_t
slot_of_thread(void)
{
    char name[THREAD_NAME_BYTES] = {0};
    const char *digits = name + sizeof thread_prefix - 1;
    if (prctl(PR_GET_NAME, name) != 0)
        return CRASH_MARKER_SLOTS;
    for (size_t i = 0; i < sizeof thread_prefix - 1; i++)
        if (name[i] != thread_prefix[i])
            return CRASH_MARKER_SLOTS;
    if (digits[0] < '0' || digits[0] > '9' || digits[1] < '0' || digits[1] > '9')
        return CRASH_MARKER_SLOTS;
    return (size_t)(digits[0] - '0') * 10 + (size_t)(digits[1] - '0');
}

void
crash_marker_write(void *context, bool all)
{
    struct crash_marker *marker = context;
    size_t mine = slot_of_thread();
    for (size_t i = 0; i < CRASH_MARKER_SLOTS; i++) {
        size_t length = atomic_load(&marker->slots[i].length);
        if (length == 0 || (!all && i != mine))
            continue;
        ssize_t ignored = write(marker->fd, marker->slots[i].line, length);
        (void)ignored; /* nothing can be done about it here */
    }
}
