/*
 * The instructions of a pickle; see unpickler_machine.h.
 *
 * THE table is at the end: a row has the code, its name and what it does, or nothing when plain
 * weights have no use for it. Every value lives in the arena and costs at least an instruction, so
 * a limit on instructions is a limit on memory.
 */
#include "core/hub/unpickler_machine.h"

#include "core/base/utf8.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 256, LEAST_PROTOCOL = 2, MOST_PROTOCOL = 5 };

typedef int step(struct machine *m, size_t size);

static int
refuse(struct machine *m, const char *reason)
{
    return err_set(m->err, ERR_INVALID, "%s", reason);
}

/* ---- the program ----------------------------------------------------------------------------- */

/* The next count bytes, or NULL with the error set. */
static const unsigned char *
take(struct machine *m, uint64_t count)
{
    if (count > m->length - m->at) {
        refuse(m, "the pickle ends in the middle of an instruction");
        return NULL;
    }
    const unsigned char *bytes = m->bytes + m->at;
    m->at += (size_t)count;
    return bytes;
}

/* A number of size bytes without sign. */
static int
take_number(struct machine *m, size_t size, uint64_t *out)
{
    const unsigned char *bytes = take(m, size);
    *out = 0;
    if (bytes == NULL)
        return m->err->code;
    for (size_t i = 0; i < size; i++)
        *out |= (uint64_t)bytes[i] << (8 * i);
    return 0;
}

/* ---- stack and memo -------------------------------------------------------------------------- */

static int
push(struct machine *m, const struct value *value)
{
    if (m->depth == m->room) {
        m->room = m->room == 0 ? FIRST_ROOM : 2 * m->room;
        m->stack = mem_resize(m->stack, m->room, sizeof *m->stack);
    }
    m->stack[m->depth++] = value;
    return 0;
}

/* The topmost value, or NULL with the error set: none, or only what lies below a mark. */
static const struct value *
top(struct machine *m)
{
    if (m->depth == 0 || m->stack[m->depth - 1]->kind == VALUE_MARK) {
        refuse(m, "the pickle takes a value that is not there");
        return NULL;
    }
    return m->stack[m->depth - 1];
}

static const struct value *
pop(struct machine *m)
{
    const struct value *value = top(m);
    m->depth -= value != NULL;
    return value;
}

/* The values above the last mark, which goes: *first is the first one's place. */
static int
pop_to_mark(struct machine *m, size_t *first, size_t *count)
{
    size_t place = m->depth;
    while (place > 0 && m->stack[place - 1]->kind != VALUE_MARK)
        place--;
    if (place == 0)
        return refuse(m, "the pickle takes values back to a mark that is not there");
    *first = place;
    *count = m->depth - place;
    m->depth = place - 1;
    return 0;
}

static int
put_memo(struct machine *m, uint64_t index)
{
    const struct value *value = top(m);
    if (value == NULL)
        return m->err->code;
    if (index >= PICKLE_MAX_MEMO)
        return refuse(m, "the pickle keeps more values than a weights file needs");
    if (index >= m->memo_room) {
        size_t room = m->memo_room == 0 ? FIRST_ROOM : m->memo_room;
        while (room <= index)
            room *= 2;
        m->memo = mem_resize(m->memo, room, sizeof *m->memo);
        memset(m->memo + m->memo_room, 0, (room - m->memo_room) * sizeof *m->memo);
        m->memo_room = room;
    }
    m->memo[index] = value;
    return 0;
}

/* ---- instructions: stack and memo ------------------------------------------------------------ */

static int
step_protocol(struct machine *m, size_t size)
{
    uint64_t protocol = 0;
    if (take_number(m, size, &protocol) != 0)
        return m->err->code;
    if (protocol < LEAST_PROTOCOL || protocol > MOST_PROTOCOL)
        return refuse(m, "the pickle's protocol is none of 2 to 5");
    return 0;
}

/* A frame only says how many bytes may be read at once. */
static int
step_skip(struct machine *m, size_t size)
{
    return take(m, size) == NULL ? m->err->code : 0;
}

static int
step_mark(struct machine *m, size_t size)
{
    (void)size;
    return push(m, value_new(m->arena, VALUE_MARK));
}

static int
step_pop(struct machine *m, size_t size)
{
    (void)size;
    if (m->depth == 0)
        return refuse(m, "the pickle takes a value that is not there");
    m->depth--;
    return 0;
}

static int
step_pop_mark(struct machine *m, size_t size)
{
    size_t first = 0;
    return pop_to_mark(m, &first, &size);
}

static int
step_dup(struct machine *m, size_t size)
{
    const struct value *value = top(m);
    (void)size;
    return value == NULL ? m->err->code : push(m, value);
}

static int
step_put(struct machine *m, size_t size)
{
    uint64_t index = 0;
    return take_number(m, size, &index) != 0 ? m->err->code : put_memo(m, index);
}

static int
step_memoize(struct machine *m, size_t size)
{
    (void)size;
    return put_memo(m, m->memo_next++);
}

static int
step_get(struct machine *m, size_t size)
{
    uint64_t index = 0;
    if (take_number(m, size, &index) != 0)
        return m->err->code;
    if (index >= m->memo_room || m->memo[index] == NULL)
        return refuse(m, "the pickle takes a value that it has not kept");
    return push(m, m->memo[index]);
}

static int
step_stop(struct machine *m, size_t size)
{
    (void)size;
    m->result = pop(m);
    if (m->result == NULL)
        return m->err->code;
    if (m->depth != 0 || m->at != m->length)
        return refuse(m, "the pickle goes on behind its end");
    return 0;
}

/* ---- instructions: values -------------------------------------------------------------------- */

/* None, true, false; a real number of size bytes. */
static int
step_other(struct machine *m, size_t size)
{
    if (take(m, size) == NULL)
        return m->err->code;
    return push(m, value_new(m->arena, VALUE_OTHER));
}

static int
push_integer(struct machine *m, int64_t integer)
{
    struct value *value = value_new(m->arena, VALUE_INTEGER);
    value->as.integer = integer;
    return push(m, value);
}

/* Of one or two bytes without sign, or of four with one. */
static int
step_integer(struct machine *m, size_t size)
{
    uint64_t number = 0;
    if (take_number(m, size, &number) != 0)
        return m->err->code;
    bool negative = size == 4 && number > INT32_MAX;
    return push_integer(m, (int64_t)number - (negative ? (int64_t)1 << 32 : 0));
}

/* Of as many bytes as the first one says, the last with the sign. */
static int
step_long(struct machine *m, size_t size)
{
    uint64_t length = 0;
    uint64_t number = 0;
    if (take_number(m, size, &length) != 0)
        return m->err->code;
    if (length > sizeof number)
        return refuse(m, "the pickle has a number of more than 64 bits");
    if (take_number(m, (size_t)length, &number) != 0)
        return m->err->code;
    if (length > 0 && length < sizeof number && (number >> (8 * length - 1) & 1) != 0)
        number |= UINT64_MAX << (8 * length);
    int64_t integer;
    memcpy(&integer, &number, sizeof integer);
    return push_integer(m, integer);
}

static struct value *
new_text(struct machine *m, const unsigned char *bytes, size_t length)
{
    struct value *value = value_new(m->arena, VALUE_TEXT);
    value->as.text.bytes = arena_copy_bytes(m->arena, (const char *)bytes, length);
    value->as.text.length = length;
    return value;
}

/* A text behind its length of size bytes. */
static int
step_text(struct machine *m, size_t size)
{
    uint64_t length = 0;
    if (take_number(m, size, &length) != 0)
        return m->err->code;
    const unsigned char *bytes = take(m, length);
    if (bytes == NULL)
        return m->err->code;
    if (utf8_valid_length((const char *)bytes, (size_t)length) != length)
        return refuse(m, "the pickle has a text that is no UTF-8");
    return push(m, new_text(m, bytes, (size_t)length));
}

static int
step_bytes(struct machine *m, size_t size)
{
    uint64_t length = 0;
    if (take_number(m, size, &length) != 0 || take(m, length) == NULL)
        return m->err->code;
    return push(m, value_new(m->arena, VALUE_OTHER));
}

/* The count topmost values, at stack[first], as a tuple on the stack. */
static int
push_tuple(struct machine *m, size_t first, size_t count)
{
    struct value *value = value_new(m->arena, VALUE_TUPLE);
    const struct value **items = arena_array(m->arena, count, sizeof *items);
    for (size_t i = 0; i < count; i++)
        items[i] = m->stack[first + i];
    value->as.tuple.items = items;
    value->as.tuple.count = count;
    return push(m, value);
}

static int
step_tuple_to_mark(struct machine *m, size_t size)
{
    size_t first = 0;
    return pop_to_mark(m, &first, &size) != 0 ? m->err->code : push_tuple(m, first, size);
}

static int
step_tuple(struct machine *m, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (pop(m) == NULL)
            return m->err->code;
    return push_tuple(m, m->depth, size);
}

static int
step_empty_list(struct machine *m, size_t size)
{
    (void)size;
    return push(m, value_new(m->arena, VALUE_LIST));
}

static int
step_empty_dict(struct machine *m, size_t size)
{
    (void)size;
    return push(m, value_new(m->arena, VALUE_DICT));
}

/* ---- instructions: members ------------------------------------------------------------------- */

static int
check_list(struct machine *m)
{
    const struct value *list = top(m);
    if (list == NULL)
        return m->err->code;
    return list->kind == VALUE_LIST ? 0 : refuse(m, "the pickle appends to what is no list");
}

static int
step_append(struct machine *m, size_t size)
{
    (void)size;
    return pop(m) == NULL ? m->err->code : check_list(m);
}

static int
step_appends(struct machine *m, size_t size)
{
    size_t first = 0;
    return pop_to_mark(m, &first, &size) != 0 ? m->err->code : check_list(m);
}

/* Put pairs of values, at stack[first], into the dictionary that is topmost now. */
static int
set_items(struct machine *m, size_t first, size_t count)
{
    const struct value *dict = top(m);
    if (dict == NULL)
        return m->err->code;
    if (dict->kind != VALUE_DICT || count % 2 != 0)
        return refuse(m, "the pickle sets members of what is no dictionary");
    struct value *changed = (struct value *)(uintptr_t)dict; /* made here, by value_new */
    for (size_t i = 0; i < count; i += 2) {
        struct value_pair *pair = arena_alloc(m->arena, sizeof *pair);
        *pair = (struct value_pair){m->stack[first + i], m->stack[first + i + 1], NULL};
        if (changed->as.dict.last == NULL)
            changed->as.dict.first = pair;
        else
            changed->as.dict.last->next = pair;
        changed->as.dict.last = pair;
    }
    return 0;
}

static int
step_setitem(struct machine *m, size_t size)
{
    (void)size;
    if (pop(m) == NULL || pop(m) == NULL)
        return m->err->code;
    return set_items(m, m->depth, 2);
}

static int
step_setitems(struct machine *m, size_t size)
{
    size_t first = 0;
    return pop_to_mark(m, &first, &size) != 0 ? m->err->code : set_items(m, first, size);
}

/* What a state dictionary remembers beside its tensors (_metadata): not needed. */
static int
step_build(struct machine *m, size_t size)
{
    (void)size;
    if (pop(m) == NULL)
        return m->err->code;
    const struct value *object = top(m);
    if (object == NULL)
        return m->err->code;
    return object->kind == VALUE_DICT ? 0 : refuse(m, "the pickle builds what is no dictionary");
}

/* ---- instructions: calls --------------------------------------------------------------------- */

/* The text up to the next line's end. */
static const struct value *
take_line(struct machine *m)
{
    const unsigned char *end = memchr(m->bytes + m->at, '\n', m->length - m->at);
    if (end == NULL) {
        refuse(m, "the pickle ends in the middle of an instruction");
        return NULL;
    }
    const unsigned char *start = m->bytes + m->at;
    m->at = (size_t)(end - m->bytes) + 1;
    return new_text(m, start, (size_t)(end - start));
}

static int
push_call(struct machine *m, const struct value *module, const struct value *name)
{
    const struct call *call = NULL;
    if (call_find(module, name, &call, m->err) != 0)
        return m->err->code;
    struct value *value = value_new(m->arena, VALUE_CALL);
    value->as.call = call;
    return push(m, value);
}

static int
step_global(struct machine *m, size_t size)
{
    const struct value *module = take_line(m);
    const struct value *name = module == NULL ? NULL : take_line(m);
    (void)size;
    return name == NULL ? m->err->code : push_call(m, module, name);
}

static int
step_stack_global(struct machine *m, size_t size)
{
    const struct value *name = pop(m);
    const struct value *module = name == NULL ? NULL : pop(m);
    (void)size;
    if (module == NULL)
        return m->err->code;
    if (module->kind != VALUE_TEXT || name->kind != VALUE_TEXT)
        return refuse(m, "the pickle wants to call what has no name");
    return push_call(m, module, name);
}

static int
step_reduce(struct machine *m, size_t size)
{
    const struct value *arguments = pop(m);
    const struct value *call = arguments == NULL ? NULL : pop(m);
    const struct value *result = NULL;
    (void)size;
    if (call == NULL)
        return m->err->code;
    if (call->kind != VALUE_CALL)
        return refuse(m, "the pickle calls what cannot be called");
    if (call_make(call->as.call, arguments, m->arena, &result, m->err) != 0)
        return m->err->code;
    return push(m, result);
}

static int
step_persistent(struct machine *m, size_t size)
{
    const struct value *id = pop(m);
    const struct value *storage = NULL;
    (void)size;
    if (id == NULL || call_storage(id, m->arena, &storage, m->err) != 0)
        return m->err->code;
    return push(m, storage);
}

/* ---- THE table ------------------------------------------------------------------------------- */

static const struct {
    unsigned char code;
    const char *name;
    step *step;  /* NULL: not in plain weights */
    size_t size; /* bytes that follow: of the number, or of the length */
} steps[] = {
    {0x80, "PROTO", step_protocol, 1},
    {0x95, "FRAME", step_skip, 8},
    {'.', "STOP", step_stop, 0},
    {'(', "MARK", step_mark, 0},
    {'0', "POP", step_pop, 0},
    {'1', "POP_MARK", step_pop_mark, 0},
    {'2', "DUP", step_dup, 0},
    {'q', "BINPUT", step_put, 1},
    {'r', "LONG_BINPUT", step_put, 4},
    {0x94, "MEMOIZE", step_memoize, 0},
    {'h', "BINGET", step_get, 1},
    {'j', "LONG_BINGET", step_get, 4},
    {'N', "NONE", step_other, 0},
    {0x88, "NEWTRUE", step_other, 0},
    {0x89, "NEWFALSE", step_other, 0},
    {'G', "BINFLOAT", step_other, 8},
    {'K', "BININT1", step_integer, 1},
    {'M', "BININT2", step_integer, 2},
    {'J', "BININT", step_integer, 4},
    {0x8a, "LONG1", step_long, 1},
    {'X', "BINUNICODE", step_text, 4},
    {0x8c, "SHORT_BINUNICODE", step_text, 1},
    {0x8d, "BINUNICODE8", step_text, 8},
    {'B', "BINBYTES", step_bytes, 4},
    {'C', "SHORT_BINBYTES", step_bytes, 1},
    {0x8e, "BINBYTES8", step_bytes, 8},
    {')', "EMPTY_TUPLE", step_tuple, 0},
    {0x85, "TUPLE1", step_tuple, 1},
    {0x86, "TUPLE2", step_tuple, 2},
    {0x87, "TUPLE3", step_tuple, 3},
    {'t', "TUPLE", step_tuple_to_mark, 0},
    {']', "EMPTY_LIST", step_empty_list, 0},
    {'a', "APPEND", step_append, 0},
    {'e', "APPENDS", step_appends, 0},
    {'}', "EMPTY_DICT", step_empty_dict, 0},
    {'s', "SETITEM", step_setitem, 0},
    {'u', "SETITEMS", step_setitems, 0},
    {'b', "BUILD", step_build, 0},
    {'c', "GLOBAL", step_global, 0},
    {0x93, "STACK_GLOBAL", step_stack_global, 0},
    {'R', "REDUCE", step_reduce, 0},
    {'Q', "BINPERSID", step_persistent, 0},
    {'i', "INST", NULL, 0},
    {'o', "OBJ", NULL, 0},
    {0x81, "NEWOBJ", NULL, 0},
    {0x92, "NEWOBJ_EX", NULL, 0},
    {0x82, "EXT1", NULL, 0},
    {0x83, "EXT2", NULL, 0},
    {0x84, "EXT4", NULL, 0},
    {'P', "PERSID", NULL, 0},
    {'I', "INT", NULL, 0},
    {'L', "LONG", NULL, 0},
    {0x8b, "LONG4", NULL, 0},
    {'F', "FLOAT", NULL, 0},
    {'S', "STRING", NULL, 0},
    {'T', "BINSTRING", NULL, 0},
    {'U', "SHORT_BINSTRING", NULL, 0},
    {'V', "UNICODE", NULL, 0},
    {'p', "PUT", NULL, 0},
    {'g', "GET", NULL, 0},
    {'l', "LIST", NULL, 0},
    {'d', "DICT", NULL, 0},
    {0x8f, "EMPTY_SET", NULL, 0},
    {0x90, "ADDITEMS", NULL, 0},
    {0x91, "FROZENSET", NULL, 0},
    {0x96, "BYTEARRAY8", NULL, 0},
    {0x97, "NEXT_BUFFER", NULL, 0},
    {0x98, "READONLY_BUFFER", NULL, 0},
};

int
machine_step(struct machine *m)
{
    const unsigned char *code = take(m, 1);
    if (code == NULL)
        return m->err->code;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (steps[i].code != *code)
            continue;
        if (steps[i].step != NULL)
            return steps[i].step(m, steps[i].size);
        return err_set(m->err, ERR_UNSUPPORTED,
                       "the file uses the pickle instruction %s: it is not a plain weights file, "
                       "and nothing of it was run; if you trust it, load it in transformers and "
                       "save it with save_pretrained(folder)",
                       steps[i].name);
    }
    return err_set(m->err, ERR_INVALID, "0x%02x is no instruction of a pickle", *code);
}
