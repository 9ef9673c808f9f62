/*
 * zip archives of entries that are stored as they are, read as hostile: what PyTorch's files are.
 *
 * Layout: the entries, each a local header and its bytes; the central directory, a header for each
 * entry; an end record that says where the directory is, in front of it its 64-bit form where that
 * is needed. (Source: PKWARE's APPNOTE.TXT, 6.3.) The directory is believed only after every entry
 * was found behind a local header that agrees with it, inside the archive, overlapping no other.
 * Encrypted entries, archives of several disks and bytes in front are refused; compressed entries
 * are told but not unpacked.
 */
#ifndef CORE_HUB_ZIP_READER_H
#define CORE_HUB_ZIP_READER_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ZIP_ENTRIES_MAX = 100000, ZIP_NAME_MAX = 255 };

struct zip_entry {
    const char *name;           /* UTF-8 */
    const unsigned char *bytes; /* in the archive */
    size_t length;
    bool compressed; /* then the bytes mean nothing here */
    size_t start;    /* of its local header, in the archive */
    uint32_t sum;    /* that the bytes should have: CRC-32 */
    bool checked;    /* they do */
};

struct zip_reader;

/* Check an archive in memory, which must outlive the reader. Sums are left to zip_reader_check. */
int zip_reader_open(const unsigned char *bytes, size_t length, struct zip_reader **out,
                    struct err *err);

/* NULL is fine. */
void zip_reader_close(struct zip_reader *zip);

size_t zip_reader_count(const struct zip_reader *zip);

/* Ascending by name; index < count. */
struct zip_entry *zip_reader_at(const struct zip_reader *zip, size_t index);

/* NULL when there is none of that name. */
struct zip_entry *zip_reader_find(const struct zip_reader *zip, const char *name);

/* Compare the bytes with their sum, once. ERR_INVALID; ERR_UNSUPPORTED for a compressed entry. */
int zip_reader_check(struct zip_entry *entry, struct err *err);

#endif
