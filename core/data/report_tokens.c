/*
 * Tokens counted; see report_tokens.h. Of rows of words it is the first token of a word that
 * carries the tag: the word is cut off when that token is.
 */
#include "core/data/report_tokens.h"

#include "core/base/mem.h"

#include <stdlib.h>
#include <string.h>

#define NO_TOKEN SIZE_MAX

int
token_survey_open(struct token_survey *s, const struct report_request *request,
                  const struct dataset *dataset, struct data_report *report, struct err *err)
{
    static const struct text nothing[] = {{.first = ""}, {.first = "", .second = ""}};
    *s = (struct token_survey){.request = request, .report = report};
    s->whole.with_places = s->cut.with_places =
        dataset->count > 0 && dataset->rows[0].words != NULL;
    for (size_t i = 0; i < 2; i++) { /* special tokens stand around nothing, too */
        s->whole.count = 0;
        if (tokenizer_encode(request->tokenizer, &nothing[i], 0, &s->whole, err) != 0)
            return err->code;
        s->specials[i] = s->whole.count;
    }
    return 0;
}

void
token_survey_close(struct token_survey *s)
{
    token_list_fini(&s->whole);
    token_list_fini(&s->cut);
    free(s->firsts);
}

/* ---- words ----------------------------------------------------------------------------------- */

static int
make_room(struct token_survey *s, size_t words, struct err *err)
{
    if (words <= s->capacity)
        return 0;
    free(s->firsts);
    s->firsts = mem_array(words, sizeof *s->firsts);
    s->capacity = s->firsts == NULL ? 0 : words;
    if (s->firsts == NULL)
        return err_set(err, ERR_MEMORY, "the %zu words of a row do not fit into memory", words);
    return 0;
}

static void
note_firsts(struct token_survey *s, size_t words)
{
    const struct token_list *list = &s->whole;
    for (size_t i = 0; i < words; i++)
        s->firsts[i] = NO_TOKEN;
    for (size_t i = 0; i < list->count; i++)
        if (list->words[i] != TOKEN_NO_WORD && s->firsts[list->words[i]] == NO_TOKEN)
            s->firsts[list->words[i]] = list->starts[i];
    for (size_t i = 0; i < words; i++)
        s->report->words_without_tokens += s->firsts[i] == NO_TOKEN;
}

/* Count the words whose first token is not among those that are left. */
static void
count_cut(struct token_survey *s, const struct data_row *row)
{
    const struct token_list *list = &s->cut;
    for (size_t i = 0; i < list->count; i++) {
        uint32_t word = list->words[i];
        if (word != TOKEN_NO_WORD && s->firsts[word] == list->starts[i])
            s->firsts[word] = NO_TOKEN;
    }
    for (size_t i = 0; i < row->word_count; i++) {
        if (s->firsts[i] == NO_TOKEN)
            continue;
        s->report->words_cut++;
        s->report->tags_cut += row->labels != NULL && strcmp(row->labels[i], "O") != 0;
    }
}

static int
encode_words(struct token_survey *s, const struct data_row *row, struct err *err)
{
    const struct report_request *request = s->request;
    const struct text_words text = {row->text, row->words, row->word_count};
    if (make_room(s, row->word_count, err) != 0 ||
        tokenizer_encode_words(request->tokenizer, &text, 0, &s->whole, err) != 0)
        return err->code;
    note_firsts(s, row->word_count);
    if (request->max_length == 0 || s->whole.count <= request->max_length)
        return 0;
    s->cut.count = 0;
    if (tokenizer_encode_words(request->tokenizer, &text, request->max_length, &s->cut, err) != 0)
        return err->code;
    count_cut(s, row);
    return 0;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static int
encode(struct token_survey *s, const struct data_row *row, struct err *err)
{
    const struct text text = {row->text, row->text_length, row->pair, row->pair_length};
    s->whole.count = 0;
    if (row->words != NULL)
        return encode_words(s, row, err);
    return tokenizer_encode(s->request->tokenizer, &text, 0, &s->whole, err);
}

int
token_survey_add(struct token_survey *s, const struct data_row *row, uint32_t *length,
                 struct err *err)
{
    struct data_report *report = s->report;
    uint32_t unknown = tokenizer_unknown_id(s->request->tokenizer);
    if (encode(s, row, err) != 0)
        return err_prefix(err, "%s line %zu", s->request->name, row->line);
    size_t count = s->whole.count;
    *length = (uint32_t)count;
    report->tokenized++;
    report->tokens += count - s->specials[row->pair != NULL];
    report->over_length += s->request->max_length > 0 && count > s->request->max_length;
    for (size_t i = 0; i < count; i++)
        report->unknown_tokens += s->whole.ids[i] == unknown;
    return 0;
}
