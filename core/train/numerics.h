/*
 * The numerics key: two runs with equal keys, jobs, files and seeds give the same bytes.
 */
#ifndef CORE_TRAIN_NUMERICS_H
#define CORE_TRAIN_NUMERICS_H

#include "core/gemm/gemm.h"

/* Raised by any change to this source that changes a bit of a result. */
enum { NUMERICS_VERSION = 4 };

enum { NUMERICS_KEY_BYTES = 128 };

/* "openblas-0.3.21-SkylakeX/fp32/3"; precision is resolved. */
void numerics_key(const struct gemm_engine *engine, enum gemm_precision precision,
                  char key[NUMERICS_KEY_BYTES]);

#endif
