/*
 * A model's files as one tar archive that is nowhere stored: any stretch of it can be read.
 *
 * Its length and its hash are known beforehand, and the same files always give the same bytes. The
 * files are opened at the start, so that a model that is deleted meanwhile is still sent whole.
 */
#ifndef DAEMON_WORK_ARCHIVE_H
#define DAEMON_WORK_ARCHIVE_H

#include "core/base/err.h"
#include "daemon/work/folder_files.h"

#include <stddef.h>
#include <stdint.h>

enum { ARCHIVE_MAX_FILES = 200 };

struct archive;

/*
 * An archive of these files of a folder, hashes known, under "<model id made safe>/". ERR_NOT_FOUND
 * when one is gone, ERR_CONFLICT when one has another size than the list says, ERR_UNSUPPORTED for
 * more files than ARCHIVE_MAX_FILES.
 */
int archive_open(const char *model_id, const char *folder, const struct folder_files *files,
                 struct archive **out, struct err *err);

/* NULL is fine. */
void archive_close(struct archive *archive);

int64_t archive_bytes(const struct archive *archive);

/* Hex; of names, sizes and hashes of the files, from which the archive follows. */
const char *archive_sha256(const struct archive *archive);

/* "<model id made safe>.tar" */
const char *archive_name(const struct archive *archive);

/* Up to length bytes from offset on, which lies inside; returns how many (at least 1), or negative.
 * One reader at a time. */
int64_t archive_read(struct archive *archive, int64_t offset, void *bytes, size_t length,
                     struct err *err);

#endif
