/*
 * Token ids against those of the reference, for every text and case of tests/fixtures/tokens.
 *
 * The format of the files stands at the top of tests/fixtures/golden_tokens.py.
 */
#include "core/text/tokenizer.h"

#include "core/base/buf.h"
#include "core/base/fileio.h"
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

enum { NO_SECOND = -1, MOST_SHOWN = 10 };

static struct golden_texts golden;

static int
read_texts(void **state)
{
    (void)state;
    golden_texts_read(FIXTURES "/tokens/texts.gz", &golden);
    return 0;
}

static int
free_texts(void **state)
{
    (void)state;
    golden_texts_fini(&golden);
    return 0;
}

/* Are the next ids of the stream these? */
static bool
same_ids(struct golden_packed *stream, const struct token_list *list)
{
    size_t count = golden_texts_number(stream);
    size_t zeros = golden_texts_number(stream);
    bool same = count == list->count;
    for (size_t i = 0; i < count; i++) {
        uint32_t id = golden_texts_number(stream);
        same = same && i < list->count && list->ids[i] == id && list->types[i] == (i >= zeros);
    }
    return same;
}

/* All cases of a vocabulary; a new list for each, so that nothing hides behind the last. */
static void
check_all(const struct tokenizer *tokenizer, const char *vocabulary)
{
    char path[512];
    snprintf(path, sizeof path, "%s/tokens/%s.gz", FIXTURES, vocabulary);
    struct golden_packed expected = golden_texts_unpack(path);
    struct golden_packed cases = golden.stream;
    size_t count = golden_texts_number(&cases);
    size_t wrong = 0;
    assert_true(count > golden.count);
    for (size_t i = 0; i < count; i++) {
        struct token_list list = {0};
        struct err err;
        struct text text = golden.texts[golden_texts_number(&cases)];
        int32_t second = (int32_t)golden_texts_number(&cases);
        size_t max_length = golden_texts_number(&cases);
        if (second != NO_SECOND) {
            text.second = golden.texts[second].first;
            text.second_length = golden.texts[second].first_length;
        }
        assert_int_equal(tokenizer_encode(tokenizer, &text, max_length, &list, &err), 0);
        if (!same_ids(&expected, &list) && ++wrong <= MOST_SHOWN)
            print_error("%s: case %zu differs (max_length %zu): %.*s\n", vocabulary, i, max_length,
                        (int)text.first_length, text.first);
        token_list_fini(&list);
    }
    assert_int_equal(wrong, 0);
    assert_true(expected.at == expected.bytes.length);
    assert_true(cases.at == cases.bytes.length);
    buf_fini(&expected.bytes);
}

static struct tokenizer *
open_tokenizer(const char *folder, size_t vocab_size)
{
    struct tokenizer *tokenizer = NULL;
    struct err err;
    if (tokenizer_open(folder, vocab_size, &tokenizer, &err) != 0)
        fail_msg("%s", err.message);
    return tokenizer;
}

/* What the five encodings of each text sum up to; golden_places.py says how. */
static void
check_places(const struct tokenizer *tokenizer, const char *vocabulary)
{
    char path[512];
    size_t wrong = 0;
    snprintf(path, sizeof path, "%s/tokens/places_%s.gz", FIXTURES, vocabulary);
    struct golden_packed expected = golden_texts_unpack(path);
    for (size_t i = 0; i < golden.count; i++)
        if (golden_texts_places(tokenizer, &golden, i) != golden_texts_short(&expected) &&
            ++wrong <= MOST_SHOWN)
            print_error("%s: places of text %zu differ: %.*s\n", vocabulary, i,
                        (int)golden.texts[i].first_length, golden.texts[i].first);
    assert_int_equal(wrong, 0);
    assert_true(expected.at == expected.bytes.length);
    buf_fini(&expected.bytes);
}

/* What is written and opened again gives the same ids, whatever files it was read from. */
static void
check_folder(struct scratch *scratch, const char *folder, size_t vocab_size, const char *vocabulary)
{
    struct err err;
    const char *written = scratch_folder(scratch, "written");
    struct tokenizer *tokenizer = open_tokenizer(folder, vocab_size);
    check_all(tokenizer, vocabulary);
    check_places(tokenizer, vocabulary);
    assert_int_equal(
        tokenizer_write(tokenizer, (struct tokenizer_model){512, false}, written, &err), 0);
    tokenizer_free(tokenizer);
    tokenizer = open_tokenizer(written, vocab_size);
    check_all(tokenizer, vocabulary);
    tokenizer_free(tokenizer);
}

struct vocabulary {
    const char *name;   /* of the golden file */
    const char *source; /* below ../shared/vocab */
    const char *file;   /* what it is called in a model folder */
    const char *config; /* tokenizer_config.json, or NULL */
    size_t size;
};

static void
check_shared(void **state, const struct vocabulary *vocabulary)
{
    (void)state;
    struct scratch scratch;
    struct err err;
    char source[512];
    snprintf(source, sizeof source, "%s/vocab/%s", SHARED_FOLDER, vocabulary->source);
    if (!shared_is_there(source))
        return;
    scratch_open(&scratch);
    const char *folder = scratch_folder(&scratch, "model");
    char name[64];
    snprintf(name, sizeof name, "model/%s", vocabulary->file);
    assert_int_equal(fileio_copy(source, scratch_path(&scratch, name), &err), 0);
    if (vocabulary->config != NULL)
        scratch_write_text(&scratch, "model/tokenizer_config.json", vocabulary->config);
    check_folder(&scratch, folder, vocabulary->size, vocabulary->name);
    scratch_close(&scratch);
}

static void
uncased_vocabulary_equals_the_reference(void **state)
{
    check_shared(state, &(struct vocabulary){.name = "uncased",
                                             .source = "bert-base-uncased.vocab.txt",
                                             .file = "vocab.txt",
                                             .size = 30522});
}

static void
cased_vocabulary_equals_the_reference(void **state)
{
    check_shared(state, &(struct vocabulary){.name = "cased",
                                             .source = "bert-base-cased.vocab.txt",
                                             .file = "vocab.txt",
                                             .config = "{\"do_lower_case\": false}",
                                             .size = 28996});
}

static void
chinese_vocabulary_equals_the_reference(void **state)
{
    check_shared(state, &(struct vocabulary){.name = "chinese",
                                             .source = "bert-base-chinese.tokenizer.json",
                                             .file = "tokenizer.json",
                                             .size = 21128});
}

static void
multilingual_vocabulary_equals_the_reference(void **state)
{
    check_shared(state,
                 &(struct vocabulary){.name = "multilingual",
                                      .source = "bert-base-multilingual-cased.tokenizer.json",
                                      .file = "tokenizer.json",
                                      .size = 119547});
}

enum { SMALL_SIZE = 20000 };

static void
small_vocabulary_equals_the_reference(void **state)
{
    (void)state;
    struct scratch scratch;
    scratch_open(&scratch);
    check_folder(&scratch, FIXTURES "/tokens/small", SMALL_SIZE, "small_uncased");
    scratch_close(&scratch);
}

static void
small_cased_vocabulary_equals_the_reference(void **state)
{
    (void)state;
    struct scratch scratch;
    struct err err;
    scratch_open(&scratch);
    const char *folder = scratch_folder(&scratch, "model");
    assert_int_equal(fileio_copy(FIXTURES "/tokens/small/vocab.txt",
                                 scratch_path(&scratch, "model/vocab.txt"), &err),
                     0);
    scratch_write_text(&scratch, "model/tokenizer_config.json", "{\"do_lower_case\": false}");
    check_folder(&scratch, folder, SMALL_SIZE, "small_cased");
    scratch_close(&scratch);
}

static void
there_are_three_thousand_texts(void **state)
{
    (void)state;
    assert_true(golden.count >= 3000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_are_three_thousand_texts),
        cmocka_unit_test(small_vocabulary_equals_the_reference),
        cmocka_unit_test(small_cased_vocabulary_equals_the_reference),
        cmocka_unit_test(uncased_vocabulary_equals_the_reference),
        cmocka_unit_test(cased_vocabulary_equals_the_reference),
        cmocka_unit_test(chinese_vocabulary_equals_the_reference),
        cmocka_unit_test(multilingual_vocabulary_equals_the_reference),
    };
    return cmocka_run_group_tests(tests, read_texts, free_texts);
}
