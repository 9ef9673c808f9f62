/*
 * What the readers of config.json's parts share. Private to core/model's config files.
 */
#ifndef CORE_MODEL_CONFIG_PARTS_H
#define CORE_MODEL_CONFIG_PARTS_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/model/config.h"

#include <jansson.h>

enum { CONFIG_MIN_SEQUENCE_TOKENS = 3 /* [CLS], one token, [SEP] */ };

/* A value as it stands in config.json, cut to a length that fits a message; in arena. */
char *config_quoted(struct arena *arena, const json_t *value);

/* The head: task, labels and what stands under "finetuned"; the shape is filled. */
int config_read_head(const json_t *root, struct arena *arena, struct model_config *out,
                     struct err *err);

#endif
