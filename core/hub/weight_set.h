/*
 * All tensors of a model folder, whichever files they stand in. Private to core/hub.
 */
#ifndef CORE_HUB_WEIGHT_SET_H
#define CORE_HUB_WEIGHT_SET_H

#include "core/base/err.h"
#include "core/hub/stored_tensor.h"

#include <stddef.h>

struct weight_set;

/*
 * Open the files that model_weights_find names, each once. Of an index and its files each must
 * have exactly the tensors that the other has, so that no tensor can be there twice; errors name
 * file, tensor and what to do. *out = NULL when the folder has no weights.
 */
int weight_set_open(const char *folder, struct weight_set **out, struct err *err);

/* NULL is fine. */
void weight_set_close(struct weight_set *set);

/* The name of the one file, or of the index: what messages about a missing tensor begin with. */
const char *weight_set_name(const struct weight_set *set);

/* NULL when there is none of that name. It lives as long as the set. */
const struct stored_tensor *weight_set_find(const struct weight_set *set, const char *name);

#endif
