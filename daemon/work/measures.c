/*
 * Metric values in the forms that rows and events want them.
 */
#include "daemon/work/measures.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "core/base/buf.h"
#include "core/base/json.h"

/* How people read a metric (NULL: not in sentences), and what OpenAI calls it. */
static const struct {
    const char *words;
    const char *aliases[3];
} meanings[] = {
    [METRIC_TRAIN_LOSS] = {"train loss", {NULL}},
    [METRIC_TRAIN_ACCURACY] = {"train accuracy", {"train_mean_token_accuracy", NULL}},
    [METRIC_LEARNING_RATE] = {NULL, {NULL}},
    [METRIC_GRAD_NORM] = {NULL, {NULL}},
    [METRIC_ROWS_PER_SECOND] = {NULL, {NULL}},
    [METRIC_TOKENS_PER_SECOND] = {NULL, {NULL}},
    [METRIC_VALID_LOSS] = {"validation loss", {"full_valid_loss", NULL}},
    [METRIC_VALID_ACCURACY] = {"validation accuracy",
                               {"valid_mean_token_accuracy", "full_valid_mean_token_accuracy",
                                NULL}},
    [METRIC_TEST_LOSS] = {"test loss", {NULL}},
    [METRIC_TEST_ACCURACY] = {"test accuracy", {NULL}},
    [METRIC_VALID_MACRO_F1] = {NULL, {NULL}},
    [METRIC_VALID_MICRO_F1] = {"validation micro F1", {NULL}},
    [METRIC_VALID_WEIGHTED_F1] = {NULL, {NULL}},
    [METRIC_VALID_MCC] = {NULL, {NULL}},
    [METRIC_VALID_ENTITY_F1] = {"validation entity F1", {NULL}},
    [METRIC_VALID_MSE] = {NULL, {NULL}},
    [METRIC_VALID_MAE] = {"validation mean absolute error", {NULL}},
    [METRIC_VALID_R2] = {NULL, {NULL}},
    [METRIC_VALID_PEARSON] = {"validation Pearson", {NULL}},
    [METRIC_VALID_SPEARMAN] = {NULL, {NULL}},
    [METRIC_TEST_MACRO_F1] = {NULL, {NULL}},
    [METRIC_TEST_MICRO_F1] = {"test micro F1", {NULL}},
    [METRIC_TEST_WEIGHTED_F1] = {NULL, {NULL}},
    [METRIC_TEST_MCC] = {NULL, {NULL}},
    [METRIC_TEST_ENTITY_F1] = {"test entity F1", {NULL}},
    [METRIC_TEST_MSE] = {NULL, {NULL}},
    [METRIC_TEST_MAE] = {"test mean absolute error", {NULL}},
    [METRIC_TEST_R2] = {NULL, {NULL}},
    [METRIC_TEST_PEARSON] = {"test Pearson", {NULL}},
    [METRIC_TEST_SPEARMAN] = {NULL, {NULL}},
};

_Static_assert(sizeof meanings / sizeof meanings[0] == METRIC_COUNT, "every metric has a meaning");

const struct measure *
measures_from_values(const double *values, struct arena *arena, size_t *count)
{
    struct measure *measures = arena_array(arena, METRIC_COUNT, sizeof *measures);
    *count = 0;
    for (size_t m = 0; m < METRIC_COUNT; m++)
        if (isfinite(values[m]))
            measures[(*count)++] = (struct measure){metric_name((enum metric)m), values[m]};
    return measures;
}

const char *
measures_sentence(const double *values, struct arena *arena)
{
    struct buf text = {0};
    for (size_t m = 0; m < METRIC_COUNT; m++)
        if (isfinite(values[m]) && meanings[m].words != NULL)
            buf_printf(&text, "%s%s %.4f", text.length > 0 ? ", " : "", meanings[m].words,
                       values[m]);
    const char *sentence = arena_copy_string(arena, buf_string(&text));
    buf_fini(&text);
    return sentence;
}

const char *
measures_event_data(size_t step, size_t total_steps, const double *values, struct arena *arena)
{
    json_t *object = json_object();
    json_object_set_new(object, "step", json_integer((json_int_t)step));
    json_object_set_new(object, "total_steps", json_integer((json_int_t)total_steps));
    for (size_t m = 0; m < METRIC_COUNT; m++) {
        if (!isfinite(values[m]))
            continue;
        json_object_set_new(object, metric_name((enum metric)m), json_real(values[m]));
        for (size_t i = 0; meanings[m].aliases[i] != NULL; i++)
            json_object_set_new(object, meanings[m].aliases[i], json_real(values[m]));
    }
    char *text = json_text(object);
    const char *copy = arena_copy_string(arena, text);
    free(text);
    json_decref(object);
    return copy;
}
