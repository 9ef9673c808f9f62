/* The rounds of SHA-256 as x86 processors have them since 2016. Private to sha256.c. */
#ifndef CORE_BASE_SHA256_X86_H
#define CORE_BASE_SHA256_X86_H

#include "core/base/sha256.h"

/* NULL in a build for another processor. Runs only where cpu_features().sha is true. */
extern sha256_compress *const sha256_compress_x86;

#endif
