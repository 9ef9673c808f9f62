/*
 * Ids: a prefix that names the kind and 24 random base-62 characters (142 bits).
 *
 * They are safe as a file name and say nothing about order. The id of a fine-tuned model is built
 * from what people know: "ft:<root base model>:<organization>:<suffix>:<first 8 of the job id>".
 */
#ifndef DAEMON_STORE_IDS_H
#define DAEMON_STORE_IDS_H

#include "core/base/mem.h"

#include <stdbool.h>
#include <stdint.h>

enum id_kind {
    ID_JOB,
    ID_FILE,
    ID_EVENT,
    ID_CHECKPOINT,
    ID_UPLOAD,
    ID_PART,
    ID_EVALUATION,
    ID_KIND_COUNT
};

enum { IDS_RANDOM_LENGTH = 24, IDS_SIZE = 40 };

/* A new id, uniformly random: "ftjob-…", "file-…", "ftevent-…", "ftckpt_…", "upload_…",
 * "part_…", "eval-…". */
void ids_new(enum id_kind kind, char out[IDS_SIZE]);

/* Does the text have the exact form of an id of this kind? */
bool ids_is_valid(enum id_kind kind, const char *text);

/* "ft:<root>:local:<suffix or nothing>:<8>"; suffix may be NULL, job_id must be a valid one. */
const char *ids_model(struct arena *arena, const char *root, const char *suffix,
                      const char *job_id);

/* "<model>:ckpt-step-<step>" */
const char *ids_checkpoint_model(struct arena *arena, const char *model, int64_t step);

#endif
