/* What the readers of the data formats share; see reader.h. */
#include "core/data/reader.h"

#include "core/base/utf8.h"
#include "core/data/source.h"

#include <math.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 1024, SHOWN_NAME_BYTES = 64, ROWS_BETWEEN_QUESTIONS = 1024 };

/* The usual names. A pair needs both; a first name alone is a single text. */
static const struct {
    const char *first, *second;
} usual_texts[] = {
    {"text", "text_pair"},      {"text", "text_b"},        {"text_a", "text_b"},
    {"sentence1", "sentence2"}, {"premise", "hypothesis"}, {"question", "sentence"},
};

enum { USUAL_TEXT_COUNT = sizeof usual_texts / sizeof usual_texts[0] };

/* Names of OpenAI's older form. */
static const char prompt_name[] = "prompt";
static const char completion_name[] = "completion";

void
reader_fault(struct reader *reader, size_t line, const char *code, const char *format, ...)
{
    struct dataset *dataset = reader->dataset;
    size_t kept = dataset->fault_count < DATA_FAULTS_KEPT ? dataset->fault_count : DATA_FAULTS_KEPT;
    dataset->fault_count++;
    size_t at = kept;
    while (at > 0 && dataset->faults[at - 1].line > line)
        at--;
    if (at == DATA_FAULTS_KEPT)
        return;
    size_t moved = (kept < DATA_FAULTS_KEPT ? kept : DATA_FAULTS_KEPT - 1) - at;
    struct data_fault *fault = &dataset->faults[at];
    memmove(fault + 1, fault, moved * sizeof *fault);
    fault->line = line;
    fault->code = code;
    va_list args;
    va_start(args, format);
    vsnprintf(fault->message, sizeof fault->message, format, args);
    va_end(args);
    /* What was cut, here or by a parser, may end within a character. */
    fault->message[utf8_valid_length(fault->message, strlen(fault->message))] = '\0';
}

/* Make room for one more item of a list of `count`. */
static int
grow(void **items, size_t *capacity, size_t count, size_t size, struct err *err)
{
    if (count < *capacity)
        return 0;
    size_t wanted = *capacity == 0 ? FIRST_CAPACITY : *capacity * 2;
    size_t bytes = 0;
    void *grown = NULL;
    if (mem_multiply(wanted, size, &bytes))
        grown = realloc(*items, bytes);
    if (grown == NULL)
        return err_set(err, ERR_MEMORY, "%zu rows do not fit into memory", wanted);
    *items = grown;
    *capacity = wanted;
    return 0;
}

/* ---- answers --------------------------------------------------------------------------------- */

static int
note_answer(struct answers *answers, const struct raw_row *row, struct err *err)
{
    static const unsigned char key[crypto_shorthash_KEYBYTES] = {0};
    void *hashes = answers->hashes;
    void *too_long = answers->too_long;
    int rc = grow(&hashes, &answers->capacity, answers->count, sizeof *answers->hashes, err);
    answers->hashes = hashes;
    if (rc == 0)
        rc = grow(&too_long, &answers->too_long_capacity, answers->too_long_count,
                  sizeof *answers->too_long, err);
    answers->too_long = too_long;
    if (rc != 0)
        return rc;
    crypto_shorthash((unsigned char *)&answers->hashes[answers->count++],
                     (const unsigned char *)row->label, row->label_length, key);
    if (row->label_length > DATA_MAX_LABEL_BYTES)
        answers->too_long[answers->too_long_count++] =
            (struct long_answer){row->line, row->label_length};
    return 0;
}

static void
note_too_long(struct reader *reader, size_t line, size_t length)
{
    reader_fault(reader, line, "label_too_long",
                 "the label has %zu bytes, more than the %d that are possible: is this the right "
                 "column?",
                 length, DATA_MAX_LABEL_BYTES);
}

static int
by_hash(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

/* Labels, or texts that a model shall write? */
static void
judge_answers(struct reader *reader)
{
    struct dataset *dataset = reader->dataset;
    struct answers *answers = &reader->answers;
    size_t distinct = 0;
    if (answers->count > 0)
        qsort(answers->hashes, answers->count, sizeof *answers->hashes, by_hash);
    for (size_t i = 0; i < answers->count; i++)
        distinct += i == 0 || answers->hashes[i] != answers->hashes[i - 1];
    dataset->answers = answers->count;
    dataset->distinct_answers = distinct;
    dataset->long_answers = answers->too_long_count;
    dataset->is_generation = answers->count > GENERATION_ROWS && distinct > answers->count / 2;
    for (size_t i = 0; i < answers->too_long_count && !dataset->is_generation; i++)
        note_too_long(reader, answers->too_long[i].line, answers->too_long[i].length);
}

/* ---- rows ------------------------------------------------------------------------------------ */

bool
reader_check_label(struct reader *reader, size_t line, const char *label, size_t length)
{
    if (length > DATA_MAX_LABEL_BYTES)
        note_too_long(reader, line, length);
    else if (memchr(label, '\0', length) != NULL)
        reader_fault(reader, line, "invalid_label",
                     "the label holds the character U+0000; remove it");
    else
        return true;
    return false;
}

/* May the row's label be kept, or its lists? */
static bool
check_labels(struct reader *reader, const struct raw_row *row)
{
    const struct row_lists *lists = &reader->lists;
    if (row->label != NULL)
        return reader_check_label(reader, row->line, row->label, row->label_length);
    if (!row->has_words || !row->has_list || lists->word_count == lists->label_count)
        return true;
    reader_fault(reader, row->line, "invalid_label",
                 "the row has %zu tokens but %zu labels; give each token one label",
                 lists->word_count, lists->label_count);
    return false;
}

/* The columns of the first row are the file's, as far as a report is concerned. */
static void
note_columns(struct dataset *dataset, const struct raw_row *row)
{
    const struct picked *picked = row->picked;
    if (picked->form > dataset->form)
        dataset->form = picked->form;
    if (dataset->count > 0)
        return;
    dataset->found = (struct data_columns){
        .text = arena_copy_string(dataset->arena, picked->text),
        .text_pair = arena_copy_string(dataset->arena, picked->text_pair),
        .label = arena_copy_string(dataset->arena, row->is_answer ? picked->text : picked->label),
    };
}

static void
keep_lists(struct reader *reader, const struct raw_row *row, struct data_row *kept)
{
    struct arena *arena = reader->dataset->arena;
    const struct row_lists *lists = &reader->lists;
    if (row->has_words) {
        struct data_word *words = arena_array(arena, lists->word_count, sizeof *words);
        memcpy(words, lists->words, lists->word_count * sizeof *words);
        kept->words = words;
        kept->word_count = lists->word_count;
    }
    if (!row->has_list)
        return;
    const char **labels = arena_array(arena, lists->label_count, sizeof *labels);
    if (lists->label_count > 0)
        memcpy(labels, lists->labels, lists->label_count * sizeof *labels);
    kept->labels = labels;
    kept->label_count = lists->label_count;
    for (size_t i = 0; i < 3 && !row->has_words; i++)
        reader->seen_in_lists[i] |= lists->seen[i];
}

static int
keep_row(struct reader *reader, const struct raw_row *row, struct err *err)
{
    struct dataset *dataset = reader->dataset;
    struct arena *arena = dataset->arena;
    void *rows = dataset->rows;
    int rc = grow(&rows, &reader->capacity, dataset->count, sizeof *dataset->rows, err);
    dataset->rows = rows;
    if (rc != 0)
        return rc;
    note_columns(dataset, row);
    struct data_row *kept = &dataset->rows[dataset->count++];
    *kept = (struct data_row){
        .line = row->line,
        .text = arena_copy_bytes(arena, row->text, row->text_length),
        .text_length = row->text_length,
        .pair_length = row->pair_length,
    };
    if (row->pair != NULL)
        kept->pair = arena_copy_bytes(arena, row->pair, row->pair_length);
    if (row->label != NULL && row->label_length > 0) {
        kept->label = arena_copy_bytes(arena, row->label, row->label_length);
        reader->seen[row->spelling] = true;
    }
    if (row->has_words || row->has_list)
        keep_lists(reader, row, kept);
    return 0;
}

/* A completion by OpenAI's old convention: a text that begins with a space, which is no part of
 * what it says. */
static void
trim_completion(struct raw_row *row)
{
    while (row->label_length > 0 && *row->label == ' ') {
        row->label++;
        row->label_length--;
    }
    row->spelling = SPELLING_TEXT;
}

int
reader_add(struct reader *reader, const struct raw_row *row, struct err *err)
{
    struct raw_row copy = *row;
    bool is_prompt = row->picked->form == ROWS_PROMPT && row->label != NULL;
    if (is_prompt)
        trim_completion(&copy);
    if (is_prompt || row->is_answer) {
        if (note_answer(&reader->answers, &copy, err) != 0)
            return err->code;
        if (copy.label_length > DATA_MAX_LABEL_BYTES)
            return 0; /* judged at the end */
    }
    return check_labels(reader, &copy) ? keep_row(reader, &copy, err) : 0;
}

bool
reader_is_full(struct reader *reader, size_t line)
{
    if (reader->dataset->count < DATA_MAX_ROWS)
        return false;
    reader_fault(reader, line, "too_many_rows", "the file has more than %d rows; split it",
                 DATA_MAX_ROWS);
    return true;
}

bool
reader_is_stopped(struct reader *reader, struct err *err)
{
    return reader->asked++ % ROWS_BETWEEN_QUESTIONS == 0 && source_is_stopped(reader->source, err);
}

/* ---- the file as a whole --------------------------------------------------------------------- */

/* Where a row's label stands. Rows of one file agree. */
enum label_kind { KIND_NONE, KIND_SINGLE, KIND_LIST, KIND_WORDS };

static enum label_kind
kind_of(const struct data_row *row)
{
    if (row->words != NULL)
        return KIND_WORDS;
    if (row->labels != NULL)
        return KIND_LIST;
    return row->label != NULL ? KIND_SINGLE : KIND_NONE;
}

static bool
is_labelled(const struct data_row *row)
{
    return row->label != NULL || row->labels != NULL;
}

/* What rows are held against: the first row, and the first that has a label. */
struct yardstick {
    struct data_row first, labelled;
    enum label_kind kind; /* of the latter, else of the former */
};

static void
find_yardstick(const struct dataset *dataset, struct yardstick *out)
{
    size_t at = 0;
    *out = (struct yardstick){.kind = KIND_NONE};
    if (dataset->count == 0)
        return;
    while (at + 1 < dataset->count && !is_labelled(&dataset->rows[at]))
        at++;
    if (!is_labelled(&dataset->rows[at]))
        at = 0;
    out->first = dataset->rows[0];
    out->labelled = dataset->rows[at];
    out->kind = kind_of(&out->labelled);
}

static enum label_form
form_of_lists(const struct reader *reader)
{
    const bool *seen = reader->seen_in_lists;
    enum task task = reader->source->task;
    bool has_numbers = seen[SPELLING_FRACTION] || seen[SPELLING_INTEGER];
    if (seen[SPELLING_TEXT] || !has_numbers || task == TASK_MULTI_LABEL)
        return LABELS_LISTS;
    return seen[SPELLING_FRACTION] || task == TASK_REGRESSION ? LABELS_NUMBER_LISTS : LABELS_LISTS;
}

static enum label_form
label_form(const struct reader *reader, const struct yardstick *yardstick)
{
    switch (yardstick->kind) {
    case KIND_NONE:
        return LABELS_NONE;
    case KIND_WORDS:
        return yardstick->labelled.labels != NULL ? LABELS_TOKENS : LABELS_NONE;
    case KIND_LIST:
        return form_of_lists(reader);
    case KIND_SINGLE:
        break;
    }
    if (reader->seen[SPELLING_TEXT])
        return LABELS_TEXT;
    return reader->seen[SPELLING_FRACTION] ? LABELS_FRACTION : LABELS_INTEGER;
}

static void
note_missing_label(struct reader *reader, const struct data_row *row, enum label_kind kind)
{
    const char *label = reader->columns->label != NULL ? reader->columns->label
                        : kind == KIND_SINGLE          ? "label"
                                                       : "labels";
    if (reader->dataset->answers > 0)
        reader_fault(reader, row->line, "missing_label",
                     "no answer, which other rows have: give the row a %s that is not empty, or "
                     "remove it",
                     reader->dataset->form == ROWS_CHAT
                         ? "message of the role \"assistant\" after the last of the role \"user\""
                         : completion_name);
    else
        reader_fault(reader, row->line, "missing_label",
                     "no label in \"%.*s\", which other rows have: give the row one or remove it",
                     reader_shown(label), label);
}

/* Has the row its label where the others have theirs? */
static bool
check_kind(struct reader *reader, const struct data_row *row, const struct yardstick *yardstick)
{
    static const char *const names[] = {
        [KIND_NONE] = "a text",
        [KIND_SINGLE] = "one label",
        [KIND_LIST] = "a list of labels",
        [KIND_WORDS] = "tokens",
    };
    enum label_kind kind = kind_of(row);
    if (reader->dataset->label_form != LABELS_NONE && !is_labelled(row)) {
        note_missing_label(reader, row, yardstick->kind);
        return false;
    }
    if (kind == yardstick->kind)
        return true;
    reader_fault(reader, row->line, "mixed_labels",
                 "the row has %s, line %zu has %s: write all rows in the same way", names[kind],
                 yardstick->labelled.line, names[yardstick->kind]);
    return false;
}

static bool
check_pair(struct reader *reader, const struct data_row *row, const struct data_row *first)
{
    if ((row->pair != NULL) == (first->pair != NULL))
        return true;
    reader_fault(reader, row->line, "mixed_pairs",
                 "%s, unlike line %zu: give every row a second text or none",
                 row->pair != NULL ? "the row has a second text" : "the row has one text only",
                 first->line);
    return false;
}

/* Numbers are read when they are needed; here only that they can be. */
static bool
check_number(struct reader *reader, size_t line, const char *number)
{
    if (isfinite(strtod(number, NULL)))
        return true;
    reader_fault(reader, line, "invalid_label", "the number %.*s is too large to be computed with",
                 reader_shown(number), number);
    return false;
}

static bool
check_numbers(struct reader *reader, const struct data_row *row, const struct yardstick *yardstick)
{
    size_t expected = yardstick->labelled.label_count;
    if (reader->dataset->label_form == LABELS_FRACTION)
        return check_number(reader, row->line, row->label);
    if (reader->dataset->label_form != LABELS_NUMBER_LISTS)
        return true;
    if (row->label_count == 0 || row->label_count != expected) {
        reader_fault(reader, row->line, "invalid_label",
                     "the row has %zu numbers, line %zu has %zu: give every row one for each "
                     "target",
                     row->label_count, yardstick->labelled.line, expected);
        return false;
    }
    for (size_t i = 0; i < row->label_count; i++)
        if (!check_number(reader, row->line, row->labels[i]))
            return false;
    return true;
}

/* Keep the rows that are like the others, and note what is wrong with the rest. */
static void
keep_rows_alike(struct reader *reader, const struct yardstick *yardstick)
{
    struct dataset *dataset = reader->dataset;
    size_t kept = 0;
    for (size_t i = 0; i < dataset->count; i++) {
        struct data_row row = dataset->rows[i];
        if (!check_kind(reader, &row, yardstick) || !check_pair(reader, &row, &yardstick->first) ||
            !check_numbers(reader, &row, yardstick))
            continue;
        if (dataset->label_form == LABELS_LISTS)
            row.label_count =
                row_lists_remove_repeats((const char **)(uintptr_t)row.labels, row.label_count);
        dataset->rows[kept++] = row;
    }
    dataset->count = kept;
}

void
reader_finish(struct reader *reader)
{
    struct dataset *dataset = reader->dataset;
    judge_answers(reader);
    struct yardstick yardstick;
    find_yardstick(dataset, &yardstick);
    dataset->label_form = label_form(reader, &yardstick);
    keep_rows_alike(reader, &yardstick);
    dataset->has_pairs = dataset->count > 0 && yardstick.first.pair != NULL;
    if (dataset->count > 0 || dataset->fault_count > 0 || dataset->is_generation)
        return;
    if (dataset->left_out.weightless > 0)
        reader_fault(reader, 0, "no_rows",
                     "the answer of every row has \"weight\": 0; leave it out where the answer is "
                     "to be learnt");
    else
        reader_fault(reader, 0, "no_rows", "the file has no rows; it needs at least one");
}

void
reader_fini(struct reader *reader)
{
    chat_fini(&reader->chat);
    row_lists_fini(&reader->lists);
    free(reader->answers.hashes);
    free(reader->answers.too_long);
    reader->answers = (struct answers){0};
}

/* The usual names of text and pair: both of a row of the table, else the first name of one. */
static void
pick_usual(reader_has *has, const void *context, struct picked *picked)
{
    for (size_t i = 0; i < USUAL_TEXT_COUNT; i++) {
        bool first = has(context, usual_texts[i].first);
        if (first && has(context, usual_texts[i].second)) {
            picked->text = usual_texts[i].first;
            picked->text_pair = usual_texts[i].second;
            return;
        }
        if (first && picked->text == NULL)
            picked->text = usual_texts[i].first;
    }
}

static const char *
name_if(reader_has *has, const void *context, const char *name)
{
    return has(context, name) ? name : NULL;
}

/* "prompt" and "completion": only where the user names nothing else. */
static void
pick_prompt(const struct reader *reader, reader_has *has, const void *context,
            struct picked *picked)
{
    if (picked->text == NULL && reader->columns->text == NULL && has(context, prompt_name) &&
        has(context, completion_name))
        picked->text = prompt_name;
    if (picked->text == NULL || strcmp(picked->text, prompt_name) != 0)
        return;
    if (picked->label == NULL && reader->columns->label == NULL)
        picked->label = name_if(has, context, completion_name);
    if (picked->label != NULL && strcmp(picked->label, completion_name) == 0)
        picked->form = ROWS_PROMPT;
}

void
reader_pick(const struct reader *reader, reader_has *has, const void *context,
            struct picked *picked)
{
    const struct data_columns *wanted = reader->columns;
    *picked = (struct picked){.form = ROWS_PLAIN};
    if (wanted->text == NULL)
        pick_usual(has, context, picked);
    else {
        picked->text = name_if(has, context, wanted->text);
        picked->text_pair = name_if(has, context, usual_texts[0].second);
    }
    if (wanted->text_pair != NULL)
        picked->text_pair = name_if(has, context, wanted->text_pair);
    picked->label = name_if(has, context, wanted->label != NULL ? wanted->label : "label");
    pick_prompt(reader, has, context, picked);
}

const char *
reader_expected_text(const struct reader *reader)
{
    return reader->columns->text != NULL ? reader->columns->text : usual_texts[0].first;
}

int
reader_shown(const char *name)
{
    return (int)utf8_clip(name, strlen(name), SHOWN_NAME_BYTES);
}

void
reader_list(char found[READER_FOUND_BYTES], const char *name, size_t length)
{
    static const char more[] = ", …";
    size_t used = strlen(found);
    if (strstr(found, "…") != NULL)
        return;
    /* There is always room for the ellipsis: whatever is appended leaves it. */
    if (length + sizeof ", \"\"" + sizeof more > READER_FOUND_BYTES - used)
        snprintf(found + used, READER_FOUND_BYTES - used, "%s", used > 0 ? more : "…");
    else
        snprintf(found + used, READER_FOUND_BYTES - used, "%s\"%.*s\"", used > 0 ? ", " : "",
                 (int)length, name);
}

bool
reader_wants_columns(const struct reader *reader, const struct picked *picked)
{
    const struct dataset *dataset = reader->dataset;
    return picked->label == NULL && dataset->count == 0 && dataset->unlabelled_columns == NULL;
}

void
reader_note_columns(struct reader *reader, const char found[READER_FOUND_BYTES])
{
    struct dataset *dataset = reader->dataset;
    dataset->unlabelled_columns = arena_copy_string(dataset->arena, found);
}
