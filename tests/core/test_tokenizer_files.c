/* A folder's files: who decides what, what is refused and how, and what is written. */
#include "core/text/tokenizer.h"

#include "core/base/buf.h"
#include "core/base/fileio.h"
#include "core/base/json.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MODEL_SIZE = 40 };

#define ADDED(id, text, normalized, special)                                                       \
    "{\"id\":" #id ",\"content\":\"" text "\",\"single_word\":false,\"lstrip\":false,"             \
    "\"rstrip\":false,\"normalized\":" #normalized ",\"special\":" #special "}"

#define NORMALIZER                                                                                 \
    "{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,"              \
    "\"strip_accents\":null,\"lowercase\":false}"
#define PRE_TOKENIZER "{\"type\":\"BertPreTokenizer\"}"
#define PROCESSOR     "{\"type\":\"BertProcessing\",\"sep\":[\"[SEP]\",3],\"cls\":[\"[CLS]\",2]}"
#define MODEL                                                                                      \
    "{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\","        \
    "\"max_input_chars_per_word\":100,\"vocab\":{\"[PAD]\":0,\"[UNK]\":1,\"[CLS]\":2,\"[SEP]\":3," \
    "\"[MASK]\":4,\"a\":5,\"A\":6,\"##b\":7,\"@@b\":8,\"x\":9}}"
#define SPECIALS                                                                                   \
    ADDED(0, "[PAD]", false, true)                                                                 \
    "," ADDED(1, "[UNK]", false, true) "," ADDED(2, "[CLS]", false, true) "," ADDED(               \
        3, "[SEP]", false, true) "," ADDED(4, "[MASK]", false, true)

#define VOCAB_TXT "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nA\n##b\n@@b\nx\n"

/* The components of a tokenizer.json that a test replaces; NULL keeps the usual one. */
struct parts {
    const char *normalizer;
    const char *pre_tokenizer;
    const char *processor;
    const char *model;
    const char *added;
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
        "{\"version\":\"1.0\",\"truncation\":{\"max_length\":3,\"strategy\":\"LongestFirst\","
        "\"stride\":0},\"padding\":null,\"added_tokens\":[%s],\"normalizer\":%s,"
        "\"pre_tokenizer\":%s,\"post_processor\":%s,\"decoder\":null,\"model\":%s}",
        or_usual(parts->added, SPECIALS), or_usual(parts->normalizer, NORMALIZER),
        or_usual(parts->pre_tokenizer, PRE_TOKENIZER), or_usual(parts->processor, PROCESSOR),
        or_usual(parts->model, MODEL));
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

/* The ids of a text in one line. */
static void
check_ids(const struct tokenizer *tokenizer, const char *first, const char *second,
          size_t max_length, const char *expected)
{
    struct token_list list = {0};
    struct buf shown = {0};
    struct err err;
    struct text text = {.first = first,
                        .first_length = strlen(first),
                        .second = second,
                        .second_length = second == NULL ? 0 : strlen(second)};
    assert_int_equal(tokenizer_encode(tokenizer, &text, max_length, &list, &err), 0);
    for (size_t i = 0; i < list.count; i++)
        buf_printf(&shown, "%s%u", i > 0 ? " " : "", list.ids[i]);
    assert_string_equal(buf_string(&shown), expected);
    buf_fini(&shown);
    token_list_fini(&list);
}

/* The ids of a text by the folder's tokenizer, and by what that tokenizer writes. */
static void
check_folder(struct scratch *scratch, const char *text, const char *expected)
{
    struct err err;
    struct tokenizer *tokenizer = open_folder(scratch->folder);
    check_ids(tokenizer, text, NULL, 0, expected);
    const char *written = scratch_path(scratch, "written");
    if (!fileio_exists(scratch_path(scratch, "written/vocab.txt")))
        written = scratch_folder(scratch, "written");
    assert_int_equal(tokenizer_write(tokenizer, (struct tokenizer_model){64, false}, written, &err),
                     0);
    tokenizer_free(tokenizer);
    tokenizer = open_folder(written);
    check_ids(tokenizer, text, NULL, 0, expected);
    tokenizer_free(tokenizer);
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

static void
tokenizer_json_alone_counts_as_it_is(void **state)
{
    write_json(*state, &(struct parts){0});
    check_folder(*state, "A ab [SEP]", "2 6 5 7 3 3"); /* cased, and not truncated to 3 */
}

static void
tokenizer_config_overrides_tokenizer_json_for_bert(void **state)
{
    write_json(*state, &(struct parts){0});
    scratch_write_text(*state, "tokenizer_config.json",
                       "{\"do_lower_case\":true,\"tokenizer_class\":\"BertTokenizerFast\"}");
    check_folder(*state, "A ab", "2 5 5 7 3");
}

static void
bert_classes_do_not_look_at_the_components_of_tokenizer_json(void **state)
{
    write_json(*state, &(struct parts){.normalizer = "{\"type\":\"NFKC\"}",
                                       .pre_tokenizer = "{\"type\":\"Whitespace\"}"});
    scratch_write_text(*state, "tokenizer_config.json",
                       "{\"do_lower_case\":true,\"tokenizer_class\":\"BertTokenizerFast\"}");
    check_folder(*state, "A ab", "2 5 5 7 3");
}

static void
another_class_takes_tokenizer_json_as_it_is(void **state)
{
    write_json(*state, &(struct parts){0});
    scratch_write_text(*state, "tokenizer_config.json",
                       "{\"do_lower_case\":true,\"tokenizer_class\":\"PreTrainedTokenizerFast\"}");
    check_folder(*state, "A ab", "2 6 5 7 3");
}

static void
prefix_and_limit_of_tokenizer_json_are_followed(void **state)
{
    write_json(*state,
               &(struct parts){.model = "{\"unk_token\":\"x\",\"continuing_subword_prefix\":\"@@\","
                                        "\"max_input_chars_per_word\":2,\"vocab\":{\"[CLS]\":2,"
                                        "\"[SEP]\":3,\"a\":5,\"@@b\":8,\"x\":9}}",
                               .added = ""});
    check_folder(*state, "ab abb q", "2 5 8 9 9 3");
}

static void
a_template_is_followed(void **state)
{
    write_json(*state,
               &(struct parts){.processor =
                                   "{\"type\":\"TemplateProcessing\","
                                   "\"single\":[{\"SpecialToken\":{\"id\":\"s\",\"type_id\":0}},"
                                   "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}],"
                                   "\"pair\":[{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},"
                                   "{\"SpecialToken\":{\"id\":\"s\",\"type_id\":0}},"
                                   "{\"Sequence\":{\"id\":\"B\",\"type_id\":1}}],"
                                   "\"special_tokens\":{\"s\":{\"id\":\"s\",\"ids\":[2,4],"
                                   "\"tokens\":[\"a\",\"b\"]}}}"});
    check_folder(*state, "A x", "2 4 6 9");
    struct tokenizer *tokenizer = open_folder(((struct scratch *)*state)->folder);
    check_ids(tokenizer, "A A", "x x", 5, "6 2 4 9 9");
    tokenizer_free(tokenizer);
}

static void
no_processor_means_no_special_tokens(void **state)
{
    write_json(*state, &(struct parts){.processor = "null"});
    check_folder(*state, "A x", "6 9");
}

static void
vocab_txt_alone_is_uncased_bert(void **state)
{
    scratch_write_text(*state, "vocab.txt", VOCAB_TXT);
    check_folder(*state, "A \u00c1b [MASK]", "2 5 5 7 4 3");
}

static void
vocab_txt_follows_tokenizer_config(void **state)
{
    scratch_write_text(*state, "vocab.txt", VOCAB_TXT);
    scratch_write_text(*state, "tokenizer_config.json",
                       "{\"do_lower_case\":false,\"strip_accents\":true,\"mask_token\":\"x\"}");
    check_folder(*state, "A \u00c1b x.[MASK]", "2 6 6 7 9 1 1 1 1 3");
}

static void
lines_lose_blanks_and_the_last_of_equal_ones_counts(void **state)
{
    scratch_write_text(*state, "vocab.txt",
                       "[PAD]\r\n[UNK] \n[CLS]\t\n[SEP]\u3000\n[MASK]\na\nb\na\n\n##b");
    check_folder(*state, "a b ab", "2 7 6 7 9 3");
}

static void
special_tokens_map_names_tokens(void **state)
{
    scratch_write_text(*state, "vocab.txt", "<p>\n<u>\n<c>\n<s>\n<m>\na\n");
    scratch_write_text(*state, "special_tokens_map.json",
                       "{\"pad_token\":\"<p>\",\"unk_token\":{\"content\":\"<u>\"},"
                       "\"cls_token\":\"<c>\",\"sep_token\":\"<s>\",\"mask_token\":\"<m>\","
                       "\"additional_special_tokens\":[\"<new>\"]}");
    check_folder(*state, "a <new><m> q", "2 5 6 4 1 3");
}

static void
added_tokens_of_the_configuration_are_the_only_ones(void **state)
{
    write_json(*state, &(struct parts){.added = SPECIALS "," ADDED(10, "<no>", false, false)});
    scratch_write_text(*state, "tokenizer_config.json",
                       "{\"do_lower_case\":false,\"added_tokens_decoder\":{"
                       "\"11\":{\"content\":\"<two>\",\"special\":true},"
                       "\"10\":{\"content\":\"<one>\",\"special\":false}}}");
    check_folder(*state, "a<one> <two> <no>", "2 5 10 11 1 1 1 3");
}

static void
added_tokens_follow_the_vocabulary(void **state)
{
    write_json(*state, &(struct parts){.added = SPECIALS "," ADDED(10, "<User>", true, false)});
    scratch_write_text(*state, "added_tokens.json", "{\"<late>\": 12}");
    check_folder(*state, "a<User>a <late>", "2 5 10 5 1 1 1 3");
    scratch_write_text(*state, "tokenizer_config.json", "{}");
    check_folder(*state, "a<USER>a <late>", "2 5 10 5 11 3");
}

/* Both files have a token for id 11: tokenizer.json's counts, and the ids give the order. */
static void
two_lists_of_added_tokens_are_merged_by_id(void **state)
{
    write_json(*state,
               &(struct parts){.added = SPECIALS "," ADDED(12, "<c>", false, false) "," ADDED(
                                   11, "<b>", false, false)});
    scratch_write_text(*state, "added_tokens.json", "{\"<x>\": 11, \"<a>\": 10}");
    scratch_write_text(*state, "tokenizer_config.json", "{}");
    check_folder(*state, "<a><b><c>", "2 10 11 12 3");
    check_folder(*state, "<x>", "2 1 9 1 3");
}

static void
truncation_side_left_keeps_the_end(void **state)
{
    scratch_write_text(*state, "vocab.txt", VOCAB_TXT);
    scratch_write_text(*state, "tokenizer_config.json", "{\"truncation_side\":\"left\"}");
    check_folder(*state, "a x", "2 5 9 3");
    struct tokenizer *tokenizer = open_folder(scratch_path(*state, "written"));
    check_ids(tokenizer, "a a x", NULL, 4, "2 5 9 3");
    check_ids(tokenizer, "a a x", "a x x", 7, "2 5 9 3 9 9 3");
    tokenizer_free(tokenizer);
}

/* [MASK] would get id 5, beyond the model's five embeddings: nobody asked for it, so it is left
 * out. */
static void
a_standard_token_without_an_embedding_is_left_out(void **state)
{
    struct scratch *scratch = *state;
    struct tokenizer *tokenizer = NULL;
    struct err err;
    scratch_write_text(scratch, "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n");
    assert_int_equal(tokenizer_open(scratch->folder, 5, &tokenizer, &err), 0);
    check_ids(tokenizer, "[MASK] a", NULL, 0, "2 1 1 1 4 3");
    tokenizer_free(tokenizer);
}

static void
an_empty_folder_is_not_found(void **state)
{
    check_refused(*state, ERR_NOT_FOUND, "neither tokenizer.json nor vocab.txt");
}

struct refusal {
    struct parts parts;
    enum err_code code;
    const char *named;
};

#define TYPE(name) "{\"type\":\"" name "\"}"
#define VOCAB_OF(entries)                                                                          \
    "{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\","        \
    "\"max_input_chars_per_word\":100,\"vocab\":{" entries "}}"

static const struct refusal refusals[] = {
    {{.normalizer = TYPE("NFKC")}, ERR_UNSUPPORTED, "normalizer of type 'NFKC'"},
    {{.normalizer =
          "{\"type\":\"Sequence\",\"normalizers\":[" TYPE("NFD") "," TYPE("Lowercase") "]}"},
     ERR_UNSUPPORTED,
     "'Sequence'"},
    {{.normalizer = "{}"}, ERR_INVALID, "normalizer has no type"},
    {{.normalizer = TYPE("BertNormalizer")}, ERR_INVALID, "clean_text"},
    {{.pre_tokenizer = TYPE("ByteLevel")}, ERR_UNSUPPORTED, "pre_tokenizer of type 'ByteLevel'"},
    {{.pre_tokenizer = "null"}, ERR_UNSUPPORTED, "pre_tokenizer"},
    {{.pre_tokenizer = TYPE("Metaspace")}, ERR_UNSUPPORTED, "pre_tokenizer of type 'Metaspace'"},
    {{.processor = TYPE("ByteLevel")}, ERR_UNSUPPORTED, "post_processor of type 'ByteLevel'"},
    {{.processor = TYPE("RobertaProcessing")}, ERR_INVALID, "cls"},
    {{.processor = TYPE("BertProcessing")}, ERR_INVALID, "cls"},
    {{.processor = "{\"type\":\"BertProcessing\",\"sep\":[\"[SEP]\",3],\"cls\":[\"[CLS]\",99]}"},
     ERR_INVALID,
     "id 99"},
    {{.processor = "{\"type\":\"TemplateProcessing\",\"single\":[],\"pair\":[]}"},
     ERR_UNSUPPORTED,
     "leaves a text out"},
    {{.processor = "{\"type\":\"TemplateProcessing\",\"single\":[{\"Sequence\":{\"id\":\"A\","
                   "\"type_id\":7}}],\"pair\":[]}"},
     ERR_UNSUPPORTED,
     "type_id"},
    {{.model = TYPE("Unigram")}, ERR_UNSUPPORTED, "model of type 'Unigram'"},
    {{.model = TYPE("WordLevel")}, ERR_UNSUPPORTED, "model of type 'WordLevel'"},
    {{.model = TYPE("BPE")}, ERR_UNSUPPORTED, "normalizer of type 'BertNormalizer'"},
    {{.model = "{\"vocab\":{},\"merges\":[]}"}, ERR_UNSUPPORTED, "with a BPE model"},
    {{.model = TYPE("WordPiece")}, ERR_INVALID, "unk_token"},
    {{.model = "7"}, ERR_INVALID, "no model"},
    {{.model = VOCAB_OF("\"[UNK]\":1,\"twin\":1")}, ERR_INVALID, "'twin'"},
    {{.model = VOCAB_OF("\"[UNK]\":1,\"far\":40")}, ERR_INVALID, "'far' has id 40"},
    {{.model = VOCAB_OF("\"[UNK]\":1,\"minus\":-1")}, ERR_INVALID, "'minus'"},
    {{.model = VOCAB_OF("\"[UNK]\":1,\"half\":1.5")}, ERR_INVALID, "'half'"},
    {{.model = VOCAB_OF("\"[UNK]\":1,\"huge\":99999999999999999999999")}, ERR_INVALID, "JSON"},
    {{.model = VOCAB_OF("\"a\":1")}, ERR_INVALID, "'[UNK]'"},
    {{.added = "7"}, ERR_INVALID, "no object"},
    {{.added = "{\"id\":3}"}, ERR_INVALID, "content"},
    {{.added = "{\"id\":3,\"content\":\"<x>\",\"lstrip\":1}"}, ERR_INVALID, "'<x>'"},
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

/* Every prefix of a good file is an error that names the file, and never a crash. */
static void
a_cut_tokenizer_json_is_refused_at_every_byte(void **state)
{
    struct scratch *scratch = *state;
    struct buf text = {0};
    struct err err;
    write_json(scratch, &(struct parts){0});
    const char *path = scratch_path(scratch, "tokenizer.json");
    assert_int_equal(fileio_read(path, 100000, &text, &err), 0);
    for (size_t length = 0; length < text.length; length++) {
        scratch_write(scratch, "tokenizer.json", text.data, length);
        check_refused(scratch, ERR_INVALID, "tokenizer.json");
    }
    buf_fini(&text);
}

struct small_refusal {
    const char *file;
    const char *text;
    enum err_code code;
    const char *named;
};

static const struct small_refusal small_refusals[] = {
    {"tokenizer_config.json", "[]", ERR_INVALID, "tokenizer_config.json"},
    {"tokenizer_config.json", "{\"do_lower_case\":1}", ERR_INVALID, "do_lower_case"},
    {"tokenizer_config.json", "{\"tokenizer_class\":7}", ERR_INVALID, "tokenizer_class"},
    {"tokenizer_config.json", "{\"tokenizer_class\":\"BertJapaneseTokenizer\"}", ERR_UNSUPPORTED,
     "BertJapaneseTokenizer"},
    {"tokenizer_config.json", "{\"cls_token\":7}", ERR_INVALID, "cls_token"},
    {"tokenizer_config.json", "{\"cls_token\":null}", ERR_INVALID, "cls_token"},
    {"tokenizer_config.json", "{\"unk_token\":\"<unk>\"}", ERR_INVALID, "'<unk>'"},
    {"tokenizer_config.json", "{\"truncation_side\":\"up\"}", ERR_INVALID, "'up'"},
    {"tokenizer_config.json", "{\"split_special_tokens\":true}", ERR_UNSUPPORTED,
     "split_special_tokens"},
    {"tokenizer_config.json", "{\"added_tokens_decoder\":{\"x\":{\"content\":\"y\"}}}", ERR_INVALID,
     "'x'"},
    {"tokenizer_config.json", "{\"added_tokens_decoder\":[]}", ERR_INVALID, "added_tokens_decoder"},
    {"special_tokens_map.json", "{", ERR_INVALID, "special_tokens_map.json"},
    {"added_tokens.json", "{\"<x>\":\"one\"}", ERR_INVALID, "'<x>'"},
};

static void
a_damaged_small_file_is_named(void **state)
{
    for (size_t i = 0; i < sizeof small_refusals / sizeof small_refusals[0]; i++) {
        struct scratch scratch;
        (void)state;
        scratch_open(&scratch);
        scratch_write_text(&scratch, "vocab.txt", VOCAB_TXT);
        scratch_write_text(&scratch, small_refusals[i].file, small_refusals[i].text);
        check_refused(&scratch, small_refusals[i].code, small_refusals[i].named);
        scratch_close(&scratch);
    }
}

static void
a_damaged_vocabulary_is_named(void **state)
{
    scratch_write_text(*state, "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\nab\xff\n");
    check_refused(*state, ERR_INVALID, "line 5");
    scratch_write_text(*state, "vocab.txt", "[PAD]\n[CLS]\n[SEP]\n");
    check_refused(*state, ERR_INVALID, "[UNK]");
    scratch_write_text(*state, "vocab.txt", "");
    check_refused(*state, ERR_INVALID, "[UNK]");
    struct buf lines = {0};
    buf_append_string(&lines, VOCAB_TXT);
    for (size_t i = 10; i <= MODEL_SIZE; i++)
        buf_printf(&lines, "line%zu\n", i);
    scratch_write(*state, "vocab.txt", lines.data, lines.length);
    check_refused(*state, ERR_INVALID, "has 41 tokens");
    buf_fini(&lines);
}

/* A handful at the end, as some published models have them, counts as unknown. */
static void
few_lines_beyond_the_model_are_left_out(void **state)
{
    enum { EMBEDDINGS = 200 };
    struct scratch *scratch = *state;
    struct tokenizer *tokenizer = NULL;
    struct token_list list = {0};
    struct buf lines = {0};
    struct err err;
    const struct text text = {.first = "line199 line200", .first_length = 15};
    buf_append_string(&lines, VOCAB_TXT);
    for (size_t i = 10; i < EMBEDDINGS + 2; i++)
        buf_printf(&lines, "line%zu\n", i);
    scratch_write(scratch, "vocab.txt", lines.data, lines.length);
    assert_int_equal(tokenizer_open(scratch->folder, EMBEDDINGS, &tokenizer, &err), 0);
    assert_int_equal(tokenizer_left_out(tokenizer), 2);
    assert_int_equal(tokenizer_vocab_size(tokenizer), EMBEDDINGS);
    assert_int_equal(tokenizer_encode(tokenizer, &text, 0, &list, &err), 0);
    assert_int_equal(list.count, 4);
    assert_int_equal(list.ids[1], 199);
    assert_int_equal(list.ids[2], tokenizer_unknown_id(tokenizer));
    token_list_fini(&list);
    tokenizer_free(tokenizer);
    buf_fini(&lines);
}

static void
an_added_token_beyond_the_model_is_named(void **state)
{
    struct scratch *scratch = *state;
    struct tokenizer *tokenizer = NULL;
    struct err err;
    write_json(scratch, &(struct parts){.added = SPECIALS "," ADDED(10, "<new>", false, false)});
    assert_int_equal(tokenizer_open(scratch->folder, 10, &tokenizer, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "'<new>' gets id 10"));
    assert_int_equal(tokenizer_open(scratch->folder, 11, &tokenizer, &err), 0);
    tokenizer_free(tokenizer);
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
written_files_say_what_transformers_needs(void **state)
{
    scratch_write_text(*state, "vocab.txt", VOCAB_TXT);
    scratch_write_text(*state, "tokenizer_config.json",
                       "{\"do_lower_case\":false,"
                       "\"model_max_length\":1000000000000000019884624838656}");
    check_folder(*state, "A", "2 6 3");
    json_t *config = parse(*state, "written/tokenizer_config.json");
    json_t *file = parse(*state, "written/tokenizer.json");
    assert_string_equal(json_string_value(json_object_get(config, "tokenizer_class")),
                        "BertTokenizer");
    assert_true(json_is_false(json_object_get(config, "do_lower_case")));
    assert_int_equal(json_integer_value(json_object_get(config, "model_max_length")), 64);
    assert_true(json_is_null(json_object_get(file, "truncation")));
    assert_true(json_is_null(json_object_get(file, "padding")));
    json_decref(config);
    json_decref(file);
    struct buf lines = {0};
    struct err err;
    assert_int_equal(fileio_read(scratch_path(*state, "written/vocab.txt"), 1000, &lines, &err), 0);
    assert_string_equal(lines.data, VOCAB_TXT);
    buf_fini(&lines);
}

static void
holes_in_the_ids_stay_holes(void **state)
{
    write_json(*state, &(struct parts){.model = VOCAB_OF("\"[PAD]\":0,\"[UNK]\":1,\"[CLS]\":2,"
                                                         "\"[SEP]\":3,\"a\":7,\"bl \":6"),
                                       .added = ""});
    check_folder(*state, "a b", "2 7 1 3");
    struct buf lines = {0};
    struct err err;
    assert_int_equal(fileio_read(scratch_path(*state, "written/vocab.txt"), 1000, &lines, &err), 0);
    assert_string_equal(lines.data, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[no token 4]\n[no token 5]\n"
                                    "[no token 6]\na\n");
    buf_fini(&lines);
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, open_scratch, close_scratch)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(tokenizer_json_alone_counts_as_it_is),
        IN_SCRATCH(tokenizer_config_overrides_tokenizer_json_for_bert),
        IN_SCRATCH(bert_classes_do_not_look_at_the_components_of_tokenizer_json),
        IN_SCRATCH(another_class_takes_tokenizer_json_as_it_is),
        IN_SCRATCH(prefix_and_limit_of_tokenizer_json_are_followed),
        IN_SCRATCH(a_template_is_followed),
        IN_SCRATCH(no_processor_means_no_special_tokens),
        IN_SCRATCH(vocab_txt_alone_is_uncased_bert),
        IN_SCRATCH(vocab_txt_follows_tokenizer_config),
        IN_SCRATCH(lines_lose_blanks_and_the_last_of_equal_ones_counts),
        IN_SCRATCH(special_tokens_map_names_tokens),
        IN_SCRATCH(added_tokens_of_the_configuration_are_the_only_ones),
        IN_SCRATCH(added_tokens_follow_the_vocabulary),
        IN_SCRATCH(two_lists_of_added_tokens_are_merged_by_id),
        IN_SCRATCH(truncation_side_left_keeps_the_end),
        IN_SCRATCH(a_standard_token_without_an_embedding_is_left_out),
        IN_SCRATCH(an_empty_folder_is_not_found),
        IN_SCRATCH(a_foreign_or_damaged_component_is_named),
        IN_SCRATCH(a_cut_tokenizer_json_is_refused_at_every_byte),
        IN_SCRATCH(a_damaged_small_file_is_named),
        IN_SCRATCH(a_damaged_vocabulary_is_named),
        IN_SCRATCH(few_lines_beyond_the_model_are_left_out),
        IN_SCRATCH(an_added_token_beyond_the_model_is_named),
        IN_SCRATCH(written_files_say_what_transformers_needs),
        IN_SCRATCH(holes_in_the_ids_stay_holes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
