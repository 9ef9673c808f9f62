/*
 * Where a run stands, in numbers, and those numbers as JSON: the part of a resume state that is not
 * an array. Reals are written so that they are read back to the bit.
 */
#ifndef CORE_TRAIN_RESUME_FACTS_H
#define CORE_TRAIN_RESUME_FACTS_H

#include "core/base/err.h"
#include "core/train/best.h"
#include "core/train/metrics.h"
#include "core/train/numerics.h"
#include "core/train/params.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a state belongs to, "" for what the job does not have. */
struct resume_owner {
    char numerics_key[NUMERICS_KEY_BYTES];
    char base_sha256[65];
    char training_sha256[65], validation_sha256[65], test_sha256[65];
};

struct resume_facts {
    size_t step, total_steps; /* completed, of all */
    /* The step is done but not what follows it: evaluation, metric point, checkpoint. */
    bool pending;
    bool halved; /* with half the learning rate, because the run diverged once */
    size_t optimizer_steps;
    double beta1_power, beta2_power;
    size_t rows_done;
    int64_t trained_tokens;
    double training_seconds, seconds_elapsed;
    double values[METRIC_COUNT]; /* of the step, when pending; NaN: none */
    double latest[METRIC_COUNT]; /* of each metric; NaN: none */
    struct best best;            /* models up to the step; when pending, without its own */
    int64_t seed;
    struct resume_owner owner;
};

/* A new object with all facts. */
json_t *resume_facts_object(const struct resume_facts *facts);

/* ERR_INVALID names the member that is absent, of another type or out of its range. */
int resume_facts_read(const json_t *object, struct resume_facts *out, struct err *err);

/* A new object with the parameters that a run must keep when it goes on. Those that change no bit
 * of the result (threads, save_steps) or that the numerics key holds (precision) are not in it, nor
 * what is younger than the format's first number and not in use. */
json_t *resume_parameters_object(const struct train_params *params);

#endif
