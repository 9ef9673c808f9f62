/* The numerics key; see numerics.h. */
#include "core/train/numerics.h"

#include "core/train/params.h"

#include <stdio.h>

void
numerics_key(const struct gemm_engine *engine, enum gemm_precision precision,
             char key[NUMERICS_KEY_BYTES])
{
    snprintf(key, NUMERICS_KEY_BYTES, "%s/%s/%d", gemm_engine_name(engine),
             precision_name(precision), NUMERICS_VERSION);
}
