/*
 * The seam of models on their way in and out as a whole: import and archive. Included by service.h,
 * whose rules hold here too.
 */
#ifndef DAEMON_SERVICE_TRANSFER_H
#define DAEMON_SERVICE_TRANSFER_H

#include "daemon/service.h"

#include <stddef.h>
#include <stdint.h>

/*
 * SLOW. Copy a model's folder, or unpack an archive of one, into the data directory, where it is a
 * base model from now on; id NULL: the folder's name. All or nothing. INVALID_PARAMETER with param
 * "path" or "id", INVALID_MODEL, CONFLICT when the id is taken. The archive's bytes are those of an
 * upload, which is gone afterwards, also on failure.
 */
int service_model_import_folder(struct service *service, const char *path, const char *id,
                                struct arena *arena, struct model_info *out,
                                struct fault_list *faults);
int service_model_import_archive_take(struct service *service, struct upload *archive,
                                      const char *id, struct arena *arena, struct model_info *out,
                                      struct fault_list *faults);

/* A model's files as a tar archive, made while it is read. */
struct model_archive;

struct model_archive_info {
    const char *name; /* to save it as */
    int64_t bytes;
    const char *sha256; /* hex; equal for equal archives, though not that of their bytes */
};

/* SLOW (hashes are computed once and kept). */
int service_model_archive_open(struct service *service, const char *id, struct arena *arena,
                               struct model_archive_info *out, struct model_archive **archive,
                               struct fault_list *faults);

/* Up to length bytes from offset on, which lies inside; returns how many, or -1 when a file can no
 * longer be read (said in the log). One reader at a time. */
int64_t service_model_archive_read(struct model_archive *archive, int64_t offset, void *bytes,
                                   size_t length);

/* NULL is fine. */
void service_model_archive_close(struct model_archive *archive);

#endif
