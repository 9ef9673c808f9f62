/* From labels to targets; see labelling.h. */
#include "core/data/labelling.h"

#include "core/base/utf8.h"
#include "core/data/spelling.h"
#include "core/model/config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_BYTES = 100 };

/* ---- forms ----------------------------------------------------------------------------------- */

/* Which forms of labels a task can be trained on, as bits. */
static unsigned
forms_of(enum task task)
{
    const unsigned one = 1u << LABELS_TEXT | 1u << LABELS_INTEGER | 1u << LABELS_FRACTION;
    switch (task) {
    case TASK_AUTO:
    case TASK_CLASSIFICATION:
        return one;
    case TASK_MULTI_LABEL:
        return one | 1u << LABELS_LISTS;
    case TASK_REGRESSION: /* texts are refused one by one, with their line */
        return one | 1u << LABELS_NUMBER_LISTS;
    case TASK_TOKEN_CLASSIFICATION:
        return 1u << LABELS_TOKENS;
    }
    return 0;
}

static const char *
form_text(enum label_form form)
{
    switch (form) {
    case LABELS_NONE:
        return "absent";
    case LABELS_TEXT:
        return "texts";
    case LABELS_INTEGER:
        return "whole numbers";
    case LABELS_FRACTION:
        return "numbers with fractions";
    case LABELS_LISTS:
        return "lists of labels";
    case LABELS_TOKENS:
        return "one for each token";
    case LABELS_NUMBER_LISTS:
        return "lists of numbers";
    }
    return "";
}

bool
labelling_fits(enum task task, const struct labelled_file *file, struct arena *arena,
               const char **why)
{
    enum label_form form = file->data->label_form;
    const char *among = file->data->unlabelled_columns;
    if (form == LABELS_NONE && file->data->found.label != NULL)
        *why =
            arena_printf(arena,
                         "no row of %s has a label in \"%s\"; give the rows labels, or say which "
                         "column has them with \"columns\": {\"label\": ...}",
                         file->name, file->data->found.label);
    else if (form == LABELS_NONE)
        *why = arena_printf(arena,
                            "%s has no label column%s%s; name it \"label\", or say which one it is "
                            "with \"columns\": {\"label\": ...}",
                            file->name, among != NULL ? " among " : "", among != NULL ? among : "");
    else if ((forms_of(task) >> form & 1u) == 0)
        *why = arena_printf(arena,
                            "the labels of %s are %s, which the task \"%s\" cannot learn from; say "
                            "\"task\": \"%s\", or write labels as that task has them",
                            file->name, form_text(form), task_name(task),
                            task_name(dataset_task(file->data)));
    else
        return true;
    return false;
}

size_t
labelling_width(const struct dataset *data)
{
    bool lists = data->label_form == LABELS_NUMBER_LISTS && data->count > 0;
    return lists ? data->rows[0].label_count : 1;
}

/* ---- one row --------------------------------------------------------------------------------- */

/* How many bytes of a label a message shows, for printf's "%.*s". */
static int
shown(const char *label)
{
    return (int)utf8_clip(label, strlen(label), SHOWN_BYTES);
}

/* What turns rows into targets. */
struct labeller {
    const struct labelling *labelling;
    const struct labelled_file *file;
    size_t width;
    const struct data_row *row;
    uint32_t *ids; /* (id_capacity) */
    size_t id_capacity;
    double *numbers; /* (width) */
    float *values;   /* (width) */
    struct err *err;
};

static int
refuse_unknown(const struct labeller *l, const char *label)
{
    return err_set(l->err, ERR_INVALID, "%s line %zu: label \"%.*s\" does not occur in %s; %s",
                   l->file->name, l->row->line, shown(label), label, l->labelling->source,
                   l->labelling->remedy);
}

/* A number as it is written; what is none is refused. */
static int
read_number(const struct labelled_file *file, const struct data_row *row, const char *label,
            double *out, struct err *err)
{
    bool is_number = spelling_of(label, strlen(label)) != SPELLING_TEXT;
    *out = is_number ? strtod(label, NULL) : 0;
    if (!is_number)
        return err_set(err, ERR_INVALID,
                       "%s line %zu: label \"%.*s\" is no number; a regression learns numbers such "
                       "as 3 or 0.25",
                       file->name, row->line, shown(label), label);
    if (!(fabs(*out) <= LABELLING_MOST))
        return err_set(err, ERR_INVALID,
                       "%s line %zu: the number %.*s is beyond 1e15, which a regression cannot "
                       "learn; give it in another unit",
                       file->name, row->line, shown(label), label);
    return 0;
}

/* The width numbers of a row. */
static int
read_numbers(const struct labelled_file *file, const struct data_row *row, size_t width,
             double *out, struct err *err)
{
    size_t count = row->labels != NULL ? row->label_count : 1;
    if (count != width)
        return err_set(err, ERR_INVALID,
                       "%s line %zu: the row has %zu numbers where the others have %zu; give each "
                       "row the same number of them",
                       file->name, row->line, count, width);
    for (size_t i = 0; i < width; i++) {
        const char *label = row->labels != NULL ? row->labels[i] : row->label;
        if (read_number(file, row, label, &out[i], err) != 0)
            return err->code;
    }
    return 0;
}

static int
label_numbers(struct labeller *l, struct target *out)
{
    const struct labelling *labelling = l->labelling;
    if (read_numbers(l->file, l->row, l->width, l->numbers, l->err) != 0)
        return l->err->code;
    for (size_t i = 0; i < l->width; i++) {
        double shift = labelling->shift != NULL ? (double)labelling->shift[i] : 0;
        double scale = labelling->scale != NULL ? (double)labelling->scale[i] : 1;
        l->values[i] = (float)((l->numbers[i] - shift) / scale);
    }
    out->values = l->values;
    return 0;
}

static int
by_id(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

/* The ids of a list, or of the one label. */
static int
label_list(struct labeller *l, struct target *out)
{
    const struct data_row *row = l->row;
    size_t count = row->labels != NULL ? row->label_count : row->label != NULL;
    if (count > l->id_capacity) {
        l->ids = mem_resize(l->ids, count, sizeof *l->ids);
        l->id_capacity = count;
    }
    for (size_t i = 0; i < count; i++) {
        const char *label = row->labels != NULL ? row->labels[i] : row->label;
        l->ids[i] = label_set_find(l->labelling->labels, label);
        if (l->ids[i] == LABEL_NONE)
            return refuse_unknown(l, label);
    }
    if (l->labelling->task == TASK_MULTI_LABEL && count > 1)
        qsort(l->ids, count, sizeof *l->ids, by_id);
    *out = (struct target){.ids = l->ids, .count = count};
    return 0;
}

static int
label_class(struct labeller *l, struct target *out)
{
    out->label = label_set_find(l->labelling->labels, l->row->label);
    return out->label == LABEL_NONE ? refuse_unknown(l, l->row->label) : 0;
}

static int
label_row(struct labeller *l, struct target *out)
{
    *out = (struct target){.label = LABEL_NONE};
    switch (l->labelling->task) {
    case TASK_AUTO:
    case TASK_CLASSIFICATION:
        return label_class(l, out);
    case TASK_REGRESSION:
        return label_numbers(l, out);
    case TASK_MULTI_LABEL:
    case TASK_TOKEN_CLASSIFICATION:
        return label_list(l, out);
    }
    return 0;
}

/* ---- all rows -------------------------------------------------------------------------------- */

int
labelling_apply(const struct labelling *labelling, const struct labelled_file *file,
                struct targets *out, size_t *line, struct err *err)
{
    size_t width = labelling->task == TASK_REGRESSION ? labelling->labels->count : 0;
    struct labeller l = {.labelling = labelling, .file = file, .width = width, .err = err};
    *out = (struct targets){.task = labelling->task, .width = width};
    *line = 0;
    l.numbers = mem_resize(NULL, width, sizeof *l.numbers);
    l.values = mem_resize(NULL, width, sizeof *l.values);
    int rc = targets_reserve(out, file->data->count, err);
    for (size_t i = 0; i < file->data->count && rc == 0; i++) {
        struct target target;
        l.row = &file->data->rows[i];
        rc = label_row(&l, &target);
        *line = rc != 0 ? l.row->line : 0;
        if (rc == 0)
            rc = targets_add(out, &target, err);
    }
    free(l.ids);
    free(l.numbers);
    free(l.values);
    return rc;
}

/* Running means, and sums of squares about them (Welford). */
struct moments {
    double *means, *squares, *numbers; /* (width) each */
};

static int
add_up(const struct labelled_file *file, const bool *skipped, size_t width, struct moments *m,
       size_t *line, struct err *err)
{
    size_t rows = 0;
    for (size_t i = 0; i < file->data->count; i++) {
        const struct data_row *row = &file->data->rows[i];
        if (read_numbers(file, row, width, m->numbers, err) != 0) {
            *line = row->line;
            return err->code;
        }
        if (skipped != NULL && skipped[i])
            continue;
        rows++;
        for (size_t k = 0; k < width; k++) {
            double delta = m->numbers[k] - m->means[k];
            m->means[k] += delta / (double)rows;
            m->squares[k] += delta * (m->numbers[k] - m->means[k]);
        }
    }
    for (size_t k = 0; k < width; k++)
        m->squares[k] = rows > 0 ? sqrt(m->squares[k] / (double)rows) : 0;
    return 0;
}

int
labelling_measure(const struct labelled_file *file, const bool *skipped, float *scale, float *shift,
                  size_t *line, struct err *err)
{
    size_t width = labelling_width(file->data);
    struct moments m = {.means = mem_resize(NULL, width, 3 * sizeof(double))};
    memset(m.means, 0, width * 3 * sizeof(double));
    m.squares = m.means + width;
    m.numbers = m.squares + width;
    *line = 0;
    int rc = add_up(file, skipped, width, &m, line, err);
    for (size_t k = 0; k < width && rc == 0; k++) {
        scale[k] = (float)m.squares[k];
        shift[k] = (float)m.means[k];
        /* a deviation that is rounding counts as none */
        if (scale[k] > (float)(fabs(m.means[k]) * 1e-12) && isnormal(scale[k]))
            continue;
        rc = err_set(err, ERR_INVALID,
                     "%s of %s is %.9g in every row to learn from; a regression needs numbers that "
                     "differ",
                     width > 1 ? "one of the numbers" : "the label", file->name, m.means[k]);
    }
    free(m.means);
    return rc;
}
