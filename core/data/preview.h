/*
 * Some rows of a file as they stand in it, with their lines.
 *
 * Rows are counted over the whole file and only those that are asked for are parsed, so that a page
 * of a large file costs one walk over its bytes. Faulty rows are counted and shown too, with what
 * is wrong with them as such; whether they fit each other and a task is the report's (report.h).
 */
#ifndef CORE_DATA_PREVIEW_H
#define CORE_DATA_PREVIEW_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/data/dataset.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    PREVIEW_MAX_ROWS = 1000,
    PREVIEW_MAX_BYTES = 8 * 1024 * 1024 /* of the rows as they stand in the file */
};

struct preview_request {
    const char *path;
    const char *name;     /* gives the format */
    size_t offset, limit; /* rows; limit 1 to PREVIEW_MAX_ROWS, else ERR_INVALID */
    /* NULL, or asked now and then; true ends with ERR_STOPPED */
    bool (*should_stop)(void *context);
    void *context;
};

struct preview_row {
    size_t line; /* 1-based, where the row starts */
    /* the object as the file has it, of a table strings by column, of a sentence "tokens" and
     * "labels"; NULL: faulty */
    json_t *row;
    const struct data_fault *fault; /* NULL when row is not */
};

struct preview {
    enum data_format format;
    bool compressed;
    size_t total; /* rows of the file, faulty ones too, blank lines not */
    struct preview_row *rows;
    size_t count;  /* fewer than limit at the end, or when PREVIEW_MAX_BYTES are reached (there
                      is always one); go on at offset + count */
    bool has_more; /* rows follow behind these */
    const struct data_fault *fault; /* of the file as a whole, NULL without: rows behind it, or all,
                                       cannot be read */
};

/* Read a page of rows; ERR_IO, ERR_MEMORY, ERR_STOPPED. Strings live in arena; the rows are to be
 * released with preview_fini, which is fine after a failure too. */
int preview_read(const struct preview_request *request, struct arena *arena, struct preview *out,
                 struct err *err);
void preview_fini(struct preview *preview);

#endif
