/*
 * A labelled file into memory; see dataset.h.
 *
 * This file opens the bytes, refuses what as a whole is in another format, and hands the rest to
 * the reader of its format. The file is mapped; what is kept is copied into the data set's arena.
 */
#include "core/data/dataset.h"

#include "core/base/fileio.h"
#include "core/data/csv.h"
#include "core/data/jsonl.h"
#include "core/data/reader.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* How files begin that no reader here reads. */
static const struct {
    const char *bytes;
    size_t length;
    const char *code, *message;
} foreign_starts[] = {
    {"\x1f\x8b", 2, "not_supported_yet",
     "the file is compressed with gzip, which is not read yet; upload it unpacked"},
    {"\xff\xfe", 2, "invalid_utf8", "the file looks like UTF-16; save it as UTF-8"},
    {"\xfe\xff", 2, "invalid_utf8", "the file looks like UTF-16; save it as UTF-8"},
};

static const char byte_order_mark[] = "\xef\xbb\xbf";

enum data_format
data_format_from_name(const char *name)
{
    const char *dot = strrchr(name, '.');
    if (dot != NULL && strcasecmp(dot, ".csv") == 0)
        return DATA_CSV;
    if (dot != NULL && strcasecmp(dot, ".tsv") == 0)
        return DATA_TSV;
    return DATA_JSONL;
}

/* Is this a file that cannot be read at all? Notes the fault. */
static bool
is_foreign(struct reader *reader, const char *bytes, size_t length)
{
    for (size_t i = 0; i < sizeof foreign_starts / sizeof foreign_starts[0]; i++) {
        size_t start = foreign_starts[i].length;
        if (length < start || memcmp(bytes, foreign_starts[i].bytes, start) != 0)
            continue;
        reader_fault(reader, 0, foreign_starts[i].code, "%s", foreign_starts[i].message);
        return true;
    }
    return false;
}

/* A file whose first character that is no blank is '[' holds one array (or none of our rows). */
static bool
is_array(struct reader *reader, const char *bytes, size_t length)
{
    size_t at = 0;
    while (at < length && bytes[at] != '\0' && strchr(" \t\r\n", bytes[at]) != NULL)
        at++;
    if (at == length || bytes[at] != '[')
        return false;
    reader_fault(reader, 0, "not_supported_yet",
                 "the file is a JSON array, which is not read yet; write one object a line");
    return true;
}

static int
read_bytes(struct reader *reader, enum data_format format, const char *bytes, size_t length,
           struct err *err)
{
    if (is_foreign(reader, bytes, length))
        return 0;
    size_t mark = sizeof byte_order_mark - 1;
    if (length >= mark && memcmp(bytes, byte_order_mark, mark) == 0) {
        bytes += mark;
        length -= mark;
    }
    switch (format) {
    case DATA_JSONL:
        return is_array(reader, bytes, length) ? 0 : jsonl_read(reader, bytes, length, err);
    case DATA_CSV:
        return csv_read(reader, bytes, length, ',', err);
    case DATA_TSV:
        return csv_read(reader, bytes, length, '\t', err);
    }
    return 0;
}

int
dataset_read(const char *path, const char *name, const struct data_columns *columns,
             struct dataset **out, struct err *err)
{
    static const struct data_columns usual = {0};
    struct file_map map = {0};
    struct dataset *dataset = mem_small(sizeof *dataset);
    *dataset = (struct dataset){.arena = arena_new()};
    *out = NULL;
    struct reader reader = {
        .dataset = dataset,
        .columns = columns != NULL ? columns : &usual,
    };
    int rc = fileio_map(path, &map, err);
    if (rc == 0 && map.length > 0)
        rc = read_bytes(&reader, data_format_from_name(name), (const char *)map.bytes, map.length,
                        err);
    fileio_unmap(&map);
    if (rc != 0) {
        dataset_free(dataset);
        return err_prefix(err, "%s", name);
    }
    reader_finish(&reader);
    *out = dataset;
    return 0;
}

void
dataset_free(struct dataset *dataset)
{
    if (dataset == NULL)
        return;
    free(dataset->rows);
    arena_free(dataset->arena);
    free(dataset);
}
