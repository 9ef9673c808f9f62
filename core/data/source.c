/* The bytes of a data file; see source.h. */
#include "core/data/source.h"

#include "core/base/utf8.h"
#include "core/data/gunzip.h"

#include <stdlib.h>
#include <string.h>

static const char byte_order_mark[] = "\xef\xbb\xbf";

/* How files begin that no reader here reads. */
static const struct {
    const char *bytes;
    size_t length;
    const char *code, *message;
} foreign_starts[] = {
    {"\x1f\x8b", 2, "invalid_gzip", "the file is packed with gzip twice; unpack it once"},
    {"\xff\xfe", 2, "invalid_utf8", "the file looks like UTF-16; save it as UTF-8"},
    {"\xfe\xff", 2, "invalid_utf8", "the file looks like UTF-16; save it as UTF-8"},
    {"PK\x03\x04", 4, "not_supported_yet",
     "the file is a ZIP archive or a spreadsheet; upload the data file in it as CSV or JSON Lines"},
    {"PAR1", 4, "not_supported_yet", "the file is in Parquet; save it as CSV or JSON Lines"},
};

static void
set_fault(struct source *source, const char *code, const char *message)
{
    size_t length = utf8_clip(message, strlen(message), sizeof source->fault.message - 1);
    source->fault.code = code;
    memcpy(source->fault.message, message, length);
    source->fault.message[length] = '\0';
}

bool
source_is_stopped(const struct data_source *wanted, struct err *err)
{
    if (wanted->should_stop == NULL || !wanted->should_stop(wanted->context))
        return false;
    err_set(err, ERR_STOPPED, "stopped");
    return true;
}

/* Put what is packed in place of the bytes; what is wrong with it is a fault of the file. */
static int
unpack(const struct data_source *wanted, struct source *source, struct err *err)
{
    const struct gunzip_stop stop = {wanted->should_stop, wanted->context};
    size_t length = 0;
    int rc = gunzip_unpack(source->bytes, source->length, &stop, &source->unpacked, &length, err);
    source->compressed = true;
    source->bytes = source->unpacked;
    source->length = length;
    if (rc != ERR_INVALID && rc != ERR_UNSUPPORTED)
        return rc;
    set_fault(source, rc == ERR_INVALID ? "invalid_gzip" : "too_large", err->message);
    return 0;
}

static void
look_at_start(const char *name, struct source *source)
{
    for (size_t i = 0; i < sizeof foreign_starts / sizeof foreign_starts[0]; i++) {
        size_t start = foreign_starts[i].length;
        if (source->length < start || memcmp(source->bytes, foreign_starts[i].bytes, start) != 0)
            continue;
        set_fault(source, foreign_starts[i].code, foreign_starts[i].message);
        return;
    }
    size_t mark = sizeof byte_order_mark - 1;
    if (source->length >= mark && memcmp(source->bytes, byte_order_mark, mark) == 0) {
        source->bytes += mark;
        source->length -= mark;
    }
    source->format = data_format_detect(name, source->bytes, source->length);
    if (data_format_is_treebank(name))
        set_fault(source, "not_supported_yet",
                  "the file is a treebank (CoNLL-U); save each token with its tag as two columns, "
                  "in a file named .conll");
}

int
source_open(const struct data_source *wanted, struct source *out, struct err *err)
{
    *out = (struct source){.format = data_format_from_name(wanted->name)};
    if (fileio_map(wanted->path, &out->map, err) != 0)
        return err->code;
    out->bytes = (const char *)out->map.bytes;
    out->length = out->map.length;
    if (gunzip_is_packed(out->bytes, out->length) && unpack(wanted, out, err) != 0)
        return err->code;
    if (out->length > 0)
        look_at_start(wanted->name, out);
    return 0;
}

void
source_close(struct source *source)
{
    fileio_unmap(&source->map);
    free(source->unpacked);
    *source = (struct source){0};
}
