/*
 * The forms of POST /v1/files and POST /v1/uploads/{id}/parts, read while they arrive: the file's
 * bytes go straight to the service.
 *
 * Parts come in any order, so nothing is judged by what came before it: the fields are looked at
 * when the form is whole. Exactly one file, or one part of one, is taken.
 */
#ifndef API_UPLOAD_FORM_H
#define API_UPLOAD_FORM_H

#include "daemon/service.h"

#include <stdint.h>

enum { UPLOAD_MAX_FIELD_BYTES = 4096, UPLOAD_MAX_FILENAME_BYTES = 255 };

enum upload_form_kind {
    UPLOAD_FORM_FILE, /* "file", "purpose", "expires_after[anchor]", "expires_after[seconds]" */
    UPLOAD_FORM_PART  /* "data" */
};

struct upload_form;

struct upload_form *upload_form_new(struct service *service, enum upload_form_kind kind,
                                    const char *boundary, int64_t max_file_bytes);

/* Drops an unfinished upload; NULL is fine. */
void upload_form_free(struct upload_form *form);

/* Take the next bytes of the body; after a fault the form takes no more. */
int upload_form_write(struct upload_form *form, const char *bytes, size_t length,
                      struct fault_list *faults);

/* SLOW. The body is whole: judge the form and store the file. */
int upload_form_store(struct upload_form *form, struct arena *arena, struct file_info *out,
                      struct fault_list *faults);

/* SLOW. The same for a part of the upload of that id. */
int upload_form_store_part(struct upload_form *form, const char *upload_id, struct arena *arena,
                           struct upload_part_info *out, struct fault_list *faults);

#endif
