/* The numerics key; see numerics.h. */
#include "core/train/numerics.h"

#include <stdio.h>

void
numerics_key(const struct gemm_engine *engine, char key[NUMERICS_KEY_BYTES])
{
    snprintf(key, NUMERICS_KEY_BYTES, "%s/fp32/%d", gemm_engine_name(engine), NUMERICS_VERSION);
}
