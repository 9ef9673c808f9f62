/*
 * The document of token classification: of tokens and, where the labels mark entities, of these;
 * see evaluation.h. Tokens without a class are passed by: what is left of a row is its words.
 */
#include "core/eval/evaluation_parts.h"

#include "core/base/mem.h"
#include "core/eval/entities.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The words of all rows end to end. */
struct words {
    struct class_outcome *outcomes; /* (words) */
    size_t *offsets;                /* (rows + 1): of outcomes */
    uint32_t *truth, *predicted;    /* (words) */
    size_t rows, count;
};

static void
close_words(struct words *words)
{
    free(words->outcomes);
    free(words->offsets);
    free(words->truth);
    free(words->predicted);
}

static int
open_words(const struct evaluation_outputs *outputs, struct words *words, struct err *err)
{
    const struct targets *targets = outputs->targets;
    *words = (struct words){
        .outcomes = mem_array(outputs->rows, sizeof(struct class_outcome)),
        .offsets = mem_array(targets->rows + 1, sizeof(size_t)),
        .truth = mem_array(outputs->rows, sizeof(uint32_t)),
        .predicted = mem_array(outputs->rows, sizeof(uint32_t)),
        .rows = targets->rows,
    };
    if (words->outcomes == NULL || words->offsets == NULL || words->truth == NULL ||
        words->predicted == NULL) {
        close_words(words);
        return err_set(err, ERR_MEMORY, "%zu tokens do not fit into memory", outputs->rows);
    }
    for (size_t row = 0; row < targets->rows; row++) {
        words->offsets[row] = words->count;
        for (size_t t = targets->starts[row]; t < targets->starts[row + 1]; t++) {
            if (targets->ids[t] == LABEL_NONE)
                continue;
            words->outcomes[words->count] = outputs->outcomes[t];
            words->truth[words->count] = outputs->outcomes[t].truth;
            words->predicted[words->count++] = outputs->outcomes[t].predicted;
        }
    }
    words->offsets[targets->rows] = words->count;
    return 0;
}

/* ---- entities -------------------------------------------------------------------------------- */

static enum entity_mode
strict_mode(const struct entity_scheme *scheme)
{
    for (size_t i = 0; i < scheme->labels; i++)
        if (scheme->prefixes[i] == 'E' || scheme->prefixes[i] == 'S')
            return ENTITY_IOBES;
    return ENTITY_IOB2;
}

static struct entity_predictions
sequences_of(const struct words *words)
{
    return (struct entity_predictions){words->offsets, words->rows, words->truth, words->predicted};
}

int
evaluation_sum_tokens(const struct evaluation_outputs *outputs, const char *const *labels,
                      struct evaluation_summary *out, struct err *err)
{
    struct entity_scheme scheme;
    struct entity_measures measures;
    struct words words;
    struct arena *arena = arena_new();
    int code = 0;
    if (entity_scheme_find(labels, outputs->classes, arena, &scheme)) {
        code = open_words(outputs, &words, err);
        const struct entity_predictions sequences = sequences_of(&words);
        if (code == 0) {
            code = entity_measure(&scheme, ENTITY_DEFAULT, &sequences, arena, &measures, err);
            close_words(&words);
        }
        if (code == 0)
            out->entity_f1 = measures.micro.f1;
    }
    arena_free(arena);
    return code;
}

static int
add_entities(json_t *document, const struct entity_scheme *scheme, const struct words *words,
             struct arena *arena, struct err *err)
{
    struct entity_measures found, strict;
    const struct entity_predictions sequences = sequences_of(words);
    json_t *measures = json_object_get(document, "measures"), *list = json_array();
    json_object_set_new(document, "per_class", list);
    if (entity_measure(scheme, ENTITY_DEFAULT, &sequences, arena, &found, err) != 0 ||
        entity_measure(scheme, strict_mode(scheme), &sequences, arena, &strict, err) != 0)
        return err->code;
    evaluation_add_averages(measures, "entity", &found.micro);
    evaluation_add_averages(measures, "entity_macro", &found.macro);
    evaluation_add_averages(measures, "entity_weighted", &found.weighted);
    evaluation_add_averages(measures, "strict", &strict.micro);
    evaluation_add_averages(measures, "strict_macro", &strict.macro);
    evaluation_add_averages(measures, "strict_weighted", &strict.weighted);
    for (size_t type = 0; type < scheme->types && type < EVALUATION_MAX_CLASSES; type++)
        json_array_append_new(list,
                              evaluation_class(scheme->type_names[type], &found.per_type[type]));
    return 0;
}

/* ---- intervals ------------------------------------------------------------------------------- */

/* What the rounds sum up, of each row. */
struct row_counts {
    uint32_t *words, *right;
    struct class_count *lenient, *strict;
};

static void
close_counts(struct row_counts *counts)
{
    free(counts->words);
    free(counts->right);
    free(counts->lenient);
    free(counts->strict);
}

static int
open_counts(size_t rows, struct row_counts *counts, struct err *err)
{
    *counts = (struct row_counts){
        .words = mem_array(rows, sizeof(uint32_t)),
        .right = mem_array(rows, sizeof(uint32_t)),
        .lenient = mem_array(rows, sizeof(struct class_count)),
        .strict = mem_array(rows, sizeof(struct class_count)),
    };
    if (counts->words != NULL && counts->right != NULL && counts->lenient != NULL &&
        counts->strict != NULL)
        return 0;
    close_counts(counts);
    return err_set(err, ERR_MEMORY, "%zu rows do not fit into memory", rows);
}

/* Words of each row, and whether all of them are right. */
static void
count_words(const struct words *words, struct row_counts *counts, bool *all_right)
{
    for (size_t row = 0; row < words->rows; row++) {
        for (size_t i = words->offsets[row]; i < words->offsets[row + 1]; i++) {
            counts->words[row]++;
            counts->right[row] += words->truth[i] == words->predicted[i];
        }
        all_right[row] = counts->right[row] == counts->words[row];
    }
}

/* scheme: NULL where labels mark no entities. */
static int
add_intervals(json_t *document, const struct entity_scheme *scheme, const struct words *words,
              const struct row_counts *counts, struct err *err)
{
    const struct entity_predictions sequences = sequences_of(words);
    struct bootstrap_sentences sentences = {words->rows, counts->words, counts->right, NULL, NULL};
    struct bootstrap_token_intervals intervals;
    json_t *object = json_object();
    json_object_set_new(document, "intervals", object);
    if (scheme != NULL) {
        if (entity_count_each(scheme, ENTITY_DEFAULT, &sequences, counts->lenient, err) != 0 ||
            entity_count_each(scheme, strict_mode(scheme), &sequences, counts->strict, err) != 0)
            return err->code;
        sentences.lenient = counts->lenient;
        sentences.strict = counts->strict;
    }
    if (bootstrap_tokens(&sentences, 0, &intervals, err) != 0)
        return err->code;
    evaluation_add_interval(object, "accuracy", intervals.accuracy);
    if (scheme == NULL)
        return 0;
    evaluation_add_interval(object, "entity_f1", intervals.entity_f1);
    evaluation_add_interval(object, "strict_f1", intervals.strict_f1);
    return 0;
}

/* By rows: intervals, and which rows are right. */
static int
add_rows(json_t *document, struct evaluation_outputs *outputs, const struct entity_scheme *scheme,
         const struct words *words, struct err *err)
{
    struct row_counts counts;
    if (evaluation_judge_rows(outputs, err) != 0 || open_counts(words->rows, &counts, err) != 0)
        return err->code;
    count_words(words, &counts, outputs->right);
    int code = add_intervals(document, scheme, words, &counts, err);
    close_counts(&counts);
    return code;
}

/* ---- words ----------------------------------------------------------------------------------- */

static int
add_words(json_t *document, const struct evaluation_subject *subject, const struct words *words,
          struct arena *arena, struct err *err)
{
    const struct class_predictions predictions = {words->count, subject->outputs->classes,
                                                  words->outcomes, NULL};
    struct classification_measures m;
    json_t *measures = json_object(), *list = json_array();
    json_object_set_new(document, "measures", measures);
    json_object_set_new(document, "per_class", list);
    if (classification_measure(&predictions, arena, &m, err) != 0)
        return err->code;
    json_object_set_new(measures, "accuracy", evaluation_real(m.accuracy));
    json_object_set_new(measures, "log_loss", evaluation_real(m.log_loss));
    evaluation_add_averages(measures, "macro", &m.macro);
    evaluation_add_averages(measures, "weighted", &m.weighted);
    for (size_t c = 0; c < predictions.classes && c < EVALUATION_MAX_CLASSES; c++)
        json_array_append_new(list, evaluation_class(subject->labels[c], &m.per_class[c]));
    return 0;
}

/* The row that a word belongs to; rows ascend, and the words of one that has none are skipped. */
static size_t
row_of(const struct words *words, size_t word)
{
    size_t low = 0, high = words->rows;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (words->offsets[middle] <= word)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static json_t *
error_object(const struct evaluation_subject *subject, const struct words *words, size_t word)
{
    const struct class_outcome *outcome = &words->outcomes[word];
    size_t row = row_of(words, word), place = word - words->offsets[row];
    const struct data_row *data = evaluation_row(&subject->rows, row);
    json_t *object = evaluation_shown_row(subject, row);
    if (place < data->word_count)
        json_object_set_new(
            object, "token",
            evaluation_text(data->text + data->words[place].start, data->words[place].length));
    const char *truth = subject->labels[outcome->truth];
    const char *predicted = subject->labels[outcome->predicted];
    json_object_set_new(object, "label", evaluation_text(truth, strlen(truth)));
    json_object_set_new(object, "predicted", evaluation_text(predicted, strlen(predicted)));
    json_object_set_new(object, "probability", evaluation_real((double)outcome->confidence));
    return object;
}

static void
add_errors(json_t *document, const struct evaluation_subject *subject, const struct words *words)
{
    struct evaluation_error errors[EVALUATION_MAX_ERRORS];
    size_t count = 0, wrong = 0;
    json_t *list = json_array();
    for (size_t word = 0; word < words->count; word++) {
        const struct class_outcome *outcome = &words->outcomes[word];
        const struct evaluation_error error = {word, (double)outcome->confidence};
        if (outcome->truth == outcome->predicted)
            continue;
        wrong++;
        evaluation_note_error(errors, &count, error);
    }
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, error_object(subject, words, errors[i].index));
    json_object_set_new(document, "error_count", json_integer((json_int_t)wrong));
    json_object_set_new(document, "errors", list);
}

int
evaluation_add_tokens(json_t *document, const struct evaluation_subject *subject, struct err *err)
{
    struct words words;
    struct entity_scheme scheme;
    if (open_words(subject->outputs, &words, err) != 0)
        return err->code;
    struct arena *arena = arena_new();
    int code = words.count > 0 ? add_words(document, subject, &words, arena, err)
                               : err_set(err, ERR_UNSUPPORTED, "no token has a label");
    bool marks = entity_scheme_find(subject->labels, subject->outputs->classes, arena, &scheme);
    if (code == 0 && marks)
        code = add_entities(document, &scheme, &words, arena, err);
    if (code == 0)
        code = add_rows(document, subject->outputs, marks ? &scheme : NULL, &words, err);
    if (code == 0)
        add_errors(document, subject, &words);
    arena_free(arena);
    close_words(&words);
    return code;
}
