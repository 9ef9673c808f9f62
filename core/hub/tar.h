/*
 * tar archives of plain files: headers to write, entries to read.
 *
 * Written is POSIX ustar: per file a block of 512 bytes with its name and size, its bytes, and
 * zeros up to the next block; two blocks of zeros at the end. Owner, mode and time are constants,
 * so that the same files always give the same archive.
 *
 * Read are ustar, pax and GNU tar as they come from other machines, hence as from hostile hands:
 * every number is checked against the archive's length, and what is not a plain file or a folder
 * is told apart (TAR_OTHER) and never followed. Names are given as they stand; whoever makes paths
 * of them judges them.
 */
#ifndef CORE_HUB_TAR_H
#define CORE_HUB_TAR_H

#include "core/base/err.h"

#include <stddef.h>
#include <stdint.h>

enum {
    TAR_BLOCK_BYTES = 512,
    TAR_END_BYTES = 2 * TAR_BLOCK_BYTES,
    TAR_NAME_MAX = 100,   /* of a file, when writing */
    TAR_FOLDER_MAX = 155, /* in front of it */
    TAR_PATH_MAX = 1024   /* that is read */
};

/* The header of "<folder>/<name>", a plain file; neither may be empty or longer than above. */
void tar_header(const char *folder, const char *name, int64_t bytes,
                unsigned char block[TAR_BLOCK_BYTES]);

/* Bytes that a file of this size takes in an archive, without its header. */
int64_t tar_padded(int64_t bytes);

enum tar_kind { TAR_FILE, TAR_FOLDER, TAR_OTHER };

struct tar_entry {
    char path[TAR_PATH_MAX + 1];
    enum tar_kind kind;
    char type;      /* the type flag as it stands: '0', '2' for a symbolic link, … */
    int64_t offset; /* of its bytes in the archive */
    int64_t bytes;
};

/* Where a reader is; begin with all zeros but fd and length. */
struct tar_reader {
    int fd;         /* of the archive, open for reading */
    int64_t length; /* of the archive */
    int64_t at;
};

/*
 * The next entry: 1, or 0 at the archive's end. ERR_INVALID ("at byte 1024: …") when these bytes
 * are no tar archive or one that is cut off or damaged; ERR_IO.
 */
int tar_next(struct tar_reader *reader, struct tar_entry *out, struct err *err);

#endif
