/* Facts to JSON and back, by one table; see resume_facts.h. */
#include "core/train/resume_facts.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum fact_kind {
    FACT_SIZE,
    FACT_INTEGER,
    FACT_BOOLEAN,
    FACT_REAL, /* not below 0 */
    FACT_ANY,  /* a real of any sign; null: NaN */
    FACT_TEXT,
    FACT_VALUES
};

struct fact_row {
    const char *name;
    enum fact_kind kind;
    size_t offset; /* in struct resume_facts */
    size_t size;   /* of a text, its NUL counted */
    bool young;    /* states of format 1 lack it: nothing was judged then */
};

#define FACT(kind, field) #field, FACT_##kind, offsetof(struct resume_facts, field), 0, false
#define BEST(kind, name, field)                                                                    \
    name, FACT_##kind, offsetof(struct resume_facts, best.field), 0, true
#define OWNER(field)                                                                               \
#field, FACT_TEXT, offsetof(struct resume_facts, owner.field),                                 \
        sizeof(((struct resume_owner *)0)->field), false

static const struct fact_row rows[] = {
    {FACT(SIZE, step)},
    {FACT(SIZE, total_steps)},
    {FACT(BOOLEAN, pending)},
    {FACT(BOOLEAN, halved)},
    {FACT(SIZE, optimizer_steps)},
    {FACT(REAL, beta1_power)},
    {FACT(REAL, beta2_power)},
    {FACT(SIZE, rows_done)},
    {FACT(INTEGER, trained_tokens)},
    {FACT(REAL, training_seconds)},
    {FACT(REAL, seconds_elapsed)},
    {FACT(VALUES, values)},
    {FACT(VALUES, latest)},
    {BEST(SIZE, "best_step", step)},
    {BEST(ANY, "best_value", value)},
    {BEST(SIZE, "validations_without_progress", without)},
    {BEST(BOOLEAN, "ended_early", ended)},
    {FACT(INTEGER, seed)},
    {OWNER(numerics_key)},
    {OWNER(base_sha256)},
    {OWNER(training_sha256)},
    {OWNER(validation_sha256)},
    {OWNER(test_sha256)},
};

/* ---- to JSON --------------------------------------------------------------------------------- */

/* JSON has no other numbers. */
static json_t *
real_value(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *
values_object(const double values[METRIC_COUNT])
{
    json_t *object = json_object();
    for (size_t i = 0; i < METRIC_COUNT; i++)
        if (isfinite(values[i]))
            json_object_set_new(object, metric_name((enum metric)i), json_real(values[i]));
    return object;
}

static json_t *
fact_value(const struct fact_row *row, const struct resume_facts *facts)
{
    const void *field = (const char *)facts + row->offset;
    switch (row->kind) {
    case FACT_SIZE:
        return json_integer((json_int_t)(*(const size_t *)field));
    case FACT_INTEGER:
        return json_integer(*(const int64_t *)field);
    case FACT_BOOLEAN:
        return json_boolean(*(const bool *)field);
    case FACT_REAL:
    case FACT_ANY:
        return real_value(*(const double *)field);
    case FACT_TEXT:
        return json_string(field);
    case FACT_VALUES:
        break;
    }
    return values_object(field);
}

json_t *
resume_facts_object(const struct resume_facts *facts)
{
    json_t *object = json_object();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        json_object_set_new(object, rows[i].name, fact_value(&rows[i], facts));
    return object;
}

/* What decides which model is the final one, and where the run ends. */
static void
add_best(json_t *object, const struct train_params *p)
{
    const struct early_stopping *early = &p->early_stopping;
    if (p->load_best_model != 1 && early->patience <= 0)
        return;
    json_object_set_new(object, "metric_for_best_model",
                        json_string(metric_name(p->metric_for_best_model)));
    json_object_set_new(object, "load_best_model", json_boolean(p->load_best_model));
    json_object_set_new(object, "eval_steps", json_integer(p->eval_steps));
    json_object_set_new(object, "early_stopping.patience", json_integer(early->patience));
    json_object_set_new(object, "early_stopping.min_delta", real_value(early->min_delta));
}

/* What is learned, where it is not the plain loss of classes. */
static void
add_loss(json_t *object, const struct train_params *p)
{
    if (p->task != TASK_AUTO && p->task != TASK_CLASSIFICATION)
        json_object_set_new(object, "task", json_string(task_name(p->task)));
    if (p->truncation == TRUNCATION_TAIL || p->truncation == TRUNCATION_HEAD_TAIL)
        json_object_set_new(object, "truncation", json_string(truncation_name(p->truncation)));
    if (p->stride != PARAMS_AUTO)
        json_object_set_new(object, "stride", json_integer(p->stride));
    if (p->dedupe != DEDUPE_OFF)
        json_object_set_new(object, "dedupe", json_string(dedupe_name(p->dedupe)));
    if (p->label_smoothing > 0)
        json_object_set_new(object, "label_smoothing", real_value(p->label_smoothing));
    if (p->focal_gamma > 0)
        json_object_set_new(object, "focal_gamma", real_value(p->focal_gamma));
    if (p->oversample > 0)
        json_object_set_new(object, "oversample", real_value(p->oversample));
    if (p->class_weights_mark != 0)
        json_object_set_new(object, "class_weights", json_integer(p->class_weights_mark));
    if (p->init_head != INIT_HEAD_RANDOM)
        json_object_set_new(object, "init_head", json_string(init_head_name(p->init_head)));
}

json_t *
resume_parameters_object(const struct train_params *p)
{
    json_t *object = json_object();
    const struct {
        const char *name;
        json_t *value;
    } members[] = {
        {"seed", json_integer(p->seed)},
        {"max_steps", json_integer(p->max_steps)},
        {"n_epochs", json_integer(p->n_epochs)},
        {"batch_size", json_integer(p->batch_size)},
        {"batching", json_string(batching_name(p->batching))},
        {"max_seq_length", json_integer(p->max_seq_length)},
        {"optimizer", json_string(optimizer_name(p->optimizer))},
        {"learning_rate", real_value(p->learning_rate)},
        {"learning_rate_multiplier", real_value(p->learning_rate_multiplier)},
        {"lr_scheduler", json_string(lr_scheduler_name(p->lr_scheduler))},
        {"warmup_steps", json_integer(p->warmup_steps)},
        {"beta1", real_value(p->beta1)},
        {"beta2", real_value(p->beta2)},
        {"epsilon", real_value(p->epsilon)},
        {"weight_decay", real_value(p->weight_decay)},
        {"max_grad_norm", real_value(p->max_grad_norm)},
        {"hidden_dropout", real_value(p->hidden_dropout)},
        {"attention_dropout", real_value(p->attention_dropout)},
        {"classifier_dropout", real_value(p->classifier_dropout)},
        {"validation_split", real_value(p->validation_split)},
    };
    if (p->method != METHOD_SUPERVISED) /* which has no states, and other numbers */
        json_object_set_new(object, "method", json_string(train_method_name(p->method)));
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        json_object_set_new(object, members[i].name, members[i].value);
    add_best(object, p);
    add_loss(object, p);
    return object;
}

/* ---- from JSON ------------------------------------------------------------------------------- */

static bool
read_values(const json_t *object, double values[METRIC_COUNT])
{
    if (!json_is_object(object))
        return false;
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        const json_t *value = json_object_get(object, metric_name((enum metric)i));
        if (value != NULL && !json_is_real(value))
            return false;
        values[i] = value != NULL ? json_real_value(value) : NAN;
    }
    return true;
}

static bool
read_text(const json_t *value, char *out, size_t size)
{
    if (!json_is_string(value) || json_string_length(value) >= size)
        return false;
    snprintf(out, size, "%s", json_string_value(value));
    return strlen(out) == json_string_length(value);
}

static bool
read_fact(const json_t *value, const struct fact_row *row, struct resume_facts *out)
{
    void *field = (char *)out + row->offset;
    switch (row->kind) {
    case FACT_SIZE:
        *(size_t *)field = (size_t)json_integer_value(value);
        return json_is_integer(value) && json_integer_value(value) >= 0;
    case FACT_INTEGER:
        *(int64_t *)field = json_integer_value(value);
        return json_is_integer(value) && json_integer_value(value) >= 0;
    case FACT_BOOLEAN:
        *(bool *)field = json_is_true(value);
        return json_is_boolean(value);
    case FACT_REAL:
        *(double *)field = json_real_value(value);
        return json_is_real(value) && json_real_value(value) >= 0;
    case FACT_ANY:
        *(double *)field = json_is_real(value) ? json_real_value(value) : NAN;
        return json_is_real(value) || json_is_null(value);
    case FACT_TEXT:
        return read_text(value, field, row->size);
    case FACT_VALUES:
        break;
    }
    return read_values(value, field);
}

int
resume_facts_read(const json_t *object, struct resume_facts *out, struct err *err)
{
    *out = (struct resume_facts){.best = best_none()};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const json_t *value = json_object_get(object, rows[i].name);
        if (value == NULL && rows[i].young)
            continue;
        if (!read_fact(value, &rows[i], out))
            return err_set(err, ERR_INVALID, "'%s' is absent or not what it can be", rows[i].name);
    }
    if (out->best.step > out->step || (out->best.step > 0) != !isnan(out->best.value))
        return err_set(err, ERR_INVALID, "'best_step' is none that was judged");
    if (out->step == 0 || out->step > out->total_steps)
        return err_set(err, ERR_INVALID, "'step' is not one of the %zu steps", out->total_steps);
    if (out->optimizer_steps != out->step)
        return err_set(err, ERR_INVALID, "'optimizer_steps' is not 'step'");
    if (!(out->training_seconds > 0))
        return err_set(err, ERR_INVALID, "'training_seconds' is not above 0");
    if (out->beta1_power > 1.0 || out->beta2_power > 1.0)
        return err_set(err, ERR_INVALID, "'beta1_power' or 'beta2_power' is above 1");
    return 0;
}
