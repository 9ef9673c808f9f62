/* A tar archive that is computed where it is read; see archive.h. */
#include "daemon/work/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/fileio.h"
#include "core/base/mem.h"
#include "core/hub/tar.h"

_Static_assert((int)FOLDER_FILE_NAME_MAX <= (int)TAR_NAME_MAX, "every offered name fits a header");

/* One file: header, bytes, zeros up to the next block. */
struct member {
    const char *name;
    int fd;
    int64_t start; /* of its header in the archive */
    int64_t bytes;
};

struct archive {
    struct arena *arena;
    const char *folder; /* in front of each name */
    struct member *members;
    size_t count;
    int64_t bytes;
    char sha256[65];
};

/* A folder's name that every system takes: what is not [A-Za-z0-9._-] becomes '-'. */
static const char *
safe_name(const char *model_id, struct arena *arena)
{
    static const char allowed[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "._-";
    size_t length = strlen(model_id);
    char *name =
        arena_copy_bytes(arena, model_id, length < TAR_FOLDER_MAX ? length : TAR_FOLDER_MAX);
    for (char *c = name; *c != '\0'; c++)
        if (strchr(allowed, *c) == NULL || (c == name && *c == '.'))
            *c = '-';
    return name;
}

static int
open_member(const char *folder, const struct folder_file *file, struct member *out, struct err *err)
{
    struct stat status;
    struct arena *arena = arena_new();
    out->fd = open(arena_printf(arena, "%s/%s", folder, file->name), O_RDONLY | O_CLOEXEC);
    int code = errno;
    arena_free(arena);
    if (out->fd < 0 && code == ENOENT)
        return err_set(err, ERR_NOT_FOUND, "%s is gone", file->name);
    errno = code;
    if (out->fd < 0 || fstat(out->fd, &status) != 0)
        return err_set_errno(err, "open %s", file->name);
    if (status.st_size != file->bytes)
        return err_set(err, ERR_CONFLICT, "%s has just been changed", file->name);
    return 0;
}

static void
hash(struct archive *archive, const struct folder_files *files)
{
    struct buf text = {0};
    buf_printf(&text, "%s\n", archive->folder);
    for (size_t i = 0; i < files->count; i++)
        buf_printf(&text, "%s %" PRId64 " %s\n", files->items[i].name, files->items[i].bytes,
                   files->items[i].sha256);
    fileio_sha256_bytes(text.data, text.length, archive->sha256);
    buf_fini(&text);
}

int
archive_open(const char *model_id, const char *folder, const struct folder_files *files,
             struct archive **out, struct err *err)
{
    if (files->count > ARCHIVE_MAX_FILES)
        return err_set(err, ERR_UNSUPPORTED, "the model's folder holds more than %d files",
                       ARCHIVE_MAX_FILES);
    struct archive *archive = mem_small(sizeof *archive);
    *archive = (struct archive){.arena = arena_new()};
    archive->folder = safe_name(model_id, archive->arena);
    archive->members = arena_array(archive->arena, files->count, sizeof *archive->members);
    for (size_t i = 0; i < files->count; i++) {
        struct member *member = &archive->members[archive->count++];
        *member = (struct member){
            .name = arena_copy_string(archive->arena, files->items[i].name),
            .start = archive->bytes,
            .bytes = files->items[i].bytes,
        };
        if (open_member(folder, &files->items[i], member, err) != 0) {
            archive_close(archive);
            return err->code;
        }
        archive->bytes += TAR_BLOCK_BYTES + tar_padded(member->bytes);
    }
    archive->bytes += TAR_END_BYTES;
    hash(archive, files);
    *out = archive;
    return 0;
}

void
archive_close(struct archive *archive)
{
    if (archive == NULL)
        return;
    for (size_t i = 0; i < archive->count; i++)
        if (archive->members[i].fd >= 0)
            close(archive->members[i].fd);
    arena_free(archive->arena);
    free(archive);
}

int64_t
archive_bytes(const struct archive *archive)
{
    return archive->bytes;
}

const char *
archive_sha256(const struct archive *archive)
{
    return archive->sha256;
}

const char *
archive_name(const struct archive *archive)
{
    return arena_printf(archive->arena, "%s.tar", archive->folder);
}

static size_t
at_most(size_t length, int64_t left)
{
    return (int64_t)length < left ? length : (size_t)left;
}

/* From `at`, counted from the member's header. */
static int64_t
read_member(const struct archive *archive, const struct member *member, int64_t at, void *bytes,
            size_t length, struct err *err)
{
    int64_t data_end = TAR_BLOCK_BYTES + member->bytes;
    int64_t end = TAR_BLOCK_BYTES + tar_padded(member->bytes);
    if (at < TAR_BLOCK_BYTES) {
        unsigned char block[TAR_BLOCK_BYTES];
        size_t count = at_most(length, TAR_BLOCK_BYTES - at);
        tar_header(archive->folder, member->name, member->bytes, block);
        memcpy(bytes, block + at, count);
        return (int64_t)count;
    }
    if (at < data_end) {
        size_t count = at_most(length, data_end - at);
        if (fileio_get(member->fd, (size_t)(at - TAR_BLOCK_BYTES), bytes, count, err) != 0)
            return err->code;
        return (int64_t)count;
    }
    size_t count = at_most(length, end - at);
    memset(bytes, 0, count);
    return (int64_t)count;
}

int64_t
archive_read(struct archive *archive, int64_t offset, void *bytes, size_t length, struct err *err)
{
    for (size_t i = archive->count; i-- > 0;) {
        const struct member *member = &archive->members[i];
        int64_t at = offset - member->start;
        if (at >= 0 && at < TAR_BLOCK_BYTES + tar_padded(member->bytes))
            return read_member(archive, member, at, bytes, length, err);
    }
    size_t count = at_most(length, archive->bytes - offset);
    memset(bytes, 0, count);
    return (int64_t)count;
}
