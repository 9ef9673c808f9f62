/* The parameter table without the words of training; see parameters.h. */
#include "daemon/parameters.h"

#include "daemon/job_params.h"

static enum parameter_kind
kind_of(enum param_type type)
{
    switch (type) {
    case PARAM_TEXT:
        return PARAMETER_TEXT;
    case PARAM_INTEGER:
        return PARAMETER_INTEGER;
    case PARAM_REAL:
        return PARAMETER_NUMBER;
    case PARAM_BOOLEAN:
        return PARAMETER_BOOLEAN;
    case PARAM_CHOICE:
        return PARAMETER_CHOICE;
    case PARAM_BETAS:
        return PARAMETER_TWO_NUMBERS;
    case PARAM_STOPPING:
        return PARAMETER_STOPPING;
    case PARAM_WEIGHTS:
        return PARAMETER_WEIGHTS;
    case PARAM_COLUMNS:
        return PARAMETER_COLUMNS;
    case PARAM_METADATA:
        return PARAMETER_METADATA;
    case PARAM_METHOD:
        return PARAMETER_METHOD;
    case PARAM_GROUP:
        return PARAMETER_HYPERPARAMETERS;
    case PARAM_NOT_BUILT:
        break;
    }
    return PARAMETER_NOT_BUILT;
}

static const char *const *
built_choices(const struct param_row *row, struct arena *arena)
{
    size_t count = 0;
    if (row->choices == NULL)
        return NULL;
    while (row->choices[count].name != NULL)
        count++;
    const char **names = arena_array(arena, count + 1, sizeof *names);
    size_t built = 0;
    for (size_t i = 0; i < count; i++) {
        if (row->choices[i].built)
            names[built++] = row->choices[i].name;
    }
    return names;
}

const struct parameter *
parameters_list(struct arena *arena, size_t *count)
{
    size_t row_count = 0;
    const struct param_row *rows = job_params_table(&row_count);
    struct parameter *list = arena_array(arena, row_count, sizeof *list);
    *count = 0;
    for (size_t i = 0; i < row_count; i++) {
        const struct param_row *row = &rows[i];
        if ((row->places & (PLACE_TOP | PLACE_HYPERPARAMETERS)) == 0)
            continue;
        list[(*count)++] = (struct parameter){
            .name = row->name,
            .kind = kind_of(row->type),
            .required = row->required,
            .is_hyperparameter = (row->places & PLACE_HYPERPARAMETERS) != 0,
            .word = row->word,
            .min = row->min,
            .max = row->max,
            .min_open = row->min_open,
            .max_open = row->max_open,
            .choices = built_choices(row, arena),
            .accepts = job_params_describe(row, arena),
            .default_text = row->default_text,
            .doc = row->doc,
        };
    }
    return list;
}
