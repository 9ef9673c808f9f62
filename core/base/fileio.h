/*
 * Files: whole reads with a limit, durable writes, folders.
 *
 * Durable means: written to a temporary name in the same folder, fsync, rename, fsync of the
 * folder. After a crash at any moment the old file or the new one stands there, never a mixture.
 */
#ifndef CORE_BASE_FILEIO_H
#define CORE_BASE_FILEIO_H

#include "core/base/buf.h"
#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Append the whole file to out; ERR_INVALID when it is longer than limit_bytes or no regular file.
 */
int fileio_read(const char *path, size_t limit_bytes, struct buf *out, struct err *err);

/* Replace path durably by length bytes, mode 0600. */
int fileio_write(const char *path, const void *bytes, size_t length, struct err *err);

/* Puts a file's bytes into fd; 0, or a negative code with err filled. */
typedef int fileio_writer(void *context, int fd, struct err *err);

/* Replace path durably by what writer(context, fd) writes, mode 0600: for what is never in memory
 * as a whole. */
int fileio_write_by(const char *path, fileio_writer *writer, void *context, struct err *err);

/* As fileio_write, whole or not at all for its readers, but not durable and so without waiting for
 * the disk: for what means nothing after a restart. */
int fileio_publish(const char *path, const void *bytes, size_t length, struct err *err);

/* write(2) until all of it is written. */
int fileio_put(int fd, const void *bytes, size_t length, struct err *err);

/* pread(2) of exactly length bytes at offset; ERR_IO when the file is shorter. */
int fileio_get(int fd, size_t offset, void *bytes, size_t length, struct err *err);

/* Copy a regular file durably, mode 0600. */
int fileio_copy(const char *from, const char *to, struct err *err);

/* A file mapped read-only; bytes is NULL for an empty file. */
struct file_map {
    const unsigned char *bytes;
    size_t length;
};

int fileio_map(const char *path, struct file_map *out, struct err *err);

/* As fileio_map, and *fd stays open: closed by the caller, -1 after a failure. */
int fileio_map_open(const char *path, struct file_map *out, int *fd, struct err *err);

void fileio_unmap(struct file_map *map);

/* fsync a file or folder by name. */
int fileio_sync(const char *path, struct err *err);

/* Create a folder and its missing parents, mode 0700; no error when it exists. */
int fileio_make_folder(const char *path, struct err *err);

/* Remove a file or a folder with all it holds (links are removed, not followed); no error when
 * absent. */
int fileio_remove_tree(const char *path, struct err *err);

/* Rename within one file system and fsync the target's folder. */
int fileio_rename(const char *from, const char *to, struct err *err);

/* Does a regular file (or a link to one) stand at path? */
bool fileio_exists(const char *path);

/* Hex SHA-256 of a file, 64 characters and a NUL. */
int fileio_sha256(const char *path, char hex[65], struct err *err);

/* Hex SHA-256 of length bytes. */
void fileio_sha256_bytes(const void *bytes, size_t length, char hex[65]);

/* A sum as text. */
void fileio_sha256_hex(const unsigned char sum[32], char hex[65]);

/* The folder part of a path: "a/b" is in "a", "/b" in "/", "b" in ".". Released with free(). */
char *fileio_folder_of(const char *path);

/* Take as many descriptors as the system gives this process; how many that are, 0: unknown. */
size_t fileio_raise_limit(void);

#endif
