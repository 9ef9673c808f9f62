/* Weights files and the numbers in them; see stored_tensor.h. The host is little-endian. */
#include "core/hub/stored_tensor.h"

#include "core/base/fileio.h"

#include <string.h>
#include <unistd.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "weights are little-endian, and they are copied as they are"
#endif

/* What Git leaves in a clone when the large files were not fetched. */
static const char lfs_pointer[] = "version https://git-lfs.github.com/spec/";

int
stored_file_open(const char *path, struct stored_file *out, struct err *err)
{
    struct file_map map;
    const char *slash = strrchr(path, '/');
    *out = (struct stored_file){.name = slash == NULL ? path : slash + 1, .fd = -1};
    if (fileio_map_open(path, &map, &out->fd, err) != 0)
        return err->code;
    out->bytes = map.bytes;
    out->length = map.length;
    if (map.length >= sizeof lfs_pointer - 1 &&
        memcmp(map.bytes, lfs_pointer, sizeof lfs_pointer - 1) == 0)
        return err_set(err, ERR_INVALID,
                       "%s: this is a Git LFS pointer, not the weights: fetch them with git lfs "
                       "pull, or download the file itself",
                       path);
    return 0;
}

void
stored_file_close(struct stored_file *file)
{
    struct file_map map = {file->bytes, file->length};
    fileio_unmap(&map);
    if (file->fd >= 0)
        close(file->fd);
    *file = (struct stored_file){.fd = -1};
}

size_t
stored_tensor_place(const struct stored_tensor *tensor)
{
    return (size_t)(tensor->bytes - tensor->file->bytes);
}

bool
stored_tensor_is_plain(const struct stored_tensor *tensor)
{
    return tensor->type == STORED_F32 && tensor->strides == NULL;
}

/* ---- numbers --------------------------------------------------------------------------------- */

static float
from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* IEEE 754 half precision: 1 sign, 5 exponent, 10 fraction bits; each is exact in a float. */
static float
from_half(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t exponent = (half >> 10) & 0x1fu;
    uint32_t fraction = half & 0x3ffu;
    if (exponent == 0x1f) /* infinities and NaN */
        return from_bits(sign | 0x7f800000u | fraction << 13);
    if (exponent == 0) { /* zero and subnormals: fraction * 2^-24 */
        float magnitude = (float)fraction * 0x1p-24f;
        return sign != 0 ? -magnitude : magnitude;
    }
    return from_bits(sign | (exponent + 127 - 15) << 23 | fraction << 13);
}

/* count numbers, each `step` bytes behind the one before. */
static void
convert(enum stored_type type, const unsigned char *bytes, size_t step, size_t count, float *out)
{
    uint16_t narrow;
    double wide;
    switch (type) {
    case STORED_F32:
        for (size_t i = 0; i < count; i++)
            memcpy(&out[i], bytes + i * step, sizeof *out);
        return;
    case STORED_F16:
        for (size_t i = 0; i < count; i++) {
            memcpy(&narrow, bytes + i * step, sizeof narrow);
            out[i] = from_half(narrow);
        }
        return;
    case STORED_BF16:
        for (size_t i = 0; i < count; i++) {
            memcpy(&narrow, bytes + i * step, sizeof narrow);
            out[i] = from_bits((uint32_t)narrow << 16);
        }
        return;
    case STORED_F64:
        for (size_t i = 0; i < count; i++) {
            memcpy(&wide, bytes + i * step, sizeof wide);
            out[i] = (float)wide;
        }
        return;
    case STORED_OTHER:
        return;
    }
}

static size_t
size_of(enum stored_type type)
{
    return type == STORED_F64 ? 8 : type == STORED_F32 ? 4 : 2;
}

/* A row of the last dimension at a time; the others count like an odometer. */
static void
convert_strided(const struct stored_tensor *tensor, float *out)
{
    size_t size = size_of(tensor->type);
    size_t last = tensor->rank - 1;
    uint64_t at[STORED_MAX_RANK] = {0};
    for (;;) {
        size_t place = 0;
        for (size_t i = 0; i < last; i++)
            place += (size_t)(at[i] * tensor->strides[i]);
        convert(tensor->type, tensor->bytes + place * size, (size_t)tensor->strides[last] * size,
                (size_t)tensor->shape[last], out);
        out += tensor->shape[last];
        size_t digit = last;
        while (digit > 0 && ++at[digit - 1] == tensor->shape[digit - 1])
            at[--digit] = 0;
        if (digit == 0)
            return;
    }
}

void
stored_tensor_to_float(const struct stored_tensor *tensor, float *out)
{
    if (tensor->length == 0 || tensor->type == STORED_OTHER)
        return;
    if (tensor->strides != NULL)
        convert_strided(tensor, out);
    else if (tensor->type == STORED_F32)
        memcpy(out, tensor->bytes, tensor->length);
    else
        convert(tensor->type, tensor->bytes, size_of(tensor->type),
                tensor->length / size_of(tensor->type), out);
}
