/* Rows that are there already; see dedupe.h. Near ones are dedupe_near.c's. */
#include "core/data/dedupe.h"

#include "core/data/dedupe_near.h"
#include "core/data/distinct.h"
#include "core/data/normal_text.h"
#include "core/data/row_label.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
    [DEDUPE_OFF] = "off", [DEDUPE_EXACT] = "exact", [DEDUPE_NEAR] = "near"};

enum { NAME_COUNT = sizeof names / sizeof names[0] };

const char *
dedupe_name(enum dedupe dedupe)
{
    return names[dedupe];
}

bool
dedupe_find(const char *name, enum dedupe *out)
{
    for (size_t i = 0; i < NAME_COUNT; i++)
        if (strcmp(names[i], name) == 0) {
            *out = (enum dedupe)i;
            return true;
        }
    return false;
}

static bool
same_text(const void *context, size_t item, size_t other)
{
    const struct dataset *dataset = context;
    return normal_text_same(&dataset->rows[item], &dataset->rows[other]);
}

static bool
same_row(const void *context, size_t item, size_t other)
{
    const struct dataset *dataset = context;
    return row_label_same(dataset->label_form, &dataset->rows[item], &dataset->rows[other]) &&
           same_text(context, item, other);
}

/* What is gathered on the walk over the rows. */
struct walk {
    const struct dataset *dataset;
    struct distinct rows, texts; /* items are rows */
    struct buf text;
    bool *leaves;
    bool *conflicts; /* (rows): kept, but an earlier row with the text says something else */
    struct dedupe_counts *out;
};

static int
look_at_row(struct walk *walk, size_t row, struct err *err)
{
    const struct dataset *dataset = walk->dataset;
    const struct data_row *r = &dataset->rows[row];
    size_t same = row;
    size_t first = row;
    normal_text_write(r, &walk->text);
    const char *text = buf_string(&walk->text);
    uint64_t hash = distinct_hash(&walk->rows, text, walk->text.length);
    uint64_t label = row_label_hash(dataset->label_form, &walk->rows, r);
    if (distinct_add(&walk->rows, row, hash * 3 + label, &same, err) != 0)
        return err->code;
    walk->leaves[row] = same != row;
    walk->out->exact += same != row;
    if (same != row)
        return 0;
    hash = distinct_hash(&walk->texts, text, walk->text.length);
    if (distinct_add(&walk->texts, row, hash, &first, err) != 0)
        return err->code;
    walk->conflicts[row] = first != row;
    return 0;
}

static int
leave_exact(struct walk *walk, struct err *err)
{
    int rc = 0;
    distinct_init(&walk->rows, same_row, walk->dataset);
    distinct_init(&walk->texts, same_text, walk->dataset);
    for (size_t i = 0; i < walk->dataset->count && rc == 0; i++)
        rc = look_at_row(walk, i, err);
    distinct_fini(&walk->rows);
    distinct_fini(&walk->texts);
    buf_fini(&walk->text);
    return rc;
}

int
dedupe_rows(const struct dataset *dataset, enum dedupe dedupe, bool *leaves,
            struct dedupe_counts *out, struct err *err)
{
    struct walk walk = {.dataset = dataset, .leaves = leaves, .out = out};
    *out = (struct dedupe_counts){0};
    memset(leaves, 0, dataset->count * sizeof *leaves);
    if (dedupe == DEDUPE_OFF)
        return 0;
    walk.conflicts = mem_array(dataset->count, sizeof *walk.conflicts);
    if (walk.conflicts == NULL)
        return err_set(err, ERR_MEMORY, "marks of %zu rows do not fit into memory", dataset->count);
    int rc = leave_exact(&walk, err);
    if (rc == 0 && dedupe == DEDUPE_NEAR)
        rc = dedupe_near(dataset, leaves, walk.conflicts, &out->near, err);
    for (size_t i = 0; i < dataset->count && rc == 0; i++)
        out->conflicts += walk.conflicts[i] && !leaves[i];
    free(walk.conflicts);
    return rc;
}

int
dedupe_apply(struct dataset *dataset, enum dedupe dedupe, struct dedupe_counts *out,
             struct err *err)
{
    *out = (struct dedupe_counts){0};
    if (dedupe == DEDUPE_OFF)
        return 0;
    size_t kept = 0;
    bool *leaves = mem_array(dataset->count, sizeof *leaves);
    if (leaves == NULL)
        return err_set(err, ERR_MEMORY, "marks of %zu rows do not fit into memory", dataset->count);
    int rc = dedupe_rows(dataset, dedupe, leaves, out, err);
    for (size_t i = 0; i < dataset->count && rc == 0; i++)
        if (!leaves[i])
            dataset->rows[kept++] = dataset->rows[i];
    if (rc == 0)
        dataset->count = kept;
    free(leaves);
    return rc;
}
