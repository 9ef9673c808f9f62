/* Printing by task; see prediction.h. */
#include "api/client/prediction.h"

#include "api/client/fields.h"
#include "api/client/text.h"
#include "core/base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LABEL_WIDTH = 24 };

struct score {
    const char *label;
    double value;
};

static int
compare_scores(const void *a, const void *b)
{
    double left = ((const struct score *)a)->value;
    double right = ((const struct score *)b)->value;
    return (left < right) - (left > right);
}

/* An object of numbers as an array; *out is released with free(). */
static size_t
list_scores(const json_t *numbers, struct score **out)
{
    size_t count = 0;
    const char *label = NULL;
    json_t *value = NULL;
    *out = mem_resize(NULL, json_object_size(numbers) + 1, sizeof **out);
    json_object_foreach ((json_t *)numbers, label, value) {
        (*out)[count++] = (struct score){.label = label, .value = json_number_value(value)};
    }
    return count;
}

/* The scores of a classification: {"<target>": {"scores": {…}}}. */
static const json_t *
scores_of(const json_t *answer)
{
    return json_object_get(json_object_iter_value(json_object_iter((json_t *)answer)), "scores");
}

static bool
has_scores(const json_t *answer)
{
    return json_object_size(scores_of(answer)) > 0;
}

static bool
has_categories(const json_t *answer)
{
    return json_object_size(json_object_get(answer, "category_scores")) > 0;
}

static bool
has_words(const json_t *answer)
{
    return json_is_array(json_object_get(answer, "tokens")) &&
           json_is_array(json_object_get(answer, "entities"));
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* The text as members of a new object. */
static json_t *
line_of(const json_t *text)
{
    json_t *line = json_is_object(text) ? json_copy((json_t *)text) : json_object();
    if (!json_is_object(text))
        json_object_set(line, "text", (json_t *)text);
    return line;
}

static void
print_line(json_t *line)
{
    field_print(line, stdout);
    json_decref(line);
}

/* "text", "text | pair", or the words */
static void
append_text(struct buf *out, const json_t *text)
{
    const json_t *words = json_object_get(text, "tokens");
    size_t index = 0;
    json_t *word = NULL;
    if (json_is_string(text))
        buf_append_string(out, json_string_value(text));
    else if (words == NULL)
        buf_printf(out, "%s | %s", field_text(text, "text", ""), field_text(text, "text_pair", ""));
    json_array_foreach ((json_t *)words, index, word) {
        buf_printf(out, "%s%s", index > 0 ? " " : "", json_string_value(word));
    }
}

/* "0.973  opening_hours             When do you open?" */
static void
print_row(const char *number, const char *label, const char *words)
{
    bool terminal = isatty(STDOUT_FILENO) || getenv("COLUMNS") != NULL;
    struct buf line = {0};
    buf_printf(&line, "%s  ", number);
    text_append_cell(&line, label, LABEL_WIDTH, false);
    buf_append_string(&line, "  ");
    size_t used = text_width(buf_string(&line));
    size_t room = text_columns(stdout) > used ? text_columns(stdout) - used : 0;
    size_t width = text_width(words);
    text_append_cell(&line, words, terminal && width > room ? room : width, false);
    printf("%s\n", buf_string(&line));
    buf_fini(&line);
}

/* Further labels have lines of their own, without the text and uncut. */
static void
print_more(const char *number, const char *label)
{
    struct buf line = {0};
    buf_printf(&line, "%s  ", number);
    text_append_safe(&line, label);
    printf("%s\n", buf_string(&line));
    buf_fini(&line);
}

static void
print_scores(const json_t *text, const struct score *scores, size_t count, const char *format)
{
    struct buf words = {0};
    append_text(&words, text);
    for (size_t i = 0; i < count; i++) {
        struct buf number = {0};
        buf_printf(&number, format, scores[i].value);
        if (i == 0)
            print_row(buf_string(&number), scores[i].label, buf_string(&words));
        else
            print_more(buf_string(&number), scores[i].label);
        buf_fini(&number);
    }
    buf_fini(&words);
}

/* ---- classification -------------------------------------------------------------------------- */

static void
print_label_json(const struct prediction_print *print)
{
    struct score *scores = NULL;
    json_t *line = line_of(print->text);
    size_t count = list_scores(scores_of(print->answer), &scores);
    qsort(scores, count, sizeof *scores, compare_scores);
    json_object_set_new(line, "label", json_string(scores[0].label));
    json_object_set_new(line, "probability", json_real(scores[0].value));
    json_object_set(line, "scores", (json_t *)scores_of(print->answer));
    print_line(line);
    free(scores);
}

static void
print_label(const struct prediction_print *print)
{
    struct score *scores = NULL;
    size_t count = list_scores(scores_of(print->answer), &scores);
    size_t shown = print->top > 0 ? print->top : 1;
    qsort(scores, count, sizeof *scores, compare_scores);
    print_scores(print->text, scores, shown < count ? shown : count, "%.3f");
    free(scores);
}

/* ---- multi_label ----------------------------------------------------------------------------- */

static void
print_labels_json(const struct prediction_print *print)
{
    json_t *line = line_of(print->text);
    json_t *labels = json_array();
    const char *label = NULL;
    json_t *counts = NULL;
    json_object_foreach (json_object_get(print->answer, "categories"), label, counts) {
        if (json_is_true(counts))
            json_array_append_new(labels, json_string(label));
    }
    json_object_set_new(line, "labels", labels);
    json_object_set(line, "scores", json_object_get(print->answer, "category_scores"));
    print_line(line);
}

/* The labels that count, or as many as were asked for. */
static void
print_labels(const struct prediction_print *print)
{
    struct score *scores = NULL;
    const json_t *categories = json_object_get(print->answer, "categories");
    size_t count = list_scores(json_object_get(print->answer, "category_scores"), &scores);
    size_t kept = 0;
    qsort(scores, count, sizeof *scores, compare_scores);
    for (size_t i = 0; i < count; i++)
        if (print->top > 0 ? i < print->top
                           : json_is_true(json_object_get(categories, scores[i].label)))
            scores[kept++] = scores[i];
    if (kept > 0) {
        print_scores(print->text, scores, kept, "%.3f");
    } else {
        struct buf words = {0};
        append_text(&words, print->text);
        print_row("-    ", "(no label)", buf_string(&words));
        buf_fini(&words);
    }
    free(scores);
}

/* ---- regression ------------------------------------------------------------------------------ */

static void
print_numbers_json(const struct prediction_print *print)
{
    json_t *line = line_of(print->text);
    json_object_set(line, "scores", (json_t *)scores_of(print->answer));
    print_line(line);
}

static void
print_numbers(const struct prediction_print *print)
{
    struct score *scores = NULL;
    size_t count = list_scores(scores_of(print->answer), &scores);
    print_scores(print->text, scores, count, "%.5g");
    free(scores);
}

/* ---- token_classification -------------------------------------------------------------------- */

static void
print_words_json(const struct prediction_print *print)
{
    json_t *line = line_of(print->text);
    json_object_set(line, "tokens", json_object_get(print->answer, "tokens"));
    json_object_set(line, "entities", json_object_get(print->answer, "entities"));
    print_line(line);
}

/* The text, and below it each entity. */
static void
print_words(const struct prediction_print *print)
{
    struct buf words = {0}, safe = {0};
    size_t index = 0;
    json_t *entity = NULL;
    const json_t *entities = json_object_get(print->answer, "entities");
    append_text(&words, print->text);
    text_append_safe(&safe, buf_string(&words));
    printf("%s\n", buf_string(&safe));
    json_array_foreach ((json_t *)entities, index, entity) {
        char number[32];
        snprintf(number, sizeof number, "  %.3f", field_number(entity, "probability"));
        print_row(number, field_text(entity, "label", ""), field_text(entity, "text", ""));
    }
    if (json_array_size(entities) == 0)
        puts("  no entities");
    buf_fini(&safe);
    buf_fini(&words);
}

/* ---- kinds ----------------------------------------------------------------------------------- */

static const struct prediction_kind kinds[] = {
    {"classification", "/v1/classifications", has_scores, print_label_json, print_label},
    {"multi_label", "/v1/moderations", has_categories, print_labels_json, print_labels},
    {"regression", "/v1/classifications", has_scores, print_numbers_json, print_numbers},
    {"token_classification", "/v1/token_classifications", has_words, print_words_json, print_words},
};

const struct prediction_kind *
prediction_kind_of(const char *task)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].task, task) == 0)
            return &kinds[i];
    return &kinds[0];
}
