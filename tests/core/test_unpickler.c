/* Pickles: a state dictionary is read, nothing is ever called, and no size is believed. */
#include "core/hub/unpickler.h"

#include "core/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PROTO   "\x80\x02"
#define FLOATS  "ctorch\nFloatStorage\n"
#define REBUILD "ctorch._utils\n_rebuild_tensor_v2\n"
#define HOOKS   "ccollections\nOrderedDict\n)R"

/* ('storage', FloatStorage, '0', 'cpu', 6), of which a tensor is rebuilt. */
#define STORAGE                                                                                    \
    "(X\7\0\0\0storage" FLOATS "X\1\0\0\0"                                                         \
    "0"                                                                                            \
    "X\3\0\0\0"                                                                                    \
    "cpu"                                                                                          \
    "K\6tQ"

/* An instruction with its bytes, zeros among them. */
#define BYTES(text) (text), sizeof(text) - 1

static int
read_bytes(const void *bytes, size_t length, struct arena *arena, struct pickled_weights *out,
           struct err *err)
{
    unsigned char *copy = malloc(length > 0 ? length : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, length);
    int rc = unpickler_read(copy, length, arena, out, err);
    free(copy);
    return rc;
}

static void
expect_refused(const void *bytes, size_t length, int code, const char *words)
{
    struct arena *arena = arena_new();
    struct pickled_weights weights;
    struct err err = {0};
    int rc = read_bytes(bytes, length, arena, &weights, &err);
    if (rc != code || strstr(err.message, words) == NULL)
        fail_msg("%d, '%s' instead of %d, '%s'", rc, err.message, code, words);
    arena_free(arena);
}

static void
a_state_dictionary_is_read(void **state)
{
    static const char bytes[] =
        PROTO HOOKS "X\1\0\0\0w" REBUILD "(" STORAGE "K\1K\2K\2\x86K\2K\1\x86\x89" HOOKS "tRs"
                    "}X\11\0\0\0_metadataNsb.";
    struct arena *arena = arena_new();
    struct pickled_weights weights;
    struct err err = {0};
    (void)state;
    if (read_bytes(BYTES(bytes), arena, &weights, &err) != 0)
        fail_msg("%s", err.message);
    assert_int_equal(weights.count, 1);
    const struct pickled_tensor *tensor = &weights.tensors[0];
    assert_string_equal(tensor->name, "w");
    assert_string_equal(tensor->storage->key, "0");
    assert_string_equal(tensor->storage->type_name, "F32");
    assert_int_equal(tensor->storage->count, 6);
    assert_int_equal(tensor->offset, 1);
    assert_int_equal(tensor->rank, 2);
    assert_int_equal(tensor->shape[0], 2);
    assert_int_equal(tensor->strides[0], 2);
    assert_int_equal(tensor->length, 16);
    arena_free(arena);
}

static void
members_that_are_no_tensors_are_passed_over(void **state)
{
    static const char bytes[] = PROTO "}(X\1\0\0\0aNX\1\0\0\0b]K\1aX\1\0\0\0c(K\1K\2lK\0K\1"
                                      "X\1\0\0\0w" REBUILD "(" STORAGE "K\0))\x89" HOOKS "tRu.";
    static const char plain[] = PROTO "}(X\1\0\0\0aNX\1\0\0\0b]K\1aX\1\0\0\0cG\0\0\0\0\0\0\0\0"
                                      "X\1\0\0\0w" REBUILD "(" STORAGE "K\0))\x89" HOOKS "tRu.";
    struct arena *arena = arena_new();
    struct pickled_weights weights;
    struct err err = {0};
    (void)state;
    if (read_bytes(BYTES(plain), arena, &weights, &err) != 0)
        fail_msg("%s", err.message);
    assert_int_equal(weights.count, 1);
    assert_int_equal(weights.tensors[0].rank, 0);
    assert_int_equal(weights.tensors[0].length, 4);
    arena_free(arena);
    expect_refused(BYTES(bytes), ERR_UNSUPPORTED, "the pickle instruction LIST");
}

static void
every_other_name_is_refused_by_it(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
        const char *words;
    } cases[] = {
        {BYTES(PROTO "cos\nsystem\nX\4\0\0\0true\x85R."), "wants to call os.system: it is not a "},
        {BYTES(PROTO "cposix\nsystem\n."), "wants to call posix.system"},
        {BYTES(PROTO "cbuiltins\neval\n."), "wants to call builtins.eval"},
        {BYTES("\x80\x04\x8c\2os\x8c\6system\x93."), "wants to call os.system"},
        {BYTES(PROTO "ctorch\nload\n."), "wants to call torch.load"},
        {BYTES(PROTO "ctorch.storage\n_load_from_bytes\n."), "torch.storage._load_from_bytes"},
        {BYTES(PROTO "ctorch\nFloatStorage.__init__\n."), "torch.FloatStorage.__init__"},
        {BYTES(PROTO "ccollections\nOrderedDict.update\n."), "collections.OrderedDict.update"},
        {BYTES(PROTO "ccollections\nCounter\n."), "collections.Counter"},
        {BYTES(PROTO "c\n\n."), "wants to call ."},
        {BYTES(PROTO "c\x1b[2J\nx\ty\n."), "wants to call ?[2J.x?y"},
        {BYTES(PROTO "(ios\nsystem\n."), "the pickle instruction INST"},
        {BYTES(PROTO "(o."), "the pickle instruction OBJ"},
        {BYTES(PROTO ")\x81."), "the pickle instruction NEWOBJ"},
        {BYTES(PROTO "\x82\1."), "the pickle instruction EXT1"},
        {BYTES(PROTO "P0\n."), "the pickle instruction PERSID"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_refused(cases[i].bytes, cases[i].length, ERR_UNSUPPORTED, cases[i].words);
}

static void
what_is_no_program_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
        const char *words;
    } cases[] = {
        {BYTES(PROTO "\xff"), "at byte 2: 0xff is no instruction"},
        {BYTES(PROTO), "at byte 2: the pickle ends in the middle"},
        {BYTES("\x80\1."), "at byte 0: the pickle's protocol is none of 2 to 5"},
        {BYTES("\x80\6."), "protocol is none of 2 to 5"},
        {BYTES(PROTO "."), "takes a value that is not there"},
        {BYTES(PROTO "(."), "takes a value that is not there"},
        {BYTES(PROTO "NN."), "goes on behind its end"},
        {BYTES(PROTO "N.N"), "goes on behind its end"},
        {BYTES(PROTO "0."), "takes a value that is not there"},
        {BYTES(PROTO "2."), "takes a value that is not there"},
        {BYTES(PROTO "(2."), "takes a value that is not there"},
        {BYTES(PROTO "t."), "back to a mark that is not there"},
        {BYTES(PROTO "1."), "back to a mark that is not there"},
        {BYTES(PROTO "N\x86."), "takes a value that is not there"},
        {BYTES(PROTO "h\0."), "takes a value that it has not kept"},
        {BYTES(PROTO "Nq\0h\1."), "takes a value that it has not kept"},
        {BYTES(PROTO "j\xff\xff\xff\xff."), "takes a value that it has not kept"},
        {BYTES(PROTO "Nr\xff\xff\xff\xff."), "keeps more values than"},
        {BYTES(PROTO "(q\0."), "takes a value that is not there"},
        {BYTES(PROTO "X\xff\xff\xff\xff"
                     "a."),
         "ends in the middle"},
        {BYTES(PROTO "\x8d\xff\xff\xff\xff\xff\xff\xff\xff."), "ends in the middle"},
        {BYTES(PROTO "\x8e\xff\xff\xff\xff\xff\xff\xff\x7f."), "ends in the middle"},
        {BYTES(PROTO "X\1\0\0\0\xff."), "no UTF-8"},
        {BYTES(PROTO "\x8a\t123456789."), "more than 64 bits"},
        {BYTES(PROTO "cos"), "ends in the middle"},
        {BYTES(PROTO "cos\nsystem"), "ends in the middle"},
        {BYTES(PROTO "NNNs."), "members of what is no dictionary"},
        {BYTES(PROTO "}(Nu."), "members of what is no dictionary"},
        {BYTES(PROTO "}Na."), "appends to what is no list"},
        {BYTES(PROTO "N}b."), "builds what is no dictionary"},
        {BYTES(PROTO "N)R."), "calls what cannot be called"},
        {BYTES(PROTO FLOATS ")R."), "FloatStorage is made outside"},
        {BYTES(PROTO "ccollections\nOrderedDict\nNR."), "a call has no arguments"},
        {BYTES(PROTO "ccollections\nOrderedDict\nN\x85R."), "is made of something"},
        {BYTES(PROTO "NQ."), "a persistent id means no storage"},
        {BYTES(PROTO ")Q."), "a persistent id means no storage"},
        {BYTES(PROTO "(NNNNNtQ."), "a persistent id means no storage"},
        {BYTES(PROTO "(X\7\0\0\0storage" HOOKS "NNNtQ."), "a persistent id means no storage"},
        {BYTES(PROTO "(X\7\0\0\0storageccollections\nOrderedDict\nNNNtQ."), "means no storage"},
        {BYTES(PROTO "(X\7\0\0\0storage" FLOATS "NNNtQ."), "a storage has no name"},
        {BYTES(PROTO "(X\7\0\0\0storage" FLOATS "X\3\0\0\0a\0bNNtQ."), "a storage has no name"},
        {BYTES(PROTO "(X\7\0\0\0storage" FLOATS "X\0\0\0\0NNtQ."), "a storage has no place"},
        {BYTES(PROTO "(X\7\0\0\0storage" FLOATS "X\0\0\0\0X\0\0\0\0NtQ."), "no whole number"},
        {BYTES(PROTO "(X\7\0\0\0storage" FLOATS "X\0\0\0\0X\0\0\0\0J\xff\xff\xff\xfftQ."),
         "no whole number"},
        {BYTES(PROTO "(X\7\0\0\0storage" FLOATS
                     "X\0\0\0\0X\0\0\0\0\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7ftQ."),
         "too large to address"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_refused(cases[i].bytes, cases[i].length, ERR_INVALID, cases[i].words);
    expect_refused("", 0, ERR_INVALID, "ends in the middle");
}

/* A dictionary with one tensor of these arguments, behind the storage of six numbers. */
static void
expect_tensor(const void *arguments, size_t length, const char *words)
{
    struct arena *arena = arena_new();
    struct buf bytes = {0};
    struct pickled_weights weights;
    struct err err = {0};
    static const char before[] = PROTO "}X\1\0\0\0w" REBUILD "(" STORAGE;
    static const char after[] = "\x89" HOOKS "tRs.";
    buf_append(&bytes, BYTES(before));
    buf_append(&bytes, arguments, length);
    buf_append(&bytes, BYTES(after));
    int rc = read_bytes(bytes.data, bytes.length, arena, &weights, &err);
    if (words == NULL ? rc != 0 : rc != ERR_INVALID || strstr(err.message, words) == NULL)
        fail_msg("%d, '%s' instead of '%s'", rc, err.message, words == NULL ? "" : words);
    buf_fini(&bytes);
    arena_free(arena);
}

static void
tensors_stay_inside_their_storage(void **state)
{
    static const struct {
        const char *bytes; /* offset, shape, strides */
        size_t length;
        const char *words;
    } cases[] = {
        {BYTES("K\0K\2K\3\x86K\3K\1\x86"), NULL},
        {BYTES("K\0K\3K\2\x86K\1K\3\x86"), NULL},
        {BYTES("K\5))"), NULL},
        {BYTES("K\6K\0\x85K\1\x85"), NULL},               /* empty at the end */
        {BYTES("K\5J\xff\xff\xff\x7f\x85K\0\x85"), NULL}, /* one number, repeated */
        {BYTES("K\6))"), "reaches beyond its storage"},
        {BYTES("K\7K\0\x85K\1\x85"), "reaches beyond its storage"},
        {BYTES("K\1K\2K\3\x86K\3K\1\x86"), "reaches beyond its storage"},
        {BYTES("K\0K\2\x85K\6\x85"), "reaches beyond its storage"},
        {BYTES("K\0K\3\x85\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85"), "beyond its storage"},
        {BYTES("K\1K\2\x85\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85"), "beyond its storage"},
        {BYTES("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f))"), "beyond its storage"},
        {BYTES("K\0\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85K\0\x85"), "too large to address"},
        {BYTES("J\xff\xff\xff\xff))"), "offset that is no whole number"},
        {BYTES("N))"), "offset that is no whole number"},
        {BYTES("K\0J\xff\xff\xff\xff\x85K\1\x85"), "that is no whole number"},
        {BYTES("K\0K\1\x85J\xff\xff\xff\xff\x85"), "that is no whole number"},
        {BYTES("K\0K\1\x85)"), "another number of strides"},
        {BYTES("K\0K\1\x85N"), "another number of strides"},
        {BYTES("K\0NN"), "no shape"},
        {BYTES("K\0(K\1K\1K\1K\1K\1K\1K\1K\1K\1t(K\1K\1K\1K\1K\1K\1K\1K\1K\1t"), "at most 8"},
        {BYTES("K\0"), "another number of arguments"},
        {BYTES("K\0))NNN"), "another number of arguments"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_tensor(cases[i].bytes, cases[i].length, cases[i].words);
}

static void
what_holds_no_tensors_is_told(void **state)
{
    (void)state;
    expect_refused(BYTES(PROTO "N."), ERR_UNSUPPORTED, "no dictionary of tensors");
    expect_refused(BYTES(PROTO "]."), ERR_UNSUPPORTED, "no dictionary of tensors");
    expect_refused(BYTES(PROTO "}."), ERR_UNSUPPORTED, "no dictionary of tensors");
    expect_refused(BYTES(PROTO "}X\1\0\0\0a}s."), ERR_UNSUPPORTED, "training's checkpoint");
    expect_refused(BYTES(PROTO "}K\1" REBUILD "(" STORAGE "K\0))\x89NtRs."), ERR_INVALID,
                   "a name that is no text");
}

static void
long_programs_and_large_ones_are_refused(void **state)
{
    struct buf bytes = {0};
    (void)state;
    buf_append(&bytes, BYTES(PROTO));
    for (size_t i = 0; i < PICKLE_MAX_STEPS; i++)
        buf_append_string(&bytes, i % 2 == 0 ? "N" : "0");
    buf_append_string(&bytes, "N.");
    expect_refused(bytes.data, bytes.length, ERR_INVALID, "more than 1000000 instructions");
    for (char block[4096] = {0}; bytes.length <= PICKLE_MAX_BYTES;)
        buf_append(&bytes, block, sizeof block);
    expect_refused(bytes.data, bytes.length, ERR_INVALID, "is no plain weights file's");
    buf_fini(&bytes);
}

static void
values_that_hold_themselves_do_no_harm(void **state)
{
    (void)state;
    expect_refused(BYTES(PROTO "}q\0X\1\0\0\0ah\0sh\0h\0b."), ERR_INVALID, "behind its end");
    expect_refused(BYTES(PROTO "}q\0X\1\0\0\0ah\0s."), ERR_UNSUPPORTED, "no dictionary of");
    expect_refused(BYTES(PROTO "]q\0h\0a."), ERR_UNSUPPORTED, "no dictionary of tensors");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_dictionary_is_read),
        cmocka_unit_test(members_that_are_no_tensors_are_passed_over),
        cmocka_unit_test(every_other_name_is_refused_by_it),
        cmocka_unit_test(what_is_no_program_is_refused_with_its_place),
        cmocka_unit_test(tensors_stay_inside_their_storage),
        cmocka_unit_test(what_holds_no_tensors_is_told),
        cmocka_unit_test(long_programs_and_large_ones_are_refused),
        cmocka_unit_test(values_that_hold_themselves_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
