/* The near duplicates of dedupe.h. Private to core/data. */
#ifndef CORE_DATA_DEDUPE_NEAR_H
#define CORE_DATA_DEDUPE_NEAR_H

#include "core/base/err.h"
#include "core/data/dataset.h"

#include <stdbool.h>
#include <stddef.h>

/* Mark further rows in leaves, and in conflicts those that are kept beside a near one with another
 * label; both (rows). *count = rows marked in leaves. ERR_MEMORY. */
int dedupe_near(const struct dataset *dataset, bool *leaves, bool *conflicts, size_t *count,
                struct err *err);

#endif
