/*
 * The head that a config.json describes: which task, which labels, and what model_dir_save left
 * under "finetuned"; see config.h.
 */
#include "core/model/config_parts.h"

#include <stdbool.h>
#include <string.h>

enum { DEFAULT_LABEL_COUNT = 2 /* transformers leaves id2label out for two nameless labels */ };

static const double most_temperature = 1000;

/* ---- the task -------------------------------------------------------------------------------- */

static bool
has_architecture(const json_t *root, const struct model_config *config, const char *ending)
{
    const char *family = model_family_class(config->family);
    size_t index = 0;
    json_t *value = NULL;
    json_array_foreach (json_object_get(root, "architectures"), index, value) {
        const char *name = json_string_value(value);
        if (name != NULL && strncmp(name, family, strlen(family)) == 0 &&
            strcmp(name + strlen(family), ending) == 0)
            return true;
    }
    return false;
}

static const struct {
    const char *name;
    enum task task;
} problems[] = {
    {"single_label_classification", TASK_CLASSIFICATION},
    {"multi_label_classification", TASK_MULTI_LABEL},
    {"regression", TASK_REGRESSION},
};

/* The task of a head of rows; without problem_type transformers goes by the number of labels. */
static int
read_problem(const json_t *root, json_int_t labels, struct arena *arena, enum task *out,
             struct err *err)
{
    const json_t *problem = json_object_get(root, "problem_type");
    *out = labels == 1 ? TASK_REGRESSION : TASK_CLASSIFICATION;
    if (problem == NULL || json_is_null(problem))
        return 0;
    for (size_t i = 0; i < sizeof problems / sizeof problems[0] && json_is_string(problem); i++) {
        *out = problems[i].task;
        if (strcmp(json_string_value(problem), problems[i].name) == 0)
            return 0;
    }
    return err_set(err, ERR_INVALID,
                   "config.json: problem_type is %s; possible are \"single_label_classification\", "
                   "\"multi_label_classification\", \"regression\" and null",
                   config_quoted(arena, problem));
}

const char *
model_config_problem(enum task task)
{
    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++)
        if (problems[i].task == task)
            return problems[i].name;
    return NULL;
}

/* ---- labels ---------------------------------------------------------------------------------- */

static int
count_labels(const json_t *root, struct arena *arena, json_int_t *out, struct err *err)
{
    const json_t *map = json_object_get(root, "id2label");
    const json_t *number = json_object_get(root, "num_labels");
    bool has_map = map != NULL && !json_is_null(map);
    if (has_map && !json_is_object(map))
        return err_set(err, ERR_INVALID,
                       "config.json: id2label is %s; an object from id to name "
                       "is possible",
                       config_quoted(arena, map));
    *out = has_map                   ? (json_int_t)json_object_size(map)
           : json_is_integer(number) ? json_integer_value(number)
                                     : DEFAULT_LABEL_COUNT;
    if (*out < 1 || *out > CONFIG_MAX_LABELS)
        return err_set(err, ERR_INVALID,
                       "config.json: the model has %lld labels; 1 to %d are "
                       "possible",
                       (long long)*out, CONFIG_MAX_LABELS);
    return 0;
}

/* Names from id2label or, where there is none, those that transformers gives. */
static int
name_labels(const json_t *root, struct arena *arena, struct model_config *out, struct err *err)
{
    const json_t *map = json_object_get(root, "id2label");
    out->labels = arena_array(arena, out->label_count, sizeof *out->labels);
    for (size_t i = 0; i < out->label_count; i++) {
        const json_t *name = json_object_get(map, arena_printf(arena, "%zu", i));
        if (!json_is_object(map))
            out->labels[i] = arena_printf(arena, "LABEL_%zu", i);
        else if (json_is_string(name))
            out->labels[i] = arena_copy_string(arena, json_string_value(name));
        else
            return err_set(err, ERR_INVALID,
                           "config.json: id2label[\"%zu\"] is %s; the keys must "
                           "be \"0\" to \"%zu\" and every value a label's name",
                           i, config_quoted(arena, name), out->label_count - 1);
    }
    return 0;
}

static int
read_labels(const json_t *root, struct arena *arena, struct model_config *out, struct err *err)
{
    bool tokens = has_architecture(root, out, "ForTokenClassification");
    bool rows = has_architecture(root, out, "ForSequenceClassification") ||
                (out->pooling == POOL_MEAN && !tokens);
    json_int_t count = 0;
    if (!rows && !tokens)
        return 0;
    if (count_labels(root, arena, &count, err) != 0)
        return err->code;
    enum task task = TASK_TOKEN_CLASSIFICATION;
    if (rows && read_problem(root, count, arena, &task, err) != 0)
        return err->code;
    if (count == 1 && task == TASK_CLASSIFICATION) /* nothing to choose from */
        return 0;
    out->task = task;
    out->label_count = (size_t)count;
    return name_labels(root, arena, out, err);
}

/* ---- "finetuned" ----------------------------------------------------------------------------- */

static int
read_length(const json_t *ours, struct arena *arena, struct model_config *out, struct err *err)
{
    const json_t *length = json_object_get(ours, "max_seq_length");
    json_int_t most = (json_int_t)out->max_positions;
    if (!json_is_integer(length) || json_integer_value(length) < CONFIG_MIN_SEQUENCE_TOKENS ||
        json_integer_value(length) > most)
        return err_set(err, ERR_INVALID,
                       "config.json: finetuned.max_seq_length is %s; a whole "
                       "number from %d to %lld is possible: the model has so many positions",
                       config_quoted(arena, length), CONFIG_MIN_SEQUENCE_TOKENS, (long long)most);
    out->max_seq_length = (size_t)json_integer_value(length);
    return 0;
}

static int
read_pooling(const json_t *ours, struct arena *arena, struct model_config *out, struct err *err)
{
    const json_t *pooling = json_object_get(ours, "pooling");
    const json_t *normalize = json_object_get(ours, "normalize");
    const char *name = json_is_string(pooling) ? json_string_value(pooling) : NULL;
    bool first =
        pooling == NULL || json_is_null(pooling) || (name != NULL && strcmp(name, "first") == 0);
    if (!first && (name == NULL || strcmp(name, "mean") != 0))
        return err_set(err, ERR_INVALID,
                       "config.json: finetuned.pooling is %s; possible are \"first\" and \"mean\"",
                       config_quoted(arena, pooling));
    if (normalize != NULL && !json_is_boolean(normalize))
        return err_set(err, ERR_INVALID,
                       "config.json: finetuned.normalize is %s; true and false are possible",
                       config_quoted(arena, normalize));
    out->pooling = first ? POOL_FIRST : POOL_MEAN;
    out->normalize = !first && json_is_true(normalize);
    return 0;
}

static int
read_thresholds(const json_t *ours, struct arena *arena, struct model_config *out, struct err *err)
{
    const json_t *list = json_object_get(ours, "thresholds");
    if (list == NULL || json_is_null(list) || out->task != TASK_MULTI_LABEL)
        return 0;
    if (!json_is_array(list) || json_array_size(list) != out->label_count)
        return err_set(err, ERR_INVALID,
                       "config.json: finetuned.thresholds is %s; a list of %zu numbers is "
                       "possible, one for each label",
                       config_quoted(arena, list), out->label_count);
    out->thresholds = arena_array(arena, out->label_count, sizeof *out->thresholds);
    for (size_t i = 0; i < out->label_count; i++) {
        const json_t *value = json_array_get(list, i);
        double number = json_number_value(value);
        if (!json_is_number(value) || !(number >= 0 && number <= 1))
            return err_set(err, ERR_INVALID,
                           "config.json: finetuned.thresholds[%zu] is %s; a number from 0 to 1 is "
                           "possible",
                           i, config_quoted(arena, value));
        out->thresholds[i] = (float)number;
    }
    return 0;
}

static int
read_temperature(const json_t *ours, struct arena *arena, struct model_config *out, struct err *err)
{
    const json_t *value = json_object_get(ours, "temperature");
    double number = json_number_value(value);
    if (value == NULL || json_is_null(value))
        return 0;
    if (!json_is_number(value) || !(number > 0 && number <= most_temperature))
        return err_set(err, ERR_INVALID,
                       "config.json: finetuned.temperature is %s; a number above 0 and up to %g is "
                       "possible",
                       config_quoted(arena, value), most_temperature);
    out->temperature = number;
    return 0;
}

static int
read_truncation(const json_t *ours, struct arena *arena, struct model_config *out, struct err *err)
{
    const json_t *value = json_object_get(ours, "truncation");
    if (value == NULL || json_is_null(value))
        return 0;
    if (!json_is_string(value) || !truncation_find(json_string_value(value), &out->truncation))
        return err_set(err, ERR_INVALID,
                       "config.json: finetuned.truncation is %s; possible are \"head\", \"tail\" "
                       "and \"head_tail\"",
                       config_quoted(arena, value));
    return 0;
}

/* Exactly how much fits beside special tokens is known to the tokenizer, which checks it again. */
static int
read_stride(const json_t *ours, struct arena *arena, struct model_config *out, struct err *err)
{
    const json_t *value = json_object_get(ours, "stride");
    if (value == NULL || json_is_null(value))
        return 0;
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) >= (json_int_t)out->max_seq_length)
        return err_set(err, ERR_INVALID,
                       "config.json: finetuned.stride is %s; a whole number from 0 to below "
                       "finetuned.max_seq_length is possible",
                       config_quoted(arena, value));
    if (out->task == TASK_TOKEN_CLASSIFICATION)
        return err_set(err, ERR_INVALID,
                       "config.json: finetuned.stride is for models that answer whole texts, not "
                       "their words");
    out->windows =
        (struct text_windows){.wanted = true, .stride = (size_t)json_integer_value(value)};
    return 0;
}

int
config_read_head(const json_t *root, struct arena *arena, struct model_config *out, struct err *err)
{
    const json_t *ours = json_object_get(root, "finetuned");
    if (ours != NULL &&
        (read_length(ours, arena, out, err) != 0 || read_truncation(ours, arena, out, err) != 0 ||
         read_pooling(ours, arena, out, err) != 0))
        return err->code;
    if (read_labels(root, arena, out, err) != 0)
        return err->code;
    if (ours != NULL &&
        (read_stride(ours, arena, out, err) != 0 || read_thresholds(ours, arena, out, err) != 0 ||
         read_temperature(ours, arena, out, err) != 0))
        return err->code;
    return 0;
}
