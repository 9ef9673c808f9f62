/*
 * The form of POST /v1/files, read while it arrives: the file's bytes go straight to the service.
 *
 * Parts come in any order, so nothing is judged by what came before it: `purpose` is looked at
 * when the form is whole. Exactly one file is taken.
 */
#ifndef API_UPLOAD_FORM_H
#define API_UPLOAD_FORM_H

#include "daemon/service.h"

#include <stdint.h>

enum { UPLOAD_MAX_FIELD_BYTES = 4096, UPLOAD_MAX_FILENAME_BYTES = 255 };

struct upload_form;

struct upload_form *upload_form_new(struct service *service, const char *boundary,
                                    int64_t max_file_bytes);

/* Drops an unfinished upload; NULL is fine. */
void upload_form_free(struct upload_form *form);

/* Take the next bytes of the body; after a fault the form takes no more. */
int upload_form_write(struct upload_form *form, const char *bytes, size_t length,
                      struct fault_list *faults);

/* SLOW. The body is whole: judge the form and store the file. */
int upload_form_store(struct upload_form *form, struct arena *arena, struct file_info *out,
                      struct fault_list *faults);

#endif
