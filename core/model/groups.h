/*
 * Groups: a batch that is larger than the workspace is trained on in parts, one behind the other.
 *
 * A group is some neighbouring chunks. Where a batch is cut depends on its chunks and the
 * workspace's limit alone, never on the number of threads. Private to core/model.
 */
#ifndef CORE_MODEL_GROUPS_H
#define CORE_MODEL_GROUPS_H

#include "core/model/encoder.h"

/* Most chunks of a group, by its tokens: chunks of a large batch have at least 116 on average. */
static inline size_t
groups_most_chunks(size_t tokens)
{
    return tokens / 96 + 4;
}

/*
 * Most tokens of a chunk: the one that got a row last had no more than the others had on average,
 * which is 207 at most (831 tokens in 4 chunks) or, where each row is a chunk, a row.
 */
static inline size_t
groups_most_chunk_tokens(size_t longest)
{
    return 208 + longest;
}

/*
 * The chunk behind the last one of the group that begins with chunk `first`: groups of about equal
 * numbers of chunks, a multiple of 4 where that fits.
 */
size_t groups_end(const struct batch *batch, size_t first, size_t most_tokens);

/*
 * Chunks first..last of pass->batch as a batch of their own in *batch, which borrows the original's
 * arrays and the workspace's, and the pass over it in *part.
 */
void groups_part(const struct pass *pass, size_t first, size_t last, struct batch *batch,
                 struct pass *part);

#endif
