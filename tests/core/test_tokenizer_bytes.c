/*
 * Byte-level tokenizers: ids and places against those of the reference, and a RoBERTa folder's
 * files.
 *
 * The vocabulary and the sums were made by tests/fixtures/golden_bytes.py, which says what the
 * variants are.
 */
#include "core/text/tokenizer.h"

#include "core/base/buf.h"
#include "core/base/fileio.h"
#include "core/base/json.h"
#include "tests/support/golden_texts.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { VOCAB_SIZE = 2000, MASK = VOCAB_SIZE - 1, MOST_SHOWN = 10 };

/* The bytes' special tokens: ids of <s>, <pad>, </s>, <unk>. */
enum { CLS, PAD, SEP, UNK };

#define MASK_TOKEN                                                                                 \
    "\"added_tokens_decoder\": {\"1999\": {\"content\": \"<mask>\", \"lstrip\": true, "            \
    "\"special\": true}}"

struct variant {
    const char *name;
    const char *config; /* tokenizer_config.json, or NULL */
};

static const struct variant variants[] = {
    {"bytes", NULL},
    {"bytes_prefix", "{\"add_prefix_space\": true, " MASK_TOKEN "}"},
    {"bytes_untrimmed", "{\"trim_offsets\": false, \"truncation_side\": \"left\", " MASK_TOKEN "}"},
    {"bytes_left", "{\"add_prefix_space\": true, \"truncation_side\": \"left\"}"},
};

static struct golden_texts golden;

static int
read_texts(void **state)
{
    const char *const spellings[][2] = {{"[CLS]", "<s>"},
                                        {"[SEP]", "</s>"},
                                        {"[PAD]", "<pad>"},
                                        {"[UNK]", "<unk>"},
                                        {"[MASK]", "<mask>"}};
    (void)state;
    golden_texts_read(FIXTURES "/tokens/texts.gz", &golden);
    golden_texts_respell(&golden, spellings, sizeof spellings / sizeof spellings[0]);
    return 0;
}

static int
free_texts(void **state)
{
    (void)state;
    golden_texts_fini(&golden);
    return 0;
}

static int
open_scratch(void **state)
{
    struct scratch *scratch = malloc(sizeof *scratch);
    scratch_open(scratch);
    *state = scratch;
    return 0;
}

static int
close_scratch(void **state)
{
    scratch_close(*state);
    free(*state);
    return 0;
}

static void
copy_fixture(struct scratch *scratch, const char *name)
{
    struct err err;
    char source[512];
    snprintf(source, sizeof source, "%s/tokens/bytes/%s", FIXTURES, name);
    assert_int_equal(fileio_copy(source, scratch_path(scratch, name), &err), 0);
}

/* vocab.json and merges.txt, and perhaps a configuration, in the scratch folder itself. */
static void
write_folder(struct scratch *scratch, const char *config)
{
    copy_fixture(scratch, "vocab.json");
    copy_fixture(scratch, "merges.txt");
    if (config != NULL)
        scratch_write_text(scratch, "tokenizer_config.json", config);
}

static struct tokenizer *
open_folder(const char *folder)
{
    struct tokenizer *tokenizer = NULL;
    struct err err;
    if (tokenizer_open(folder, VOCAB_SIZE, &tokenizer, &err) != 0)
        fail_msg("%s", err.message);
    return tokenizer;
}

static void
check_sums(const char *folder, const char *variant)
{
    char path[512];
    size_t wrong = 0;
    struct tokenizer *tokenizer = open_folder(folder);
    snprintf(path, sizeof path, "%s/tokens/places_%s.gz", FIXTURES, variant);
    struct golden_packed expected = golden_texts_unpack(path);
    for (size_t i = 0; i < golden.count; i++)
        if (golden_texts_places(tokenizer, &golden, i) != golden_texts_short(&expected) &&
            ++wrong <= MOST_SHOWN)
            print_error("%s: text %zu differs: %.*s\n", variant, i,
                        (int)golden.texts[i].first_length, golden.texts[i].first);
    assert_int_equal(wrong, 0);
    buf_fini(&expected.bytes);
    tokenizer_free(tokenizer);
}

static void
write_tokenizer(const char *from, const char *to)
{
    struct err err;
    struct tokenizer *tokenizer = open_folder(from);
    assert_int_equal(tokenizer_write(tokenizer, (struct tokenizer_model){512, false}, to, &err), 0);
    tokenizer_free(tokenizer);
}

static void
all_variants_equal_the_reference(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof variants / sizeof variants[0]; i++) {
        struct scratch scratch;
        scratch_open(&scratch);
        write_folder(&scratch, variants[i].config);
        check_sums(scratch.folder, variants[i].name);
        scratch_close(&scratch);
    }
}

/* By its class, and, without tokenizer_config.json, as tokenizer.json says. */
static void
written_folders_give_the_same(void **state)
{
    (void)state;
    for (size_t i = 1; i < 3; i++) {
        struct scratch scratch;
        scratch_open(&scratch);
        write_folder(&scratch, variants[i].config);
        const char *written = scratch_folder(&scratch, "written");
        write_tokenizer(scratch.folder, written);
        check_sums(written, variants[i].name);
        if (strstr(variants[i].config, "left") == NULL) { /* which tokenizer.json does not hold */
            assert_int_equal(remove(scratch_path(&scratch, "written/tokenizer_config.json")), 0);
            check_sums(written, variants[i].name);
        }
        scratch_close(&scratch);
    }
}

static json_t *
parse(struct scratch *scratch, const char *name)
{
    struct err err;
    json_t *value = json_parse_file(scratch_path(scratch, name), 1 << 20, &err);
    assert_non_null(value);
    return value;
}

static void
check_same_file(struct scratch *scratch, const char *a, const char *b)
{
    struct buf left = {0};
    struct buf right = {0};
    struct err err;
    assert_int_equal(fileio_read(scratch_path(scratch, a), 1 << 20, &left, &err), 0);
    assert_int_equal(fileio_read(scratch_path(scratch, b), 1 << 20, &right, &err), 0);
    assert_string_equal(buf_string(&left), buf_string(&right));
    buf_fini(&left);
    buf_fini(&right);
}

static void
written_files_say_what_transformers_needs(void **state)
{
    struct scratch *scratch = *state;
    write_folder(scratch, NULL);
    write_tokenizer(scratch->folder, scratch_folder(scratch, "written"));
    check_same_file(scratch, "merges.txt", "written/merges.txt");
    json_t *before = parse(scratch, "vocab.json");
    json_t *after = parse(scratch, "written/vocab.json");
    assert_true(json_equal(before, after));
    json_decref(before);
    json_decref(after);
    json_t *config = parse(scratch, "written/tokenizer_config.json");
    assert_string_equal(json_string_value(json_object_get(config, "tokenizer_class")),
                        "RobertaTokenizer");
    assert_true(json_is_false(json_object_get(config, "add_prefix_space")));
    assert_true(json_is_true(json_object_get(config, "trim_offsets")));
    json_decref(config);
    json_t *file = parse(scratch, "written/tokenizer.json");
    assert_string_equal(json_string_value(json_object_get(json_object_get(file, "model"), "type")),
                        "BPE");
    json_decref(file);
}

static void
check_ids(const struct tokenizer *tokenizer, const struct text *text, size_t count,
          const uint32_t *ids)
{
    struct token_list list = {0};
    struct err err;
    assert_int_equal(tokenizer_encode(tokenizer, text, 0, &list, &err), 0);
    assert_int_equal(list.count, count);
    assert_memory_equal(list.ids, ids, count * sizeof *ids);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(list.types[i], 0);
    token_list_fini(&list);
}

#define IDS(...)                                                                                   \
    sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), (uint32_t[])                             \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static void
a_pair_has_two_separators_between_and_one_type(void **state)
{
    struct scratch *scratch = *state;
    write_folder(scratch, NULL);
    struct tokenizer *tokenizer = open_folder(scratch->folder);
    struct text text = {.first = "<mask>", .first_length = 6};
    check_ids(tokenizer, &text, IDS(CLS, MASK, SEP));
    struct text pair = {"<mask>", 6, "<unk>", 5};
    check_ids(tokenizer, &pair, IDS(CLS, MASK, SEP, SEP, UNK, SEP));
    assert_int_equal(tokenizer_special_count(tokenizer, true), 4);
    assert_int_equal(tokenizer_pad_id(tokenizer), PAD);
    assert_int_equal(tokenizer_unknown_id(tokenizer), UNK);
    tokenizer_free(tokenizer);
}

/* Every join is found again among what is left: a time that grows with the square would be seen. */
static void
a_word_of_a_million_letters_ends(void **state)
{
    struct scratch *scratch = *state;
    struct token_list list = {.with_places = true};
    struct err err;
    size_t length = 1000000;
    char *letters = malloc(length);
    write_folder(scratch, NULL);
    struct tokenizer *tokenizer = open_folder(scratch->folder);
    for (size_t i = 0; i < length; i++)
        letters[i] = "theontards"[i % 10];
    struct text text = {.first = letters, .first_length = length};
    assert_int_equal(tokenizer_encode(tokenizer, &text, 0, &list, &err), 0);
    assert_true(list.count > 2 && list.count < length);
    assert_int_equal(list.ends[list.count - 2], length);
    for (size_t i = 2; i + 1 < list.count; i++)
        assert_int_equal(list.starts[i], list.ends[i - 1]);
    token_list_fini(&list);
    tokenizer_free(tokenizer);
    free(letters);
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, open_scratch, close_scratch)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_variants_equal_the_reference),
        cmocka_unit_test(written_folders_give_the_same),
        IN_SCRATCH(written_files_say_what_transformers_needs),
        IN_SCRATCH(a_pair_has_two_separators_between_and_one_type),
        IN_SCRATCH(a_word_of_a_million_letters_ends),
    };
    return cmocka_run_group_tests(tests, read_texts, free_texts);
}
