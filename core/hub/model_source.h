/*
 * A model folder being read: what stands behind each tensor of a layout. Private to core/hub.
 */
#ifndef CORE_HUB_MODEL_SOURCE_H
#define CORE_HUB_MODEL_SOURCE_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/hub/model_dir.h"
#include "core/hub/stored_tensor.h"
#include "core/hub/weight_set.h"
#include "core/model/config.h"
#include "core/model/tensors.h"

#include <stddef.h>
#include <stdint.h>

struct model_source {
    struct arena *arena;
    struct model_config config;
    struct weight_set *weights;           /* NULL: none */
    const struct stored_tensor **entries; /* (layout->count); NULL: starts afresh */
};

/* Open a folder and find every tensor; errors as model_dir_load. Close it also after a failure. */
int model_source_open(const char *folder, const struct tensor_layout *layout,
                      struct model_source *out, struct model_load_report *report, struct err *err);
void model_source_close(struct model_source *source);

/* Read the numbers that were found once, where their file has sums to compare them with. */
int model_source_verify(const struct model_source *source, const struct tensor_layout *layout,
                        struct err *err);

/* One tensor into its place in the parameter array: from the file, or as it starts. */
void model_source_read(const struct model_source *source, const struct tensor_layout *layout,
                       size_t index, uint64_t seed, float *parameters);

#endif
