/*
 * The safetensors writer; see safetensors.h.
 *
 * Tensors follow one another in the order given, all F32, so the bytes depend on them alone. The
 * header is padded with blanks to a multiple of 8, which keeps the data aligned when mapped. The
 * data go to the file piece by piece: a model is never held twice. The host is little-endian.
 */
#include "core/hub/safetensors.h"

#include "core/base/fileio.h"
#include "core/base/json.h"
#include "core/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEADER_ALIGNMENT = 8 };

/* The header's text, padded; released with free(). NULL when the offsets do not fit. */
static char *
header_text(const struct safetensors_source *tensors, size_t count, size_t *length)
{
    json_t *root = json_pack("{s:{s:s}}", "__metadata__", "format", "pt");
    size_t begin = 0;
    bool fits = true;
    for (size_t i = 0; i < count && fits; i++) {
        const struct safetensors_source *t = &tensors[i];
        size_t bytes = 0;
        size_t end = 0;
        fits = mem_multiply(t->rows, t->columns, &bytes) &&
               mem_multiply(bytes, sizeof(float), &bytes) && mem_add(begin, bytes, &end);
        json_t *shape = t->vector ? json_pack("[I]", (json_int_t)t->columns)
                                  : json_pack("[I,I]", (json_int_t)t->rows, (json_int_t)t->columns);
        json_object_set_new(root, t->name,
                            json_pack("{s:s,s:o,s:[I,I]}", "dtype", "F32", "shape", shape,
                                      "data_offsets", (json_int_t)begin, (json_int_t)end));
        begin = end;
    }
    char *text = json_text(root);
    json_decref(root);
    size_t used = strlen(text);
    *length = (used + HEADER_ALIGNMENT - 1) / HEADER_ALIGNMENT * HEADER_ALIGNMENT;
    char *padded = mem_resize(text, *length + 1, 1);
    memset(padded + used, ' ', *length - used);
    if (!fits) {
        free(padded);
        return NULL;
    }
    return padded;
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

static int
write_tensors(int fd, const struct safetensors_source *tensors, size_t count, struct err *err)
{
    size_t length = 0;
    char *header = header_text(tensors, count, &length);
    if (header == NULL)
        return err_set(err, ERR_MEMORY, "the tensors are too large to address");
    uint64_t prefix = length;
    int rc = write_fully(fd, &prefix, sizeof prefix, err);
    if (rc == 0)
        rc = write_fully(fd, header, length, err);
    free(header);
    for (size_t i = 0; i < count && rc == 0; i++) {
        const struct safetensors_source *t = &tensors[i];
        rc = write_fully(fd, t->values, t->rows * t->columns * sizeof(float), err);
    }
    if (rc == 0 && fsync(fd) != 0)
        rc = err_set_errno(err, "fsync");
    return rc;
}

int
safetensors_write(const char *path, const struct safetensors_source *tensors, size_t count,
                  struct err *err)
{
    size_t length = strlen(path);
    char *temporary = mem_small(length + sizeof ".XXXXXX");
    memcpy(temporary, path, length);
    memcpy(temporary + length, ".XXXXXX", sizeof ".XXXXXX");
    int rc = 0;
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        rc = err_set_errno(err, "create a temporary file for %s", path);
        goto out;
    }
    rc = write_tensors(fd, tensors, count, err);
    if (close(fd) != 0 && rc == 0)
        rc = err_set_errno(err, "close");
    if (rc == 0)
        rc = fileio_rename(temporary, path, err);
    if (rc != 0) {
        unlink(temporary);
        err_prefix(err, "write %s", path);
    }
out:
    free(temporary);
    return rc;
}
