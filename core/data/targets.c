/* Lists of targets; see targets.h. */
#include "core/data/targets.h"

#include "core/base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_ROWS = 1024, FIRST_IDS = 4096 };

static int
say_full(size_t rows, struct err *err)
{
    return err_set(err, ERR_MEMORY, "the labels of %zu rows do not fit into memory", rows);
}

/* Give every array of the task room for `capacity` rows. */
static bool
resize_rows(struct targets *targets, size_t capacity)
{
    size_t values = 0;
    bool fits = false;
    switch (targets->task) {
    case TASK_AUTO:
    case TASK_CLASSIFICATION:
        fits = mem_try_resize(&targets->classes, capacity, sizeof *targets->classes);
        break;
    case TASK_REGRESSION:
        fits = mem_multiply(capacity, targets->width, &values) &&
               mem_try_resize(&targets->values, values, sizeof *targets->values);
        break;
    case TASK_MULTI_LABEL:
    case TASK_TOKEN_CLASSIFICATION:
        fits = mem_try_resize(&targets->starts, capacity + 1, sizeof *targets->starts);
        if (fits && targets->rows == 0)
            targets->starts[0] = 0;
        break;
    }
    if (fits)
        targets->capacity = capacity;
    return fits;
}

int
targets_reserve(struct targets *targets, size_t rows, struct err *err)
{
    if (rows <= targets->capacity || resize_rows(targets, rows))
        return 0;
    return say_full(rows, err);
}

static bool
grow_ids(struct targets *targets, size_t used, size_t more)
{
    size_t needed = 0;
    if (!mem_add(used, more, &needed))
        return false;
    if (needed <= targets->id_capacity)
        return true;
    size_t capacity = targets->id_capacity == 0 ? FIRST_IDS : targets->id_capacity;
    while (capacity < needed)
        capacity = capacity > SIZE_MAX / 2 ? needed : capacity + capacity / 2;
    if (!mem_try_resize(&targets->ids, capacity, sizeof *targets->ids))
        return false;
    targets->id_capacity = capacity;
    return true;
}

static bool
add_ids(struct targets *targets, const uint32_t *ids, size_t count)
{
    size_t used = targets->starts[targets->rows];
    if (!grow_ids(targets, used, count))
        return false;
    if (count > 0)
        memcpy(targets->ids + used, ids, count * sizeof *ids);
    targets->starts[targets->rows + 1] = used + count;
    return true;
}

int
targets_add(struct targets *targets, const struct target *target, struct err *err)
{
    size_t more = targets->capacity == 0 ? FIRST_ROWS : targets->capacity * 2;
    if (targets->rows == targets->capacity && !resize_rows(targets, more))
        return say_full(targets->rows + 1, err);
    switch (targets->task) {
    case TASK_AUTO:
    case TASK_CLASSIFICATION:
        targets->classes[targets->rows] = target->label;
        break;
    case TASK_REGRESSION:
        memcpy(targets->values + targets->rows * targets->width, target->values,
               targets->width * sizeof *target->values);
        break;
    case TASK_MULTI_LABEL:
    case TASK_TOKEN_CLASSIFICATION:
        if (!add_ids(targets, target->ids, target->count))
            return say_full(targets->rows + 1, err);
        break;
    }
    targets->rows++;
    return 0;
}

void
targets_fini(struct targets *targets)
{
    free(targets->classes);
    free(targets->values);
    free(targets->starts);
    free(targets->ids);
    *targets = (struct targets){0};
}

struct target
targets_row(const struct targets *targets, size_t row)
{
    struct target target = {.label = LABEL_NONE};
    if (targets->classes != NULL)
        target.label = targets->classes[row];
    if (targets->values != NULL)
        target.values = targets->values + row * targets->width;
    if (targets->starts != NULL) {
        size_t start = targets->starts[row];
        target.count = targets->starts[row + 1] - start;
        target.ids = target.count > 0 ? targets->ids + start : NULL;
    }
    return target;
}

size_t
targets_bytes(const struct targets *targets)
{
    size_t rows = targets->rows;
    size_t bytes = 0;
    if (targets->classes != NULL)
        bytes += rows * sizeof *targets->classes;
    if (targets->values != NULL)
        bytes += rows * targets->width * sizeof *targets->values;
    if (targets->starts != NULL)
        bytes +=
            (rows + 1) * sizeof *targets->starts + targets->starts[rows] * sizeof *targets->ids;
    return bytes;
}
