/*
 * What a pickle of weights may name, and what comes of calling it; see unpickler_calls.h.
 *
 * A name that is not in the table is refused before anything could be made of it. Adding one means
 * to write here what it does: nothing is ever looked up anywhere else.
 */
#include "core/hub/unpickler_calls.h"

#include "core/base/utf8.h"

#include <string.h>

enum { QUOTED_BYTES = 80, REBUILD_ARGUMENTS = 6 };

typedef int call_function(const struct call *call, const struct value *arguments,
                          struct arena *arena, const struct value **out, struct err *err);

/* A class of storages has no function: it stands in persistent ids. */
struct call {
    const char *module, *name;
    call_function *function;
    enum stored_type type;
    const char *type_name;
    size_t size;
};

struct value *
value_new(struct arena *arena, enum value_kind kind)
{
    struct value *value = arena_alloc(arena, sizeof *value);
    value->kind = kind;
    return value;
}

static int
refuse(const char *what, struct err *err)
{
    return err_set(err, ERR_INVALID, "%s", what);
}

/* ---- collections.OrderedDict ----------------------------------------------------------------- */

static int
make_dict(const struct call *call, const struct value *arguments, struct arena *arena,
          const struct value **out, struct err *err)
{
    (void)call;
    if (arguments->as.tuple.count != 0)
        return refuse("an OrderedDict is made of something", err);
    *out = value_new(arena, VALUE_DICT);
    return 0;
}

/* ---- torch._utils ---------------------------------------------------------------------------- */

/* A tuple of whole numbers from 0 on. */
static int
read_sizes(const struct value *tuple, size_t rank, uint64_t *out, struct err *err)
{
    if (tuple->kind != VALUE_TUPLE || tuple->as.tuple.count != rank)
        return refuse("a tensor has another number of strides than of dimensions", err);
    for (size_t i = 0; i < rank; i++) {
        const struct value *item = tuple->as.tuple.items[i];
        if (item->kind != VALUE_INTEGER || item->as.integer < 0)
            return refuse("a tensor has a dimension or stride that is no whole number", err);
        out[i] = (uint64_t)item->as.integer;
    }
    return 0;
}

/* *last = the number of the tensor's last element in its storage; false when it overflows. */
static bool
find_last(const struct pickled_tensor *tensor, uint64_t *last)
{
    size_t sum = tensor->offset;
    for (size_t i = 0; i < tensor->rank; i++) {
        size_t reach = 0;
        if (!mem_multiply(tensor->shape[i] - 1, tensor->strides[i], &reach) ||
            !mem_add(sum, reach, &sum))
            return false;
    }
    *last = sum;
    return true;
}

static int
check_place(struct pickled_tensor *tensor, struct err *err)
{
    size_t length = tensor->storage->size;
    uint64_t last = 0;
    bool empty = false;
    for (size_t i = 0; i < tensor->rank; i++) {
        if (!mem_multiply(length, tensor->shape[i], &length))
            return refuse("a tensor has a shape too large to address", err);
        empty = empty || tensor->shape[i] == 0;
    }
    tensor->length = length;
    if (empty ? tensor->offset > tensor->storage->count
              : !find_last(tensor, &last) || last >= tensor->storage->count)
        return refuse("a tensor reaches beyond its storage", err);
    return 0;
}

/* _rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks[, metadata]) */
static int
make_tensor(const struct call *call, const struct value *arguments, struct arena *arena,
            const struct value **out, struct err *err)
{
    const struct value *const *items = arguments->as.tuple.items;
    (void)call;
    if (arguments->as.tuple.count < REBUILD_ARGUMENTS ||
        arguments->as.tuple.count > REBUILD_ARGUMENTS + 1)
        return refuse("a tensor is made of another number of arguments", err);
    if (items[0]->kind != VALUE_STORAGE)
        return refuse("a tensor is made of no storage", err);
    if (items[1]->kind != VALUE_INTEGER || items[1]->as.integer < 0)
        return refuse("a tensor has an offset that is no whole number", err);
    if (items[2]->kind != VALUE_TUPLE || items[2]->as.tuple.count > STORED_MAX_RANK)
        return refuse("a tensor has no shape of at most 8 dimensions", err);
    struct pickled_tensor *tensor = arena_alloc(arena, sizeof *tensor);
    tensor->storage = items[0]->as.storage;
    tensor->offset = (uint64_t)items[1]->as.integer;
    tensor->rank = items[2]->as.tuple.count;
    if (read_sizes(items[2], tensor->rank, tensor->shape, err) != 0 ||
        read_sizes(items[3], tensor->rank, tensor->strides, err) != 0 ||
        check_place(tensor, err) != 0)
        return err->code;
    struct value *value = value_new(arena, VALUE_TENSOR);
    value->as.tensor = tensor;
    *out = value;
    return 0;
}

/* _rebuild_parameter(tensor, requires_grad, hooks): the tensor. */
static int
make_parameter(const struct call *call, const struct value *arguments, struct arena *arena,
               const struct value **out, struct err *err)
{
    (void)call, (void)arena;
    if (arguments->as.tuple.count != 3 || arguments->as.tuple.items[0]->kind != VALUE_TENSOR)
        return refuse("a parameter is made of no tensor", err);
    *out = arguments->as.tuple.items[0];
    return 0;
}

/* ---- THE table ------------------------------------------------------------------------------- */

static const struct call calls[] = {
    {"collections", "OrderedDict", make_dict, STORED_OTHER, NULL, 0},
    {"torch._utils", "_rebuild_tensor_v2", make_tensor, STORED_OTHER, NULL, 0},
    {"torch._utils", "_rebuild_parameter", make_parameter, STORED_OTHER, NULL, 0},
    {"torch", "FloatStorage", NULL, STORED_F32, "F32", 4},
    {"torch", "HalfStorage", NULL, STORED_F16, "F16", 2},
    {"torch", "BFloat16Storage", NULL, STORED_BF16, "BF16", 2},
    {"torch", "DoubleStorage", NULL, STORED_F64, "F64", 8},
    {"torch", "LongStorage", NULL, STORED_OTHER, "I64", 8},
    {"torch", "IntStorage", NULL, STORED_OTHER, "I32", 4},
    {"torch", "ShortStorage", NULL, STORED_OTHER, "I16", 2},
    {"torch", "CharStorage", NULL, STORED_OTHER, "I8", 1},
    {"torch", "ByteStorage", NULL, STORED_OTHER, "U8", 1},
    {"torch", "BoolStorage", NULL, STORED_OTHER, "BOOL", 1},
};

static bool
is_text(const struct value *value, const char *text)
{
    return value->as.text.length == strlen(text) &&
           memcmp(value->as.text.bytes, text, value->as.text.length) == 0;
}

/* A name for a message: what is not printable ASCII becomes '?'. */
static void
quote(const struct value *text, char out[QUOTED_BYTES + 1])
{
    size_t length = text->as.text.length < QUOTED_BYTES ? text->as.text.length : QUOTED_BYTES;
    for (size_t i = 0; i < length; i++) {
        char byte = text->as.text.bytes[i];
        out[i] = byte > ' ' && byte <= '~' ? byte : '?';
    }
    out[length] = '\0';
}

int
call_find(const struct value *module, const struct value *name, const struct call **out,
          struct err *err)
{
    char quoted_module[QUOTED_BYTES + 1];
    char quoted_name[QUOTED_BYTES + 1];
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        if (is_text(module, calls[i].module) && is_text(name, calls[i].name)) {
            *out = &calls[i];
            return 0;
        }
    }
    quote(module, quoted_module);
    quote(name, quoted_name);
    return err_set(err, ERR_UNSUPPORTED,
                   "the file wants to call %s.%s: it is not a plain weights file, and nothing of "
                   "it was run; if you trust it, load it in transformers and save it with "
                   "save_pretrained(folder)",
                   quoted_module, quoted_name);
}

int
call_make(const struct call *call, const struct value *arguments, struct arena *arena,
          const struct value **out, struct err *err)
{
    if (call->function == NULL)
        return err_set(err, ERR_INVALID, "a %s is made outside of the archive", call->name);
    if (arguments->kind != VALUE_TUPLE)
        return refuse("a call has no arguments", err);
    return call->function(call, arguments, arena, out, err);
}

int
call_storage(const struct value *id, struct arena *arena, const struct value **out, struct err *err)
{
    const struct value *const *items = id->as.tuple.items;
    if (id->kind != VALUE_TUPLE || id->as.tuple.count != 5 || items[0]->kind != VALUE_TEXT ||
        !is_text(items[0], "storage") || items[1]->kind != VALUE_CALL ||
        items[1]->as.call->function != NULL)
        return refuse("a persistent id means no storage", err);
    const struct value *key = items[2];
    if (key->kind != VALUE_TEXT || strlen(key->as.text.bytes) != key->as.text.length)
        return refuse("a storage has no name", err);
    if (items[3]->kind != VALUE_TEXT) /* "cpu", "cuda:0": where it was, which does not matter */
        return refuse("a storage has no place", err);
    if (items[4]->kind != VALUE_INTEGER || items[4]->as.integer < 0)
        return refuse("a storage has a size that is no whole number", err);
    const struct call *class = items[1]->as.call;
    size_t bytes = 0;
    if (!mem_multiply((size_t)items[4]->as.integer, class->size, &bytes))
        return refuse("a storage is too large to address", err);
    struct pickled_storage *storage = arena_alloc(arena, sizeof *storage);
    *storage = (struct pickled_storage){key->as.text.bytes, class->type, class->type_name,
                                        class->size, (uint64_t)items[4]->as.integer};
    struct value *value = value_new(arena, VALUE_STORAGE);
    value->as.storage = storage;
    *out = value;
    return 0;
}
