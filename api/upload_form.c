/* The form of POST /v1/files; see upload_form.h. */
#include "api/upload_form.h"

#include "api/multipart.h"
#include "core/base/buf.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum field { FIELD_FILE, FIELD_PURPOSE };

struct upload_form {
    struct service *service;
    struct multipart *parser;
    int64_t max_file_bytes;
    enum field field; /* of the part that is arriving */
    struct upload *upload;
    bool has_file;
    int64_t file_bytes;
    struct buf filename;
    bool has_purpose;
    struct buf purpose;
};

/* What a client sends bytes without a name as, in the official SDKs too. */
static const char default_filename[] = "upload";

static const char *const purposes[] = {"fine-tune", "evals", "user_data"};

static int
begin_file(struct upload_form *form, const struct multipart_part *part, struct fault_list *faults)
{
    const char *name = part->filename;
    if (form->has_file)
        return fault_add(faults, FAULT_INVALID_PARAMETER, "file",
                         "The form holds two files; upload them one by one.");
    if (name == NULL || *name == '\0')
        name = default_filename;
    if (strlen(name) > UPLOAD_MAX_FILENAME_BYTES)
        return fault_add(faults, FAULT_INVALID_PARAMETER, "file",
                         "The file's name is longer than %d bytes.", UPLOAD_MAX_FILENAME_BYTES);
    form->field = FIELD_FILE;
    form->has_file = true;
    buf_append_string(&form->filename, name);
    return service_upload_begin(form->service, &form->upload, faults);
}

static int
begin_part(void *context, const struct multipart_part *part, struct fault_list *faults)
{
    struct upload_form *form = context;
    if (strcmp(part->name, "file") == 0)
        return begin_file(form, part, faults);
    if (strncmp(part->name, "expires_after", strlen("expires_after")) == 0)
        return fault_add(faults, FAULT_NOT_SUPPORTED_YET, "expires_after",
                         "'expires_after' is not supported yet: files stay until they are "
                         "deleted. Leave it out.");
    if (strcmp(part->name, "purpose") != 0)
        return fault_add(faults, FAULT_UNKNOWN_PARAMETER, part->name,
                         "The form has a field '%s'; the fields known are 'file' and 'purpose'.",
                         part->name);
    if (form->has_purpose)
        return fault_add(faults, FAULT_INVALID_PARAMETER, "purpose", "'purpose' was sent twice.");
    form->field = FIELD_PURPOSE;
    form->has_purpose = true;
    return 0;
}

static int
take_file_bytes(struct upload_form *form, const char *bytes, size_t length,
                struct fault_list *faults)
{
    form->file_bytes += (int64_t)length;
    if (form->file_bytes > form->max_file_bytes)
        return fault_add(faults, FAULT_BODY_TOO_LARGE, "file",
                         "The file is larger than %" PRId64 " bytes, the limit of this daemon.",
                         form->max_file_bytes);
    return service_upload_write(form->upload, bytes, length, faults);
}

static int
take_data(void *context, const char *bytes, size_t length, struct fault_list *faults)
{
    struct upload_form *form = context;
    if (form->field == FIELD_FILE)
        return take_file_bytes(form, bytes, length, faults);
    if (form->purpose.length + length > UPLOAD_MAX_FIELD_BYTES)
        return fault_add(faults, FAULT_INVALID_PARAMETER, "purpose",
                         "'purpose' is longer than %d bytes.", UPLOAD_MAX_FIELD_BYTES);
    buf_append(&form->purpose, bytes, length);
    return 0;
}

static int
end_part(void *context, struct fault_list *faults)
{
    (void)context;
    (void)faults;
    return 0;
}

struct upload_form *
upload_form_new(struct service *service, const char *boundary, int64_t max_file_bytes)
{
    struct upload_form *form = mem_small(sizeof *form);
    *form = (struct upload_form){.service = service, .max_file_bytes = max_file_bytes};
    struct multipart_sink sink = {
        .context = form, .begin = begin_part, .data = take_data, .end = end_part};
    form->parser = multipart_new(boundary, &sink);
    return form;
}

void
upload_form_free(struct upload_form *form)
{
    if (form == NULL)
        return;
    service_upload_abort(form->upload);
    multipart_free(form->parser);
    buf_fini(&form->filename);
    buf_fini(&form->purpose);
    free(form);
}

int
upload_form_write(struct upload_form *form, const char *bytes, size_t length,
                  struct fault_list *faults)
{
    if (multipart_feed(form->parser, bytes, length, faults) == 0)
        return 0;
    service_upload_abort(form->upload);
    form->upload = NULL;
    return -1;
}

static int
check_purpose(const struct upload_form *form, struct fault_list *faults)
{
    if (!form->has_purpose)
        return fault_add(faults, FAULT_MISSING_PARAMETER, "purpose",
                         "The form has no field 'purpose'; add purpose=fine-tune.");
    for (size_t i = 0; i < sizeof purposes / sizeof purposes[0]; i++) {
        if (form->purpose.length == strlen(purposes[i]) &&
            memcmp(buf_string(&form->purpose), purposes[i], form->purpose.length) == 0)
            return 0;
    }
    return fault_add(faults, FAULT_INVALID_PARAMETER, "purpose",
                     "'purpose' must be 'fine-tune' (or 'evals' or 'user_data').");
}

int
upload_form_store(struct upload_form *form, struct arena *arena, struct file_info *out,
                  struct fault_list *faults)
{
    if (multipart_finish(form->parser, faults) != 0)
        return -1;
    int bad_purpose = check_purpose(form, faults);
    if (!form->has_file)
        return fault_add(faults, FAULT_MISSING_PARAMETER, "file",
                         "The form has no field 'file'; send the file as a part of that name.");
    if (bad_purpose != 0)
        return -1;
    struct upload *upload = form->upload;
    form->upload = NULL;
    return service_upload_finish_take(upload, buf_string(&form->filename),
                                      buf_string(&form->purpose), arena, out, faults);
}
