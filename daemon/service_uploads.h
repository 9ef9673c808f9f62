/*
 * The seam of uploads in parts: a file too large for one request.
 *
 * An upload is begun with the size and the name that the file will have, gets its parts within an
 * hour, and is completed with the list of parts that make up the file, in order. Only then is there
 * a file. Included by service.h, whose rules hold here too.
 */
#ifndef DAEMON_SERVICE_UPLOADS_H
#define DAEMON_SERVICE_UPLOADS_H

#include "daemon/service.h"

enum upload_status { UPLOAD_PENDING, UPLOAD_COMPLETED, UPLOAD_CANCELLED, UPLOAD_EXPIRED };

struct upload_new {
    const char *filename;
    const char *purpose;
    const char *mime_type; /* or NULL; of no consequence */
    int64_t bytes;         /* that the parts will add up to */
    int64_t expires_after; /* of the file, seconds; 0: never */
};

struct upload_info {
    const char *id;
    enum upload_status status;
    int64_t bytes;
    int64_t created_at, expires_at;
    const char *filename;
    const char *purpose;
    bool has_file; /* when completed, unless it was deleted since */
    struct file_info file;
};

struct upload_part_info {
    const char *id;
    const char *upload_id;
    int64_t created_at;
};

/* BODY_TOO_LARGE with param "bytes" beyond the limit of a file. */
int service_uploads_create(struct service *service, const struct upload_new *upload,
                           struct arena *arena, struct upload_info *out, struct fault_list *faults);

/* SLOW. UPLOAD_NOT_FOUND, CONFLICT when it has ended. Make the bytes of a body a part; the body is
 * gone afterwards, also on failure. */
int service_uploads_add_part_take(struct service *service, const char *id, struct upload *body,
                                  struct arena *arena, struct upload_part_info *out,
                                  struct fault_list *faults);

/* What the file shall be made of. */
struct upload_completion {
    const char *const *part_ids; /* in order */
    size_t part_count;
    const char *md5; /* hex, of the whole file; NULL: not checked */
};

/* SLOW. The parts become a file. After a refusal the upload is pending still. */
int service_uploads_complete(struct service *service, const char *id,
                             const struct upload_completion *completion, struct arena *arena,
                             struct upload_info *out, struct fault_list *faults);

int service_uploads_cancel(struct service *service, const char *id, struct arena *arena,
                           struct upload_info *out, struct fault_list *faults);

#endif
