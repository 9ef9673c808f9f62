/* Finding, measuring and hashing a folder's weights; see model_weights.h. */
#include "core/hub/model_weights.h"

#include "core/base/buf.h"
#include "core/base/fileio.h"

#include <string.h>
#include <sys/stat.h>

enum { FORM_COUNT = 4, NUMBER_DIGITS = 5 };

#define SAVE_AGAIN "load it in transformers and save it with save_pretrained(folder)"

/* THE table: a form of weights that is read, the first one wins. */
static const struct {
    const char *head;
    const char *begin, *ending; /* of its files' names; begin: NULL for the head alone */
    bool pickled;
} forms[FORM_COUNT] = {
    {"model.safetensors", NULL, ".safetensors", false},
    {"model.safetensors.index.json", "model", ".safetensors", false},
    {"pytorch_model.bin", NULL, ".bin", true},
    {"pytorch_model.bin.index.json", "pytorch_model", ".bin", true},
};

/* Forms that are not read. */
static const struct {
    const char *file, *whose;
} foreign[] = {
    {"tf_model.h5", "TensorFlow"},
    {"flax_model.msgpack", "Flax"},
};

/* ---- names ----------------------------------------------------------------------------------- */

static bool
are_digits(const char *text, size_t count)
{
    return strspn(text, "0123456789") >= count;
}

/* "<begin>-00001-of-00003<ending>" */
static bool
is_numbered(const char *name, const char *begin, const char *ending)
{
    size_t length = strlen(begin);
    if (strncmp(name, begin, length) != 0)
        return false;
    const char *rest = name + length;
    size_t numbers = strlen("-") + NUMBER_DIGITS + strlen("-of-") + NUMBER_DIGITS;
    return strlen(rest) > numbers && rest[0] == '-' && are_digits(rest + 1, NUMBER_DIGITS) &&
           strncmp(rest + 1 + NUMBER_DIGITS, "-of-", 4) == 0 &&
           are_digits(rest + 5 + NUMBER_DIGITS, NUMBER_DIGITS) &&
           strcmp(rest + numbers, ending) == 0;
}

int
model_weights_form(const char *name, bool *decides)
{
    for (int i = 0; i < FORM_COUNT; i++) {
        *decides = strcmp(name, forms[i].head) == 0;
        if (*decides ||
            (forms[i].begin != NULL && is_numbered(name, forms[i].begin, forms[i].ending)))
            return i;
    }
    return -1;
}

bool
model_weights_is_foreign(const char *name)
{
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
        if (strcmp(name, foreign[i].file) == 0)
            return true;
    return false;
}

/* ---- finding --------------------------------------------------------------------------------- */

/* The form that wins in a folder, FORM_COUNT when there is none. */
static size_t
find_form(const char *folder, struct arena *arena)
{
    size_t form = 0;
    while (form < FORM_COUNT &&
           !fileio_exists(arena_printf(arena, "%s/%s", folder, forms[form].head)))
        form++;
    return form;
}

const char *
model_weights_head(const char *folder, struct arena *arena)
{
    size_t form = find_form(folder, arena);
    return form == FORM_COUNT ? NULL : arena_printf(arena, "%s/%s", folder, forms[form].head);
}

static int
refuse_foreign(const char *folder, struct arena *arena, struct err *err)
{
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
        if (fileio_exists(arena_printf(arena, "%s/%s", folder, foreign[i].file)))
            return err_set(err, ERR_UNSUPPORTED,
                           "the model has %s, and no model.safetensors or pytorch_model.bin: its "
                           "weights are those of %s, which are not read here; " SAVE_AGAIN,
                           foreign[i].file, foreign[i].whose);
    return 0;
}

static int
read_index(const char *folder, const char *ending, struct arena *arena, struct model_weights *out,
           struct err *err)
{
    const char *path = arena_printf(arena, "%s/%s", folder, out->head);
    if (weights_index_read(path, ending, arena, &out->index, err) != 0)
        return err->code;
    out->indexed = true;
    out->files = out->index.files;
    out->count = out->index.file_count;
    for (size_t i = 0; i < out->count; i++)
        if (!fileio_exists(arena_printf(arena, "%s/%s", folder, out->files[i])))
            return err_set(err, ERR_INVALID,
                           "%s names %s, which is not there: put it beside the others, all %zu "
                           "of them are needed",
                           out->head, out->files[i], out->count);
    return 0;
}

int
model_weights_find(const char *folder, struct arena *arena, struct model_weights *out,
                   struct err *err)
{
    size_t form = find_form(folder, arena);
    *out = (struct model_weights){0};
    if (form == FORM_COUNT)
        return refuse_foreign(folder, arena, err);
    out->head = forms[form].head;
    out->pickled = forms[form].pickled;
    out->files = &forms[form].head;
    out->count = 1;
    if (forms[form].begin != NULL)
        return read_index(folder, forms[form].ending, arena, out, err);
    return 0;
}

/* ---- measuring ------------------------------------------------------------------------------- */

int
model_weights_bytes(const char *folder, const struct model_weights *weights, int64_t *out,
                    struct err *err)
{
    struct arena *arena = arena_new();
    int rc = 0;
    *out = 0;
    for (size_t i = 0; i < weights->count && rc == 0; i++) {
        struct stat status;
        const char *path = arena_printf(arena, "%s/%s", folder, weights->files[i]);
        if (stat(path, &status) != 0)
            rc = err_set_errno(err, "stat %s", path);
        else
            *out += (int64_t)status.st_size;
    }
    arena_free(arena);
    return rc;
}

static int
hash_file(model_weights_hasher *hasher, void *context, const char *path, char hex[65],
          struct err *err)
{
    return hasher == NULL ? fileio_sha256(path, hex, err) : hasher(context, path, hex, err);
}

int
model_weights_hash(const char *folder, const struct model_weights *weights,
                   model_weights_hasher *hasher, void *context, char hex[65], struct err *err)
{
    struct arena *arena = arena_new();
    struct buf list = {0};
    int rc = 0;
    for (size_t i = 0; i < weights->count && rc == 0; i++) {
        const char *name = weights->files[i];
        rc = hash_file(hasher, context, arena_printf(arena, "%s/%s", folder, name), hex, err);
        if (rc == 0)
            buf_printf(&list, "%s  %s\n", hex, name);
    }
    if (rc == 0 && weights->indexed)
        fileio_sha256_bytes(list.data, list.length, hex);
    buf_fini(&list);
    arena_free(arena);
    return rc;
}
