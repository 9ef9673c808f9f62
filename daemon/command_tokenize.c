/*
 * `finetuned tokenize`: texts in, arrays of token ids out, to hold our tokenizer against another.
 * With --places also the words and bytes of the text that tokens stand for; with --stride the
 * windows of a text instead of the part of it that is kept.
 *
 * A batch is encoded on all threads and written in the order of its lines.
 */
#include "core/base/cpu.h"
#include "core/base/pool.h"
#include "core/model/config.h"
#include "core/text/tokenizer.h"
#include "daemon/command.h"
#include "daemon/options.h"
#include "daemon/text_lines.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

enum { SHORTEST_TEXT = 3 }; /* one token between two special ones */

static const struct option_row rows[] = {
    {"model", 0, "DIR", "A model folder; its vocabulary is used."},
    {"max-length", 0, "N", "Cut to N tokens, special ones counted. Default: nothing is cut."},
    {"truncation", 0, "PART",
     "What is kept of a text that is cut: head, tail or head_tail. "
     "Default: as the model's files say."},
    {"stride", 0, "N",
     "Write the windows of a text that --max-length would cut, an array of ids each, in an array: "
     "neighbours share N tokens. Pairs are cut all the same. Default: texts are cut, whatever the "
     "model's files say."},
    {"places", 0, NULL,
     "Also write of each token its word and the bytes of the text where it "
     "stands."},
    {"threads", 0, "N", "Default: as many as the machine gives."},
    {"help", 'h', NULL, "This text."},
};

static const struct option_table table = {rows, sizeof rows / sizeof rows[0]};

/* What the command line says. */
struct tokenizing {
    const char *model;
    int64_t max_length;
    int64_t threads;
    enum truncation truncation;
    struct text_windows windows;
    bool places;
};

struct encoder {
    const struct tokenizer *tokenizer;
    size_t max_length;
    bool in_windows;
    struct text_lines lines;
    struct token_list ids[TEXT_LINES_MAX_BATCH];
    struct err errors[TEXT_LINES_MAX_BATCH];
};

static void
encode_one(void *context, size_t item, size_t thread)
{
    (void)thread;
    struct encoder *encoder = context;
    const struct text *text = &encoder->lines.texts[item];
    struct err *err = &encoder->errors[item];
    size_t specials = tokenizer_special_count(encoder->tokenizer, text->second != NULL);
    encoder->ids[item].count = 0;
    err->code = ERR_NONE;
    if (encoder->max_length > 0 && encoder->max_length <= specials)
        err_set(err, ERR_INVALID, "a %s needs a --max-length of at least %zu",
                text->second != NULL ? "pair" : "text", specials + 1);
    else
        tokenizer_encode(encoder->tokenizer, text, encoder->max_length, &encoder->ids[item], err);
}

static void
print_ids(const uint32_t *ids, size_t count)
{
    putchar('[');
    for (size_t i = 0; i < count; i++)
        printf(i > 0 ? ",%" PRIu32 : "%" PRIu32, ids[i]);
    putchar(']');
}

/* All windows but the last are of the full length. */
static void
print_windows(const struct token_list *list, size_t length)
{
    size_t count = windows_in(list->count, length);
    putchar('[');
    for (size_t i = 0; i < count; i++) {
        size_t left = list->count - i * length;
        fputs(i > 0 ? "," : "", stdout);
        print_ids(list->ids + i * length, left < length ? left : length);
    }
    putchar(']');
}

/* Special tokens have no word: null. */
static void
print_words(const struct token_list *list)
{
    putchar('[');
    for (size_t i = 0; i < list->count; i++) {
        if (list->words[i] == TOKEN_NO_WORD)
            printf("%snull", i > 0 ? "," : "");
        else
            printf("%s%" PRIu32, i > 0 ? "," : "", list->words[i]);
    }
    putchar(']');
}

static void
print_bytes(const size_t *bytes, size_t count)
{
    putchar('[');
    for (size_t i = 0; i < count; i++)
        printf(i > 0 ? ",%zu" : "%zu", bytes[i]);
    putchar(']');
}

static int
print_line(const struct encoder *encoder, const struct token_list *list, struct err *err)
{
    if (encoder->in_windows) {
        print_windows(list, encoder->max_length);
    } else if (!list->with_places) {
        print_ids(list->ids, list->count);
    } else {
        fputs("{\"ids\":", stdout);
        print_ids(list->ids, list->count);
        fputs(",\"words\":", stdout);
        print_words(list);
        fputs(",\"starts\":", stdout);
        print_bytes(list->starts, list->count);
        fputs(",\"ends\":", stdout);
        print_bytes(list->ends, list->count);
        putchar('}');
    }
    return putchar('\n') != EOF ? 0 : err_set_errno(err, "standard output");
}

/* The good lines of the batch; ends at the first bad one. */
static int
encode_batch(struct encoder *encoder, struct pool *pool, struct err *err)
{
    pool_run(pool, encode_one, encoder, encoder->lines.count);
    for (size_t i = 0; i < encoder->lines.count; i++) {
        if (encoder->errors[i].code != ERR_NONE) {
            *err = encoder->errors[i];
            return err_prefix(err, "line %zu", encoder->lines.first_line + i);
        }
        if (print_line(encoder, &encoder->ids[i], err) != 0)
            return err->code;
    }
    return fflush(stdout) == 0 ? 0 : err_set_errno(err, "standard output");
}

static int
encode_all(const struct tokenizer *tokenizer, const struct tokenizing *how, struct pool *pool,
           struct err *err)
{
    struct encoder *encoder = mem_small(sizeof *encoder);
    *encoder = (struct encoder){.tokenizer = tokenizer,
                                .max_length = (size_t)how->max_length,
                                .in_windows = how->windows.wanted};
    for (size_t i = 0; i < TEXT_LINES_MAX_BATCH; i++)
        encoder->ids[i].with_places = how->places;
    text_lines_init(&encoder->lines, STDIN_FILENO);
    int status = 0;
    do {
        struct err line_err = {0};
        int line_status = text_lines_next(&encoder->lines, TEXT_LINES_MAX_BATCH, &line_err);
        status = encode_batch(encoder, pool, err);
        if (status == 0 && line_status != 0) {
            *err = line_err;
            status = line_status;
        }
    } while (status == 0 && encoder->lines.count > 0);
    for (size_t i = 0; i < TEXT_LINES_MAX_BATCH; i++)
        token_list_fini(&encoder->ids[i]);
    text_lines_fini(&encoder->lines);
    free(encoder);
    return status;
}

static int
tokenize(const struct tokenizing *how, struct err *err)
{
    struct arena *arena = arena_new();
    struct tokenizer *tokenizer = NULL;
    struct pool *pool = NULL;
    struct model_config config;
    int status = model_config_read(how->model, arena, &config, err);
    if (status == 0)
        status = tokenizer_open(how->model, config.vocab_size, &tokenizer, err);
    if (status != 0)
        goto out;
    tokenizer_set_truncation(tokenizer, config.truncation);
    tokenizer_set_truncation(tokenizer, how->truncation);
    tokenizer_set_windows(tokenizer, how->windows);
    pool = pool_new((size_t)how->threads, err);
    status = pool == NULL ? err->code : encode_all(tokenizer, how, pool, err);
out:
    pool_free(pool);
    tokenizer_free(tokenizer);
    arena_free(arena);
    return status;
}

static void
print_help(void)
{
    puts("Usage: finetuned tokenize --model DIR [--max-length N] [--truncation PART]\n"
         "                         [--stride N] [--places] [--threads N]\n\n"
         "Reads texts as JSON lines from standard input: a string, a pair as an array of\n"
         "two strings, or an object with \"text\" and perhaps \"text_pair\". Writes one array\n"
         "of token ids a line, or an object with the arrays ids, words, starts and ends.\n"
         "A bad line ends it, with the line's number and exit code 1.\n");
    options_print_help(&table, stdout);
}

/* Windows are what a text would be cut to, and have no places. */
static int
read_stride(const struct options *options, struct tokenizing *out, struct err *err)
{
    int64_t stride = 0;
    if (!options_has(options, "stride"))
        return 0;
    if (options_number(options, "stride", 0, CONFIG_MAX_POSITIONS, &stride, err) != 0)
        return err->code;
    if (out->max_length == 0 || out->places)
        return err_set(err, ERR_INVALID, "--stride %s",
                       out->places ? "shows ids alone; leave --places out"
                                   : "needs --max-length: so many tokens has a window");
    out->windows = (struct text_windows){.wanted = true, .stride = (size_t)stride};
    return 0;
}

static int
read_options(const struct options *options, struct tokenizing *out, struct err *err)
{
    const char *part = options_value(options, "truncation");
    out->model = options_value(options, "model");
    out->places = options_has(options, "places");
    if (options_number(options, "max-length", SHORTEST_TEXT, CONFIG_MAX_POSITIONS, &out->max_length,
                       err) != 0 ||
        options_number(options, "threads", 1, 1024, &out->threads, err) != 0)
        return err->code;
    if (part != NULL && !truncation_find(part, &out->truncation))
        return err_set(err, ERR_INVALID,
                       "--truncation is '%.40s'; head, tail and head_tail are possible", part);
    return read_stride(options, out, err);
}

int
command_tokenize(int count, char *const *arguments)
{
    struct arena *arena = arena_new();
    struct options options;
    struct err err = {0};
    struct tokenizing how = {.threads = (int64_t)cpu_count()};
    int exit_code = EXIT_WRONG_USE;
    if (options_parse(&table, count, arguments, arena, &options, &err) != 0 ||
        read_options(&options, &how, &err) != 0) {
        fprintf(stderr, "finetuned tokenize: %s\n", err.message);
    } else if (options_has(&options, "help")) {
        print_help();
        exit_code = EXIT_OK;
    } else if (how.model == NULL || options.operand_count > 0) {
        fputs("finetuned tokenize: give --model DIR and the texts on standard input\n", stderr);
    } else {
        exit_code = EXIT_OK;
        if (tokenize(&how, &err) != 0) {
            fprintf(stderr, "finetuned tokenize: %s\n", err.message);
            exit_code = EXIT_FAILED;
        }
    }
    arena_free(arena);
    return exit_code;
}
