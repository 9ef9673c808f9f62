/* A byte-level tokenizer's files: what is followed, what is refused and how, and damage. */
#include "core/text/tokenizer.h"

#include "core/base/buf.h"
#include "core/base/fileio.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MODEL_SIZE = 16 };

/* Few bytes have letters here: "x" has none, and of the two bytes of "é" the first one alone has.
 */
#define VOCAB                                                                                      \
    "{\"<s>\":0,\"<pad>\":1,\"</s>\":2,\"<unk>\":3,\"<mask>\":4,\"a\":5,\"b\":6,\"c\":7,"          \
    "\"\u0120\":8,\"ab\":9,\"\u0120ab\":10,\"bc\":11,\"abc\":12,\"\u0120\u0120\":13,\"\u00c3\":"   \
    "14}"
#define MERGES     "[\"a b\",[\"\u0120\",\"ab\"],\"b c\",\"ab c\",\"\u0120 \u0120\"]"
#define MERGES_TXT "#version: 0.2\na b\n\u0120 ab\r\nb c\nab c\n\n\u0120 \u0120"
#define MODEL_OF(members, vocab, merges)                                                           \
    "{\"type\":\"BPE\",\"dropout\":null," members "\"vocab\":" vocab ",\"merges\":" merges "}"
#define MODEL      MODEL_OF("", VOCAB, MERGES)
#define BYTE_LEVEL "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true}"
#define PROCESSOR_OF(members)                                                                      \
    "{\"type\":\"RobertaProcessing\",\"sep\":[\"</s>\",2],\"cls\":[\"<s>\",0]" members "}"
#define PROCESSOR PROCESSOR_OF(",\"trim_offsets\":true,\"add_prefix_space\":false")
#define TEMPLATE                                                                                   \
    "{\"type\":\"TemplateProcessing\",\"single\":[{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},"    \
    "{\"SpecialToken\":{\"id\":\"</s>\",\"type_id\":0}}],\"pair\":[{\"Sequence\":{\"id\":\"A\","   \
    "\"type_id\":0}},{\"Sequence\":{\"id\":\"B\",\"type_id\":1}}],\"special_tokens\":{\"</s>\":"   \
    "{\"id\":\"</s>\",\"ids\":[2],\"tokens\":[\"</s>\"]}}}"

/* The components of a tokenizer.json that a test replaces; NULL keeps the usual one. */
struct parts {
    const char *normalizer;
    const char *pre_tokenizer;
    const char *processor;
    const char *model;
};

static const char *
or_usual(const char *given, const char *usual)
{
    return given == NULL ? usual : given;
}

static void
write_json(struct scratch *scratch, const struct parts *parts)
{
    struct buf text = {0};
    buf_printf(
        &text,
        "{\"version\":\"1.0\",\"added_tokens\":[{\"id\":4,\"content\":\"<mask>\",\"lstrip\":"
        "true,\"normalized\":false,\"special\":true}],\"normalizer\":%s,\"pre_tokenizer\":%s,"
        "\"post_processor\":%s,\"decoder\":null,\"model\":%s}",
        or_usual(parts->normalizer, "null"), or_usual(parts->pre_tokenizer, BYTE_LEVEL),
        or_usual(parts->processor, PROCESSOR), or_usual(parts->model, MODEL));
    scratch_write(scratch, "tokenizer.json", text.data, text.length);
    buf_fini(&text);
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

static struct tokenizer *
open_folder(const char *folder)
{
    struct tokenizer *tokenizer = NULL;
    struct err err;
    if (tokenizer_open(folder, MODEL_SIZE, &tokenizer, &err) != 0)
        fail_msg("%s", err.message);
    return tokenizer;
}

/* The tokens of a text in one line, as "id:start-end" each. */
static void
check(const struct tokenizer *tokenizer, const char *text, const char *expected)
{
    struct token_list list = {.with_places = true};
    struct text input = {.first = text, .first_length = strlen(text)};
    struct buf shown = {0};
    struct err err;
    assert_int_equal(tokenizer_encode(tokenizer, &input, 0, &list, &err), 0);
    for (size_t i = 0; i < list.count; i++)
        if (list.words[i] != TOKEN_NO_WORD)
            buf_printf(&shown, "%s%u:%zu-%zu", shown.length > 0 ? " " : "", list.ids[i],
                       list.starts[i], list.ends[i]);
    assert_string_equal(buf_string(&shown), expected);
    buf_fini(&shown);
    token_list_fini(&list);
}

static void
check_refused(struct scratch *scratch, enum err_code code, const char *named)
{
    struct tokenizer *tokenizer = NULL;
    struct err err = {0};
    assert_int_equal(tokenizer_open(scratch->folder, MODEL_SIZE, &tokenizer, &err), code);
    assert_null(tokenizer);
    if (strstr(err.message, named) == NULL)
        fail_msg("'%s' is not named in: %s", named, err.message);
}

/* The expected lines are the reference's. */
static void
letters_without_tokens_vanish_or_are_unknown(void **state)
{
    write_json(*state, &(struct parts){0});
    struct tokenizer *tokenizer = open_folder(((struct scratch *)*state)->folder);
    check(tokenizer, "ab xyab", "9:0-2 10:3-5");
    check(tokenizer, "x\u00e9ab", "14:0-3 9:1-3"); /* its places are the reference's as well */
    check(tokenizer, "zab  ab", "9:0-2 8:4-4 10:5-7");
    check(tokenizer, "   ab", "13:2-2 10:3-5");
    tokenizer_free(tokenizer);
    write_json(*state, &(struct parts){.model = MODEL_OF("\"unk_token\":\"<unk>\",\"fuse_unk\":"
                                                         "false,",
                                                         VOCAB, MERGES)});
    tokenizer = open_folder(((struct scratch *)*state)->folder);
    check(tokenizer, "ab xyab", "9:0-2 8:3-3 3:3-4 3:4-5 9:5-7");
    check(tokenizer, "x\u00e9ab", "3:0-1 14:1-3 3:1-3 9:3-5");
    assert_int_equal(tokenizer_unknown_id(tokenizer), 3);
    tokenizer_free(tokenizer);
}

/* What is written says the same, whatever class it is written for. */
static void
written_switches_come_back(void **state)
{
    struct scratch *scratch = *state;
    struct err err;
    write_json(scratch,
               &(struct parts){.model = MODEL_OF("\"unk_token\":\"<unk>\",\"fuse_unk\":"
                                                 "true,",
                                                 VOCAB, MERGES),
                               .processor = "{\"type\":\"Sequence\",\"processors\":["
                                            "{\"type\":\"ByteLevel\",\"trim_offsets\":"
                                            "true,\"add_prefix_space\":false}," TEMPLATE "]}"});
    struct tokenizer *tokenizer = open_folder(scratch->folder);
    const char *written = scratch_folder(scratch, "written");
    assert_int_equal(tokenizer_write(tokenizer, (struct tokenizer_model){64, false}, written, &err),
                     0);
    for (size_t i = 0; i < 2; i++) {
        check(tokenizer, "ab xyab <mask>xx yy",
              "9:0-2 8:3-3 3:3-5 9:5-7 4:8-14 3:14-16 8:17-17 "
              "3:17-19");
        assert_int_equal(tokenizer_special_count(tokenizer, false), 1);
        tokenizer_free(tokenizer);
        tokenizer = open_folder(written);
    }
    tokenizer_free(tokenizer);
}

static void
of_equal_merges_the_later_counts(void **state)
{
    write_json(*state, &(struct parts){.model = MODEL_OF("", VOCAB, "[\"a b\",\"b c\",\"a b\"]")});
    struct tokenizer *tokenizer = open_folder(((struct scratch *)*state)->folder);
    check(tokenizer, "abc", "5:0-1 11:1-3");
    tokenizer_free(tokenizer);
}

static void
vocab_json_and_merges_txt_are_roberta(void **state)
{
    struct scratch *scratch = *state;
    scratch_write_text(scratch, "vocab.json", VOCAB);
    scratch_write_text(scratch, "merges.txt", MERGES_TXT);
    struct tokenizer *tokenizer = open_folder(scratch->folder);
    check(tokenizer, "abc  ab<s>", "12:0-3 8:4-4 10:5-7 0:7-10");
    tokenizer_free(tokenizer);
    scratch_write_text(scratch, "tokenizer_config.json", "{\"add_prefix_space\":true}");
    tokenizer = open_folder(scratch->folder);
    check(tokenizer, "abc", "10:0-2 7:2-3");
    tokenizer_free(tokenizer);
    scratch_write_text(scratch, "tokenizer_config.json", "{\"tokenizer_class\":\"BertTokenizer\"}");
    check_refused(scratch, ERR_NOT_FOUND, "neither tokenizer.json nor vocab.txt");
}

static void
a_class_refuses_the_other_kind(void **state)
{
    struct scratch *scratch = *state;
    write_json(scratch, &(struct parts){0});
    scratch_write_text(scratch, "tokenizer_config.json", "{\"tokenizer_class\":\"BertTokenizer\"}");
    check_refused(scratch, ERR_UNSUPPORTED, "model of type 'BPE' is not supported; WordPiece is");
    scratch_write_text(scratch, "tokenizer_config.json",
                       "{\"tokenizer_class\":\"RobertaTokenizerFast\"}");
    tokenizer_free(open_folder(scratch->folder));
}

struct refusal {
    struct parts parts;
    enum err_code code;
    const char *named;
};

#define TYPE(name)         "{\"type\":\"" name "\"}"
#define MERGES_OF(entries) MODEL_OF("", VOCAB, "[" entries "]")

static const struct refusal refusals[] = {
    {{.normalizer = TYPE("NFC")}, ERR_UNSUPPORTED, "normalizer of type 'NFC'"},
    {{.normalizer = "{\"type\":\"Sequence\",\"normalizers\":[]}"}, ERR_UNSUPPORTED, "'Sequence'"},
    {{.pre_tokenizer = TYPE("Metaspace")}, ERR_UNSUPPORTED, "pre_tokenizer of type 'Metaspace'"},
    {{.pre_tokenizer = "null"}, ERR_UNSUPPORTED, "without pre_tokenizer"},
    {{.pre_tokenizer = "{\"type\":\"ByteLevel\",\"use_regex\":false}"},
     ERR_UNSUPPORTED,
     "use_regex"},
    {{.processor = TYPE("Sequence")}, ERR_UNSUPPORTED, "post_processor of type 'Sequence'"},
    {{.processor = "{}"}, ERR_INVALID, "post_processor has no type"},
    {{.processor = "{\"type\":\"RobertaProcessing\",\"sep\":[\"</s>\",2],\"cls\":[\"<s>\",16]}"},
     ERR_INVALID,
     "id 16"},
    {{.model = TYPE("Unigram")}, ERR_UNSUPPORTED, "model of type 'Unigram'"},
    {{.model = MODEL_OF("\"byte_fallback\":true,", VOCAB, MERGES)},
     ERR_UNSUPPORTED,
     "'byte_fallback'"},
    {{.model = MODEL_OF("\"ignore_merges\":true,", VOCAB, MERGES)},
     ERR_UNSUPPORTED,
     "'ignore_merges'"},
    {{.model = MODEL_OF("\"end_of_word_suffix\":\"</w>\",", VOCAB, MERGES)},
     ERR_UNSUPPORTED,
     "'end_of_word_suffix'"},
    {{.model = "{\"type\":\"BPE\",\"dropout\":0.1,\"vocab\":{},\"merges\":[]}"},
     ERR_UNSUPPORTED,
     "'dropout'"},
    {{.model = MODEL_OF("\"unk_token\":\"none\",", VOCAB, MERGES)}, ERR_INVALID, "'none'"},
    {{.model = MODEL_OF("\"unk_token\":7,", VOCAB, MERGES)}, ERR_INVALID, "unk_token"},
    {{.model = MODEL_OF("", "[]", MERGES)}, ERR_INVALID, "'vocab' is not an object"},
    {{.model = MODEL_OF("", VOCAB, "{}")}, ERR_INVALID, "'merges' is not an array"},
    {{.model = MODEL_OF("", "{\"a\":0,\"b\":0}", "[]")}, ERR_INVALID, "'b' has id 0"},
    {{.model = MODEL_OF("", "{\"a\":16}", "[]")}, ERR_INVALID, "'a' has id 16"},
    {{.model = MODEL_OF("", "{\"a\":9223372036854775807}", "[]")}, ERR_INVALID, "'a' has id 92"},
    {{.model = MERGES_OF("\"a b\",\"a z\"")}, ERR_INVALID, "merge 2: the vocabulary lacks 'z'"},
    {{.model = MERGES_OF("\"c a\"")}, ERR_INVALID, "merge 1: the vocabulary lacks 'ca'"},
    {{.model = MERGES_OF("\"ab\"")}, ERR_INVALID, "merge 1 ('ab')"},
    {{.model = MERGES_OF("\"a b c\"")}, ERR_INVALID, "merge 1 ('a b c')"},
    {{.model = MERGES_OF("\" b\"")}, ERR_INVALID, "merge 1 (' b')"},
    {{.model = MERGES_OF("[\"a\",\"\"]")}, ERR_INVALID, "merge 1 ('a ')"},
    {{.model = MERGES_OF("[\"a\"]")}, ERR_INVALID, "merge 1 is neither"},
    {{.model = MERGES_OF("[\"a\",\"b\",\"c\"]")}, ERR_INVALID, "merge 1 is neither"},
    {{.model = MERGES_OF("[[\"a\"],\"b\"]")}, ERR_INVALID, "merge 1 is neither"},
    {{.model = MERGES_OF("7")}, ERR_INVALID, "merge 1 is neither"},
    {{.model = MERGES_OF("null")}, ERR_INVALID, "merge 1 is neither"},
};

static void
a_foreign_or_damaged_component_is_named(void **state)
{
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        write_json(*state, &refusals[i].parts);
        check_refused(*state, refusals[i].code, refusals[i].named);
        check_refused(*state, refusals[i].code, "tokenizer");
    }
}

static void
a_merge_of_endless_tokens_is_named(void **state)
{
    struct scratch *scratch = *state;
    struct buf text = {0};
    buf_append_string(&text, "a b\n");
    for (size_t i = 0; i < 5000; i++)
        buf_append_string(&text, "a");
    buf_append_string(&text, " b\n");
    scratch_write_text(scratch, "vocab.json", VOCAB);
    scratch_write(scratch, "merges.txt", text.data, text.length);
    check_refused(scratch, ERR_INVALID, "merge 2 is too long");
    scratch_write(scratch, "merges.txt", "a b\na\0 b", 8);
    check_refused(scratch, ERR_INVALID, "U+0000");
    scratch_write_text(scratch, "merges.txt", "a b\n\nb\n");
    check_refused(scratch, ERR_INVALID, "merge 2 ('b')");
    buf_fini(&text);
}

/* Open the folder whatever is in it; a tokenizer that comes out of it must encode. */
static void
try_folder(const char *folder, const char *file)
{
    struct tokenizer *tokenizer = NULL;
    struct err err = {0};
    if (tokenizer_open(folder, MODEL_SIZE, &tokenizer, &err) != 0) {
        if (strstr(err.message, "tokenizer of") == NULL)
            fail_msg("damage of %s is told as: %s", file, err.message);
        return;
    }
    struct token_list list = {.with_places = true};
    struct text text = {.first = " abc  x\u00e9ab<mask> 'd", .first_length = 21};
    assert_int_equal(tokenizer_encode(tokenizer, &text, 0, &list, &err), 0);
    for (size_t i = 0; i < list.count; i++) {
        assert_true(list.ids[i] < MODEL_SIZE);
        assert_true(list.starts[i] <= list.ends[i] && list.ends[i] <= text.first_length);
    }
    token_list_fini(&list);
    tokenizer_free(tokenizer);
}

/* Thousands of these are written: a new file each time, since some systems flush one that was cut.
 */
static void
overwrite(const char *path, const char *bytes, size_t length)
{
    assert_int_equal(remove(path), 0);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

/* Cut a file at every byte, then put other bytes into it, many times. */
static void
damage(struct scratch *scratch, const char *file)
{
    static const char bytes[] = "\"\\{}[],: 0129ab<>\n\r\xc4\xa0\xff";
    struct buf whole = {0};
    struct err err;
    uint64_t random = 88172645463325252u;
    const char *path = scratch_path(scratch, file);
    assert_int_equal(fileio_read(path, 100000, &whole, &err), 0);
    char *copy = malloc(whole.length);
    for (size_t length = 0; length < whole.length; length++) {
        overwrite(path, whole.data, length);
        try_folder(scratch->folder, file);
    }
    for (size_t round = 0; round < 1500; round++) {
        memcpy(copy, whole.data, whole.length);
        for (size_t i = 0; i <= round % 3; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            copy[(random >> 33) % whole.length] = bytes[(random >> 20) % (sizeof bytes - 1)];
        }
        overwrite(path, copy, whole.length);
        try_folder(scratch->folder, file);
    }
    overwrite(path, whole.data, whole.length);
    free(copy);
    buf_fini(&whole);
}

static void
a_damaged_tokenizer_json_is_refused_or_encodes(void **state)
{
    write_json(*state, &(struct parts){0});
    damage(*state, "tokenizer.json");
}

static void
damaged_vocabulary_files_are_refused_or_encode(void **state)
{
    struct scratch *scratch = *state;
    scratch_write_text(scratch, "vocab.json", VOCAB);
    scratch_write_text(scratch, "merges.txt", MERGES_TXT);
    scratch_write_text(scratch, "tokenizer_config.json",
                       "{\"tokenizer_class\":\"RobertaTokenizer\",\"add_prefix_space\":true,"
                       "\"trim_offsets\":true}");
    damage(scratch, "merges.txt");
    damage(scratch, "vocab.json");
    damage(scratch, "tokenizer_config.json");
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, open_scratch, close_scratch)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(letters_without_tokens_vanish_or_are_unknown),
        IN_SCRATCH(written_switches_come_back),
        IN_SCRATCH(of_equal_merges_the_later_counts),
        IN_SCRATCH(vocab_json_and_merges_txt_are_roberta),
        IN_SCRATCH(a_class_refuses_the_other_kind),
        IN_SCRATCH(a_foreign_or_damaged_component_is_named),
        IN_SCRATCH(a_merge_of_endless_tokens_is_named),
        IN_SCRATCH(a_damaged_tokenizer_json_is_refused_or_encodes),
        IN_SCRATCH(damaged_vocabulary_files_are_refused_or_encode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
