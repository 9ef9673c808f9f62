/*
 * Where a model folder keeps its weights. Private to the model_dir files.
 */
#ifndef CORE_HUB_MODEL_WEIGHTS_H
#define CORE_HUB_MODEL_WEIGHTS_H

#include "core/base/err.h"
#include "core/base/mem.h"

/*
 * *path = the folder's model.safetensors, in arena; NULL when the folder has no weights at all.
 * ERR_UNSUPPORTED when it has them only in a form that is not read here; the message says what to
 * do.
 */
int model_weights_find(const char *folder, struct arena *arena, const char **path, struct err *err);

#endif
