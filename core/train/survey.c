/* Sampling a plan's rows; see survey.h. */
#include "core/train/survey.h"

#include "core/base/mem.h"
#include "core/text/tokenizer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PARTS = 3 };

/* One set on its way: the rows of a file, or those of it that are (not) held out. */
struct sampling {
    const struct tokenizer *tokenizer;
    size_t max_length, vocab_size;
    struct text_windows windows;
    size_t known_rows; /* with windows: of the set; 0: not known */
    const struct dataset *data;
    const bool *held_out; /* NULL: every row of data belongs to the set */
    bool wanted;          /* the value of held_out that does */
    bool *used;           /* (V), marked beside the survey's; NULL: only there */
    struct survey *survey;
    struct survey_set *set;
    /* of the sample */
    size_t sampled, sample_tokens, sample_bytes;
    size_t distinct;       /* different ids so far */
    size_t reached[PARTS]; /* the same after a quarter of the sample, half of it, all of it */
    struct token_list list;
};

static bool
is_wanted(const struct sampling *s, size_t row)
{
    return s->held_out == NULL || s->held_out[row] == s->wanted;
}

static size_t
row_bytes_of(const struct data_row *row)
{
    return row->text_length + row->pair_length;
}

static size_t
specials_of(const struct sampling *s, const struct data_row *row)
{
    return tokenizer_special_count(s->tokenizer, row->pair != NULL);
}

static void
mark(struct sampling *s)
{
    for (size_t i = 0; i < s->list.count; i++) {
        uint32_t id = s->list.ids[i];
        s->survey->seen.used[id] = true;
        if (s->used == NULL || s->used[id])
            continue;
        s->used[id] = true;
        s->distinct++;
    }
}

/* ---- windows --------------------------------------------------------------------------------- */

/* Tokens of a text by those of its rows, which are more where it is read in windows. */
static size_t
tokens_of_text(const struct sampling *s, size_t in_rows)
{
    size_t specials = tokenizer_special_count(s->tokenizer, false);
    size_t count = windows_in(in_rows, s->max_length);
    return in_rows - specials - (count - 1) * (specials + s->windows.stride);
}

/* The reverse. */
static size_t
tokens_of_rows(const struct sampling *s, size_t in_text)
{
    size_t specials = tokenizer_special_count(s->tokenizer, false);
    size_t count = windows_count(in_text, s->max_length - specials, s->windows.stride);
    if (count > WINDOWS_MAX)
        return WINDOWS_MAX * s->max_length;
    return in_text + specials + (count - 1) * (specials + s->windows.stride);
}

/* ---- a set ----------------------------------------------------------------------------------- */

static int
sample_row(struct sampling *s, const struct data_row *row, uint32_t *length, struct err *err)
{
    struct text text = {row->text, row->text_length, row->pair, row->pair_length};
    struct text_words words = {row->text, row->words, row->word_count};
    s->list.count = 0;
    int rc = row->words != NULL
                 ? tokenizer_encode_words(s->tokenizer, &words, s->max_length, &s->list, err)
                 : tokenizer_encode(s->tokenizer, &text, s->max_length, &s->list, err);
    if (rc != 0)
        return rc;
    mark(s);
    s->sampled++;
    *length = (uint32_t)s->list.count;
    if (s->windows.wanted) {
        s->sample_tokens += tokens_of_text(s, s->list.count);
        s->sample_bytes += row_bytes_of(row);
    } else if (s->list.count < s->max_length) { /* a text that was cut says nothing of its bytes */
        size_t specials = specials_of(s, row);
        s->sample_tokens += s->list.count > specials ? s->list.count - specials : 0;
        s->sample_bytes += row_bytes_of(row);
    }
    return 0;
}

/* Tokens of a row that is not in the sample. */
static uint32_t
guess_length(const struct sampling *s, const struct data_row *row)
{
    double per_byte =
        s->sample_bytes > 0 ? (double)s->sample_tokens / (double)s->sample_bytes : 1.0;
    if (s->windows.wanted)
        return (uint32_t)tokens_of_rows(s, (size_t)(per_byte * (double)row_bytes_of(row) + 0.5));
    double guess = (double)specials_of(s, row) + per_byte * (double)row_bytes_of(row) + 0.5;
    return guess < (double)s->max_length ? (uint32_t)guess : (uint32_t)s->max_length;
}

/* Every so manieth row of the set; the others' lengths stay 0. */
static int
take_sample(struct sampling *s, struct err *err)
{
    size_t count = s->set->rows < SURVEY_ROWS ? s->set->rows : SURVEY_ROWS;
    size_t at = 0; /* row of the set */
    for (size_t i = 0; i < s->data->count; i++) {
        if (!is_wanted(s, i))
            continue;
        bool due = s->sampled < count && at >= s->sampled * s->set->rows / count;
        if (due && sample_row(s, &s->data->rows[i], &s->set->lengths[at], err) != 0)
            return err_prefix(err, "line %zu", s->data->rows[i].line);
        for (size_t part = 0; due && part < PARTS; part++)
            if (s->sampled == count >> (PARTS - 1 - part))
                s->reached[part] = s->distinct;
        at++;
    }
    return 0;
}

static void
guess_lengths(struct sampling *s)
{
    size_t at = 0;
    for (size_t i = 0; i < s->data->count; i++) {
        if (!is_wanted(s, i))
            continue;
        uint32_t *length = &s->set->lengths[at++];
        if (*length == 0)
            *length = guess_length(s, &s->data->rows[i]);
        s->set->tokens += *length;
        if (*length > s->set->longest)
            s->set->longest = *length;
    }
}

/* Lengths of texts become those of their rows. */
static int
divide_texts(struct sampling *s, struct err *err)
{
    struct survey_set *set = s->set;
    size_t rows = s->known_rows;
    size_t count = 0;
    size_t at = 0;
    for (size_t i = 0; i < set->texts; i++)
        count += windows_in(set->lengths[i], s->max_length);
    rows = rows > 0 ? rows : count;
    uint32_t *lengths = mem_array(rows, sizeof *lengths);
    if (lengths == NULL)
        return err_set(err, ERR_MEMORY, "the lengths of %zu rows do not fit into memory", rows);
    for (size_t i = 0; i < set->texts && at < rows; i++)
        for (size_t left = set->lengths[i]; left > 0 && at < rows;) {
            size_t length = left < s->max_length ? left : s->max_length;
            lengths[at++] = (uint32_t)length;
            left -= length;
        }
    while (at < rows) /* a guess was too low */
        lengths[at++] = (uint32_t)s->max_length;
    free(set->lengths);
    set->lengths = lengths;
    set->rows = rows;
    set->tokens = set->longest = 0;
    for (size_t i = 0; i < rows; i++) {
        set->tokens += lengths[i];
        set->longest = lengths[i] > set->longest ? lengths[i] : set->longest;
    }
    return 0;
}

/* How strongly a vocabulary is used, by the share of it that is: what would grow evenly with the
 * rows if all words were equally likely. */
static double
exposure_of(const struct sampling *s, size_t distinct)
{
    double words = (double)s->vocab_size;
    return -log1p(-(double)distinct / (words + 1.0)); /* finite also when every word is used */
}

/*
 * The exposure by `rows` rows over that by the sample. It grows as a power of the rows (Heaps' law)
 * whose exponent falls: by as much with every further doubling as it did within the sample.
 */
static double
growth_to(const struct sampling *s, size_t rows)
{
    if (s->reached[0] == 0)
        return 1.0; /* a sample of less than four rows is all there is */
    double quarter = exposure_of(s, s->reached[0]);
    double half = exposure_of(s, s->reached[1]);
    double exponent = log2(exposure_of(s, s->reached[2]) / half);
    double before = log2(half / quarter);
    double doublings = log2((double)rows / (double)s->sampled);
    double grown = 0; /* its logarithm */
    if (doublings <= 0)
        return exp2(exponent * doublings);
    double fall = before > exponent ? exponent / before : 1.0;
    for (; doublings > 0; doublings -= 1) {
        exponent *= fall;
        grown += exponent * (doublings < 1 ? doublings : 1);
    }
    return exp2(grown);
}

/* Different rows that the steps of the plan come to: of a part of an epoch, its share of them. */
static size_t
rows_visited(const struct train_plan *plan)
{
    size_t rows = 0;
    size_t in_epoch = train_plan_epoch_rows(plan);
    bool fits = mem_multiply(plan->total_steps, (size_t)plan->params.batch_size, &rows);
    if (!fits || rows >= in_epoch)
        return plan->training_rows;
    return (size_t)((double)rows * ((double)plan->training_rows / (double)in_epoch));
}

/* Survey the `rows` rows of a set. */
static int
survey_set(struct sampling *s, size_t rows, struct err *err)
{
    int rc = 0;
    if (rows == 0)
        return 0;
    s->set->rows = s->set->texts = rows;
    s->set->lengths = mem_array(rows, sizeof *s->set->lengths);
    if (s->set->lengths == NULL)
        return err_set(err, ERR_MEMORY, "the lengths of %zu rows do not fit into memory", rows);
    s->list.with_places = s->data->count > 0 && s->data->rows[0].words != NULL;
    rc = take_sample(s, err);
    if (rc == 0)
        guess_lengths(s);
    if (rc == 0 && s->windows.wanted)
        rc = divide_texts(s, err);
    token_list_fini(&s->list);
    return rc;
}

static int
survey_sets(const struct train_plan *plan, const struct tokenizer *tokenizer, struct survey *out,
            struct err *err)
{
    struct sampling training = {
        .tokenizer = tokenizer,
        .max_length = (size_t)plan->params.max_seq_length,
        .windows = plan->config.windows,
        .known_rows = train_plan_epoch_rows(plan),
        .vocab_size = plan->config.vocab_size,
        .data = plan->training,
        .held_out = plan->held_out,
        .wanted = false,
        .used = out->trained.used,
        .survey = out,
        .set = &out->training,
    };
    struct sampling validation = training;
    validation.used = NULL;
    validation.known_rows = 0;
    validation.set = &out->validation;
    validation.wanted = true;
    if (plan->validation != NULL) {
        validation.data = plan->validation;
        validation.held_out = NULL;
    }
    struct sampling test = validation;
    test.data = plan->test;
    test.held_out = NULL;
    test.set = &out->test;
    if (survey_set(&training, plan->training_rows, err) != 0 ||
        survey_set(&validation, plan->validation_rows, err) != 0 ||
        survey_set(&test, plan->test_rows, err) != 0)
        return err->code;
    out->trained.growth = growth_to(&training, rows_visited(plan));
    out->seen.growth = growth_to(&training, plan->training_rows);
    return 0;
}

int
survey_make(const struct train_plan *plan, const char *base_folder, struct survey *out,
            struct err *err)
{
    struct tokenizer *tokenizer = NULL;
    size_t words = plan->config.vocab_size;
    *out = (struct survey){.trained.used = mem_array(words, sizeof(bool)),
                           .seen.used = mem_array(words, sizeof(bool))};
    int rc = 0;
    if (out->trained.used == NULL || out->seen.used == NULL)
        rc = err_set(err, ERR_MEMORY, "marks for %zu words do not fit into memory", words);
    if (rc == 0)
        rc = tokenizer_open(base_folder, words, &tokenizer, err);
    if (rc == 0) {
        tokenizer_set_truncation(tokenizer, plan->config.truncation);
        tokenizer_set_windows(tokenizer, plan->config.windows);
    }
    if (rc == 0)
        rc = survey_sets(plan, tokenizer, out, err);
    tokenizer_free(tokenizer);
    if (rc != 0)
        survey_fini(out);
    return rc;
}

void
survey_fini(struct survey *survey)
{
    free(survey->training.lengths);
    free(survey->validation.lengths);
    free(survey->test.lengths);
    free(survey->trained.used);
    free(survey->seen.used);
    *survey = (struct survey){0};
}

double
survey_grown(const struct survey_words *words, double share)
{
    return share < 1 ? 1 - pow(1 - share, words->growth) : 1;
}

size_t
survey_touched(const struct survey_words *words, size_t vocab_size, size_t row_bytes,
               size_t block_bytes)
{
    size_t blocks = 0;
    size_t next = 0; /* first block that is not counted yet */
    size_t all = (vocab_size * row_bytes + block_bytes - 1) / block_bytes;
    for (size_t id = 0; id < vocab_size; id++) {
        if (!words->used[id])
            continue;
        size_t first = id * row_bytes / block_bytes;
        size_t end = ((id + 1) * row_bytes + block_bytes - 1) / block_bytes;
        first = first < next ? next : first;
        if (end > first)
            blocks += end - first;
        next = end > next ? end : next;
    }
    double share = survey_grown(words, (double)blocks / (double)all);
    return (size_t)(share * (double)all + 0.5) * block_bytes;
}
