/*
 * Files; see fileio.h. Durable writes keep one order: bytes, fsync, rename, fsync of the folder.
 */
#include "core/base/fileio.h"

#include "core/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
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

int
fileio_put(int fd, const void *bytes, size_t length, struct err *err)
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
fileio_get(int fd, size_t offset, void *bytes, size_t length, struct err *err)
{
    for (size_t done = 0; done < length;) {
        ssize_t n = pread(fd, (char *)bytes + done, length - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set_errno(err, "read");
        if (n == 0)
            return err_set(err, ERR_IO, "read: the file ends at byte %zu, before byte %zu",
                           offset + done, offset + length);
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

char *
fileio_folder_of(const char *path)
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
    char *folder = fileio_folder_of(path);
    int rc = fileio_sync(folder, err);
    free(folder);
    return rc;
}

/* What a writer writes, under a temporary name and then in path's place. */
static int
replace(const char *path, fileio_writer *writer, void *context, bool durable, struct err *err)
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
    rc = writer(context, fd, err);
    if (rc == 0 && durable && fsync(fd) != 0)
        rc = err_set_errno(err, "fsync");
    if (close(fd) != 0 && rc == 0)
        rc = err_set_errno(err, "close");
    if (rc == 0 && rename(temporary, path) != 0)
        rc = err_set_errno(err, "rename");
    if (rc == 0 && durable)
        rc = sync_folder_of(path, err);
    if (rc != 0) {
        unlink(temporary);
        err_prefix(err, "write %s", path);
    }
    free(temporary);
    return rc;
}

int
fileio_write_by(const char *path, fileio_writer *writer, void *context, struct err *err)
{
    return replace(path, writer, context, true, err);
}

struct bytes {
    const void *at;
    size_t length;
};

static int
write_bytes(void *context, int fd, struct err *err)
{
    const struct bytes *bytes = context;
    return fileio_put(fd, bytes->at, bytes->length, err);
}

int
fileio_write(const char *path, const void *bytes, size_t length, struct err *err)
{
    struct bytes all = {bytes, length};
    return fileio_write_by(path, write_bytes, &all, err);
}

int
fileio_publish(const char *path, const void *bytes, size_t length, struct err *err)
{
    struct bytes all = {bytes, length};
    return replace(path, write_bytes, &all, false, err);
}

/* Everything that the descriptor in context still brings. */
static int
write_rest(void *context, int fd, struct err *err)
{
    const int *from = context;
    char *bytes = mem_small(COPY_BYTES);
    int rc = 0;
    for (size_t got = 1; got > 0 && rc == 0;) {
        rc = read_fully(*from, bytes, COPY_BYTES, &got, err);
        if (rc == 0)
            rc = fileio_put(fd, bytes, got, err);
    }
    free(bytes);
    return rc;
}

int
fileio_copy(const char *from, const char *to, struct err *err)
{
    int fd = -1;
    size_t length = 0;
    if (open_regular(from, &fd, &length, err) != 0)
        return err->code;
    int rc = fileio_write_by(to, write_rest, &fd, err);
    close(fd);
    return rc;
}

int
fileio_map_open(const char *path, struct file_map *out, int *fd, struct err *err)
{
    size_t length = 0;
    *out = (struct file_map){0};
    if (open_regular(path, fd, &length, err) != 0) {
        *fd = -1;
        return err->code;
    }
    if (length == 0)
        return 0;
    void *bytes = mmap(NULL, length, PROT_READ, MAP_PRIVATE, *fd, 0);
    if (bytes == MAP_FAILED) {
        err_set_errno(err, "map %s", path);
        close(*fd);
        *fd = -1;
        return err->code;
    }
    *out = (struct file_map){bytes, length};
    return 0;
}

int
fileio_map(const char *path, struct file_map *out, struct err *err)
{
    int fd = -1;
    int rc = fileio_map_open(path, out, &fd, err);
    if (fd >= 0)
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
    char *parent = fileio_folder_of(path);
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
    return remove(path) == 0 || errno == ENOENT ? 0 : -1; /* gone by another hand: go on */
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

void
fileio_sha256_hex(const unsigned char sum[32], char hex[65])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < SHA256_DIGEST_SIZE; i++) {
        hex[2 * i] = digits[sum[i] >> 4];
        hex[2 * i + 1] = digits[sum[i] & 15];
    }
    hex[64] = '\0';
}

static void
finish_hex(struct sha256_ctx *sha, char hex[65])
{
    unsigned char digest[SHA256_DIGEST_SIZE];
    sha256_digest(sha, sizeof digest, digest);
    fileio_sha256_hex(digest, hex);
}

int
fileio_sha256(const char *path, char hex[65], struct err *err)
{
    int fd = -1;
    size_t length = 0;
    if (open_regular(path, &fd, &length, err) != 0)
        return err->code;
    struct sha256_ctx sha;
    sha256_init(&sha);
    unsigned char *bytes = mem_small(COPY_BYTES);
    int rc = 0;
    for (size_t got = 1; got > 0 && rc == 0;) {
        rc = read_fully(fd, bytes, COPY_BYTES, &got, err);
        sha256_update(&sha, got, bytes);
    }
    finish_hex(&sha, hex);
    free(bytes);
    close(fd);
    return rc == 0 ? 0 : err_prefix(err, "hash %s", path);
}

void
fileio_sha256_bytes(const void *bytes, size_t length, char hex[65])
{
    struct sha256_ctx sha;
    sha256_init(&sha);
    sha256_update(&sha, length, bytes);
    finish_hex(&sha, hex);
}

size_t
fileio_raise_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0;
    return limit.rlim_cur == RLIM_INFINITY ? SIZE_MAX : (size_t)limit.rlim_cur;
}
