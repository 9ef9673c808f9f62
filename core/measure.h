/*
 * A saved model measured on a labelled file: what POST /v1/evaluations does.
 *
 * The pass is the one that measures a job's test file (core/train/evaluate.h), so the same model
 * and rows give the same document to the bit.
 */
#ifndef CORE_MEASURE_H
#define CORE_MEASURE_H

#include "core/base/err.h"
#include "core/base/pool.h"
#include "core/data/dataset.h"
#include "core/eval/evaluation.h"
#include "core/gemm/gemm.h"

#include <jansson.h>
#include <stdbool.h>

struct measure_call {
    const struct dataset *dataset; /* that measure_read has read */
    const char *name;              /* of the file, for messages */
    const struct gemm_engine *engine;
    struct pool *pool;
    bool (*should_stop)(void *context); /* NULL, or asked often, from any thread */
    void *context;
};

/*
 * Read a file for evaluations, with the usual names of columns. ERR_INVALID for one with faults
 * ("rows.csv line 7: ...") or without labels; else as dataset_read_source.
 */
int measure_read(const struct data_source *source, struct dataset **out, struct err *err);

/*
 * Measure the model of a folder on the rows. *outputs is for evaluation_compare, to be released by
 * the caller in any case; *document a new reference. ERR_INVALID when the rows do not fit the model
 * (a label that it does not know: named with its line); ERR_UNSUPPORTED for a model without labels
 * or of a task that is not measured yet; ERR_STOPPED, ERR_MEMORY, or why the folder does not load.
 */
int measure_model(const struct measure_call *call, const char *folder,
                  struct evaluation_outputs *outputs, json_t **document, struct err *err);

#endif
