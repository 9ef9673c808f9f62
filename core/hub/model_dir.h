/*
 * A model folder in the Hugging Face layout: config.json, weights, tokenizer files.
 */
#ifndef CORE_HUB_MODEL_DIR_H
#define CORE_HUB_MODEL_DIR_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/hub/safetensors.h"
#include "core/model/config.h"
#include "core/model/tensors.h"
#include "core/text/tokenizer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The file with the weights of a folder that we wrote; others: model_weights.h. */
#define MODEL_WEIGHTS_FILE "model.safetensors"

/* What is in a folder, without loading it: for lists and for checks before a job is accepted. */
struct model_summary {
    struct model_config config;
    bool has_weights; /* false: config and vocabulary only, "random" */
    char sha256[65];  /* of the weights (model_weights_hash); "" without or when not asked for */
    int64_t bytes;    /* of the weights files, without an index */
    size_t parameters;
};

/* Read config.json and stat the weights; with_hash also reads them. Strings in arena.
 */
int model_dir_summarize(const char *folder, bool with_hash, struct arena *arena,
                        struct model_summary *out, struct err *err);

/* Which tensors a load could not find and left to their initialisation. */
struct model_load_report {
    bool random_weights;     /* the folder has no weights */
    bool missing_pooler;     /* an MLM export: the pooler starts at random, worth a warning */
    bool missing_classifier; /* a base model, whose head (but BERT's pooler) starts: expected */
};

/*
 * Fill the parameter array (layout->total floats) from a folder's weights. Names are accepted with
 * and without the family's prefix ("bert."), LayerNorm as weight/bias or gamma/beta; other heads
 * (cls.*, lm_head.*, …) and position_ids are ignored. Tensors that the file does not bring start
 * from `seed` (tensors.h says how): allowed for the head, and for all when there are no weights. A
 * classifier of another shape counts as missing. Any other missing or misshapen tensor is
 * ERR_INVALID and names file, tensor, shape found and shape wanted, as is a check sum that does not
 * fit. Which files are read and which are ERR_UNSUPPORTED: model_weights.h, torch_zip.h. F16 and
 * BF16 are widened, F64 is rounded.
 *
 * A classifier of the right shape is taken even when its labels are others: the caller compares the
 * labels and starts it afresh (start.h) when they differ.
 */
int model_dir_load(const char *folder, const struct tensor_layout *layout, uint64_t seed,
                   float *parameters, struct model_load_report *report, struct err *err);

/*
 * Check what model_dir_load would check, without reading the weights: the same report or the same
 * error, in milliseconds. For a job before it is accepted.
 */
int model_dir_check(const char *folder, const struct tensor_layout *layout,
                    struct model_load_report *report, struct err *err);

/* The same, and compare the numbers with their sums where there are any: reads them all, once. */
int model_dir_verify(const char *folder, const struct tensor_layout *layout,
                     struct model_load_report *report, struct err *err);

/* What a fine-tuned folder's labels are of: config.json's finetuned.target, or NULL. In arena. */
const char *model_dir_target(const char *folder, struct arena *arena);

/* What is saved beside the weights. */
struct model_save {
    const struct model_config *config; /* labels and max_seq_length filled */
    const struct tensor_layout *layout;
    const float *parameters;
    const struct tokenizer *tokenizer;
    const char *task;         /* the name of config's ("classification") */
    const char *target;       /* what the labels are of ("intent"), NULL without a name */
    const char *numerics_key; /* see train/numerics.h */
    const char *data_sha256;  /* of the training file, NULL when unknown */
    const char *base_sha256;  /* of the base model's weights, NULL when there were none */
    /* NULL, or (K) each, of a regression that was trained in other units: what is saved answers
     * scale * output + shift */
    const float *output_scale, *output_shift;
    /* NULL, or where rows of the word embedding that no step changed can be read (model_map.h) */
    const struct safetensors_rest *words_at_rest;
};

/*
 * Write a folder that transformers' from_pretrained loads: config.json (id2label, label2id,
 * architectures (the family's class for the task), dtype float32, problem_type, and a "finetuned"
 * object), model.safetensors, tokenizer files. Written into folder + ".tmp" and renamed, so that
 * the folder is whole or absent. ERR_CONFLICT when it exists.
 */
int model_dir_save(const struct model_save *save, const char *folder, struct err *err);

#endif
