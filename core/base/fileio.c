/*
 * Files; see fileio.h. Durable writes keep one order: bytes, fsync, rename, fsync of the folder.
 */
#include "core/base/fileio.h"

#include "core/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COPY_BYTES = 256 * 1024, TREE_DESCRIPTORS = 16 };

/* Open a regular file for reading and tell its size. */
static int
open_regular(const char *path, int *fd, size_t *length, struct err *err)
{
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0) {
        int absent = errno == ENOENT;
        err_set_errno(err, "open %s", path);
        if (absent)
            err->code = ERR_NOT_FOUND;
        return err->code;
    }
    struct stat status;
    if (fstat(*fd, &status) != 0) {
        err_set_errno(err, "stat %s", path);
        close(*fd);
        return err->code;
    }
    if (!S_ISREG(status.st_mode)) {
        close(*fd);
        return err_set(err, ERR_INVALID, "%s is not a regular file", path);
    }
    *length = (size_t)status.st_size;
    return 0;
}

/* Read up to length bytes; fewer only at the end of the file. */
static int
read_fully(int fd, void *bytes, size_t length, size_t *got, struct err *err)
{
    *got = 0;
    while (*got < length) {
        ssize_t n = read(fd, (char *)bytes + *got, length - *got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set_errno(err, "read");
        if (n == 0)
            break;
        *got += (size_t)n;
    }
    return 0;
}

static int
write_fully(int fd, const void *bytes, size_t length, struct err *err)
{
    for (size_t done = 0; done < length;) {
        ssize_t n = write(fd, (const char *)bytes + done, length - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set_errno(err, "write");
        done += (size_t)n;
    }
    return 0;
}

int
fileio_read(const char *path, size_t limit_bytes, struct buf *out, struct err *err)
{
    int fd = -1;
    size_t length = 0;
    if (open_regular(path, &fd, &length, err) != 0)
        return err->code;
    int rc = 0;
    size_t before = out->length;
    if (length > limit_bytes) {
        rc = err_set(err, ERR_INVALID, "%s has %zu bytes, more than the limit of %zu", path, length,
                     limit_bytes);
        goto out;
    }
    char *bytes = mem_small(COPY_BYTES);
    for (size_t got = 1; got > 0 && rc == 0;) {
        rc = read_fully(fd, bytes, COPY_BYTES, &got, err);
        if (rc == 0 && got > limit_bytes - (out->length - before))
            rc = err_set(err, ERR_INVALID, "%s grew beyond the limit of %zu bytes", path,
                         limit_bytes);
        if (rc == 0)
            buf_append(out, bytes, got);
    }
    free(bytes);
out:
    close(fd);
    return rc;
}

/* The folder part of a path: "a/b" -> "a", "b" -> ".". Released with free(). */
static char *
folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
    char *folder = mem_small(length + 1);
    memcpy(folder, slash == NULL ? "." : path, length);
    folder[length] = '\0';
    return folder;
}

static int
sync_folder_of(const char *path, struct err *err)
{
    char *folder = folder_of(path);
    int rc = fileio_sync(folder, err);
    free(folder);
    return rc;
}

/* Source of bytes for a durable write: memory, or another file. */
struct source {
    const void *bytes;
    size_t length;
    int fd; /* -1: memory */
};

static int
write_source(int fd, const struct source *source, struct err *err)
{
    if (source->fd < 0)
        return write_fully(fd, source->bytes, source->length, err);
    char *bytes = mem_small(COPY_BYTES);
    int rc = 0;
    for (size_t got = 1; got > 0 && rc == 0;) {
        rc = read_fully(source->fd, bytes, COPY_BYTES, &got, err);
        if (rc == 0)
            rc = write_fully(fd, bytes, got, err);
    }
    free(bytes);
    return rc;
}

static int
write_durably(const char *path, const struct source *source, struct err *err)
{
    size_t length = strlen(path);
    char *temporary = mem_small(length + sizeof ".XXXXXX");
    memcpy(temporary, path, length);
    memcpy(temporary + length, ".XXXXXX", sizeof ".XXXXXX");
    int rc = 0;
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        rc = err_set_errno(err, "create a temporary file for %s", path);
        free(temporary);
        return rc;
    }
    rc = write_source(fd, source, err);
    if (rc == 0 && fsync(fd) != 0)
        rc = err_set_errno(err, "fsync");
    if (close(fd) != 0 && rc == 0)
        rc = err_set_errno(err, "close");
    if (rc == 0 && rename(temporary, path) != 0)
        rc = err_set_errno(err, "rename");
    if (rc == 0)
        rc = sync_folder_of(path, err);
    if (rc != 0) {
        unlink(temporary);
        err_prefix(err, "write %s", path);
    }
    free(temporary);
    return rc;
}

int
fileio_write(const char *path, const void *bytes, size_t length, struct err *err)
{
    return write_durably(path, &(struct source){.bytes = bytes, .length = length, .fd = -1}, err);
}

int
fileio_copy(const char *from, const char *to, struct err *err)
{
    int fd = -1;
    size_t length = 0;
    if (open_regular(from, &fd, &length, err) != 0)
        return err->code;
    int rc = write_durably(to, &(struct source){.fd = fd}, err);
    close(fd);
    return rc;
}

int
fileio_map(const char *path, struct file_map *out, struct err *err)
{
    int fd = -1;
    size_t length = 0;
    *out = (struct file_map){0};
    if (open_regular(path, &fd, &length, err) != 0)
        return err->code;
    int rc = 0;
    if (length > 0) {
        void *bytes = mmap(NULL, length, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes == MAP_FAILED)
            rc = err_set_errno(err, "map %s", path);
        else
            *out = (struct file_map){bytes, length};
    }
    close(fd);
    return rc;
}

void
fileio_unmap(struct file_map *map)
{
    if (map->bytes != NULL)
        munmap((void *)(uintptr_t)map->bytes, map->length);
    *map = (struct file_map){0};
}

int
fileio_sync(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(err, "open %s", path);
    int rc = fsync(fd) == 0 ? 0 : err_set_errno(err, "fsync %s", path);
    close(fd);
    return rc;
}

int
fileio_make_folder(const char *path, struct err *err)
{
    struct stat status;
    if (stat(path, &status) == 0)
        return S_ISDIR(status.st_mode) ? 0 : err_set(err, ERR_INVALID, "%s is not a folder", path);
    char *parent = folder_of(path);
    int rc = strcmp(parent, path) == 0 ? 0 : fileio_make_folder(parent, err);
    if (rc == 0 && mkdir(path, 0700) != 0 && errno != EEXIST)
        rc = err_set_errno(err, "create folder %s", path);
    if (rc == 0)
        rc = fileio_sync(parent, err);
    free(parent);
    return rc;
}

static int
remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

int
fileio_remove_tree(const char *path, struct err *err)
{
    if (nftw(path, remove_entry, TREE_DESCRIPTORS, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT)
        return 0;
    return err_set_errno(err, "remove %s", path);
}

int
fileio_rename(const char *from, const char *to, struct err *err)
{
    if (rename(from, to) != 0)
        return err_set_errno(err, "rename %s to %s", from, to);
    return sync_folder_of(to, err);
}

bool
fileio_exists(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

static void
to_hex(const unsigned char digest[crypto_hash_sha256_BYTES], char hex[65])
{
    sodium_bin2hex(hex, 65, digest, crypto_hash_sha256_BYTES);
}

int
fileio_sha256(const char *path, char hex[65], struct err *err)
{
    int fd = -1;
    size_t length = 0;
    if (open_regular(path, &fd, &length, err) != 0)
        return err->code;
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    unsigned char *bytes = mem_small(COPY_BYTES);
    int rc = 0;
    for (size_t got = 1; got > 0 && rc == 0;) {
        rc = read_fully(fd, bytes, COPY_BYTES, &got, err);
        crypto_hash_sha256_update(&state, bytes, got);
    }
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_final(&state, digest);
    to_hex(digest, hex);
    free(bytes);
    close(fd);
    return rc == 0 ? 0 : err_prefix(err, "hash %s", path);
}

void
fileio_sha256_bytes(const void *bytes, size_t length, char hex[65])
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(digest, bytes, length);
    to_hex(digest, hex);
}
