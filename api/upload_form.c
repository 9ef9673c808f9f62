/* Forms that bring the bytes of a file; see upload_form.h. */
#include "api/upload_form.h"

#include "api/multipart.h"
#include "api/operation.h"
#include "core/base/buf.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Small fields of the form of a file. */
enum field { FIELD_PURPOSE, FIELD_ANCHOR, FIELD_SECONDS, FIELD_COUNT };

static const char *const field_names[] = {
    [FIELD_PURPOSE] = "purpose",
    [FIELD_ANCHOR] = "expires_after[anchor]",
    [FIELD_SECONDS] = "expires_after[seconds]",
};

_Static_assert(sizeof field_names / sizeof field_names[0] == FIELD_COUNT, "every field has a name");

/* The name of the part that holds the bytes. */
static const char *const bytes_names[] = {[UPLOAD_FORM_FILE] = "file", [UPLOAD_FORM_PART] = "data"};

struct upload_form {
    struct service *service;
    enum upload_form_kind kind;
    struct multipart *parser;
    int64_t max_file_bytes;
    bool at_bytes;    /* they are arriving, else: */
    enum field field; /* which is arriving */
    struct upload *upload;
    bool has_bytes;
    int64_t file_bytes;
    struct buf filename;
    bool has[FIELD_COUNT];
    struct buf values[FIELD_COUNT];
};

/* What a client sends bytes without a name as, in the official SDKs too. */
static const char default_filename[] = "upload";

static int
begin_bytes(struct upload_form *form, const struct multipart_part *part, struct fault_list *faults)
{
    const char *name = part->filename;
    if (form->has_bytes)
        return fault_add(faults, FAULT_INVALID_PARAMETER, bytes_names[form->kind],
                         "The form holds two files; upload them one by one.");
    if (name == NULL || *name == '\0')
        name = default_filename;
    if (strlen(name) > UPLOAD_MAX_FILENAME_BYTES)
        return fault_add(faults, FAULT_INVALID_PARAMETER, bytes_names[form->kind],
                         "The file's name is longer than %d bytes.", UPLOAD_MAX_FILENAME_BYTES);
    form->at_bytes = true;
    form->has_bytes = true;
    buf_append_string(&form->filename, name);
    return service_upload_begin(form->service, &form->upload, faults);
}

static int
unknown_field(const struct upload_form *form, const char *name, struct fault_list *faults)
{
    if (form->kind == UPLOAD_FORM_PART)
        return fault_add(faults, FAULT_UNKNOWN_PARAMETER, name,
                         "The form has a field '%s'; the only one known is 'data'.", name);
    return fault_add(faults, FAULT_UNKNOWN_PARAMETER, name,
                     "The form has a field '%s'; the fields known are 'file', 'purpose', "
                     "'expires_after[anchor]' and 'expires_after[seconds]'.",
                     name);
}

static int
begin_part(void *context, const struct multipart_part *part, struct fault_list *faults)
{
    struct upload_form *form = context;
    int field = 0;
    if (strcmp(part->name, bytes_names[form->kind]) == 0)
        return begin_bytes(form, part, faults);
    while (field < FIELD_COUNT && strcmp(part->name, field_names[field]) != 0)
        field++;
    if (field == FIELD_COUNT || form->kind != UPLOAD_FORM_FILE)
        return unknown_field(form, part->name, faults);
    if (form->has[field])
        return fault_add(faults, FAULT_INVALID_PARAMETER, field_names[field],
                         "'%s' was sent twice.", field_names[field]);
    form->at_bytes = false;
    form->field = (enum field)field;
    form->has[field] = true;
    return 0;
}

static int
take_bytes(struct upload_form *form, const char *bytes, size_t length, struct fault_list *faults)
{
    form->file_bytes += (int64_t)length;
    if (form->file_bytes > form->max_file_bytes)
        return fault_add(faults, FAULT_BODY_TOO_LARGE, bytes_names[form->kind],
                         "The file is larger than %" PRId64 " bytes, the limit of this daemon.",
                         form->max_file_bytes);
    return service_upload_write(form->upload, bytes, length, faults);
}

static int
take_data(void *context, const char *bytes, size_t length, struct fault_list *faults)
{
    struct upload_form *form = context;
    if (form->at_bytes)
        return take_bytes(form, bytes, length, faults);
    struct buf *value = &form->values[form->field];
    if (value->length + length > UPLOAD_MAX_FIELD_BYTES)
        return fault_add(faults, FAULT_INVALID_PARAMETER, field_names[form->field],
                         "'%s' is longer than %d bytes.", field_names[form->field],
                         UPLOAD_MAX_FIELD_BYTES);
    buf_append(value, bytes, length);
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
upload_form_new(struct service *service, enum upload_form_kind kind, const char *boundary,
                int64_t max_file_bytes)
{
    struct upload_form *form = mem_small(sizeof *form);
    *form =
        (struct upload_form){.service = service, .kind = kind, .max_file_bytes = max_file_bytes};
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
    for (int i = 0; i < FIELD_COUNT; i++)
        buf_fini(&form->values[i]);
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

/* Is the field's value exactly this? */
static bool
says(const struct upload_form *form, enum field field, const char *text)
{
    const struct buf *value = &form->values[field];
    return value->length == strlen(text) && memcmp(buf_string(value), text, value->length) == 0;
}

static int
check_purpose(const struct upload_form *form, struct fault_list *faults)
{
    if (!form->has[FIELD_PURPOSE])
        return fault_add(faults, FAULT_MISSING_PARAMETER, "purpose",
                         "The form has no field 'purpose'; add purpose=fine-tune.");
    for (const char *const *purpose = file_purposes; *purpose != NULL; purpose++) {
        if (says(form, FIELD_PURPOSE, *purpose))
            return 0;
    }
    return fault_add(faults, FAULT_INVALID_PARAMETER, "purpose",
                     "'purpose' must be 'fine-tune' (or 'evals' or 'user_data').");
}

/* Both fields or none; *seconds is 0 then. Whether they are in range is the service's to say. */
static int
read_expiry(const struct upload_form *form, int64_t *seconds, struct fault_list *faults)
{
    const struct buf *value = &form->values[FIELD_SECONDS];
    *seconds = 0;
    if (!form->has[FIELD_ANCHOR] && !form->has[FIELD_SECONDS])
        return 0;
    for (enum field field = FIELD_ANCHOR; field <= FIELD_SECONDS; field++)
        if (!form->has[field])
            return fault_add(faults, FAULT_MISSING_PARAMETER, field_names[field],
                             "'%s' is missing: 'expires_after' needs an anchor, 'created_at', and "
                             "the seconds after it.",
                             field_names[field]);
    if (!says(form, FIELD_ANCHOR, "created_at"))
        return fault_add(faults, FAULT_INVALID_PARAMETER, field_names[FIELD_ANCHOR],
                         "'expires_after[anchor]' must be 'created_at'.");
    size_t digits = strspn(buf_string(value), "0123456789");
    if (digits == 0 || digits > 12 || digits != value->length ||
        strtoll(buf_string(value), NULL, 10) == 0)
        return fault_add(faults, FAULT_INVALID_PARAMETER, field_names[FIELD_SECONDS],
                         "'expires_after[seconds]' must be a whole number from %d to %d.",
                         FILE_EXPIRES_MIN_SECONDS, FILE_EXPIRES_MAX_SECONDS);
    *seconds = strtoll(buf_string(value), NULL, 10);
    return 0;
}

/* The bytes, when the form has ended and has some; the caller's from now on. */
static struct upload *
take_upload(struct upload_form *form, struct fault_list *faults)
{
    struct upload *upload = form->upload;
    const char *name = bytes_names[form->kind];
    if (multipart_finish(form->parser, faults) != 0)
        return NULL;
    if (!form->has_bytes)
        fault_add(faults, FAULT_MISSING_PARAMETER, name,
                  "The form has no field '%s'; send the file as a part of that name.", name);
    form->upload = NULL;
    return upload;
}

int
upload_form_store(struct upload_form *form, struct arena *arena, struct file_info *out,
                  struct fault_list *faults)
{
    int64_t expires_after = 0;
    struct upload *upload = take_upload(form, faults);
    if (upload == NULL && form->has_bytes)
        return -1;
    int bad_purpose = check_purpose(form, faults);
    int bad_expiry = read_expiry(form, &expires_after, faults);
    if (upload == NULL || bad_purpose != 0 || bad_expiry != 0) {
        service_upload_abort(upload);
        return -1;
    }
    service_upload_set_expiry(upload, expires_after);
    return service_upload_finish_take(upload, buf_string(&form->filename),
                                      buf_string(&form->values[FIELD_PURPOSE]), arena, out, faults);
}

int
upload_form_store_part(struct upload_form *form, const char *upload_id, struct arena *arena,
                       struct upload_part_info *out, struct fault_list *faults)
{
    struct upload *upload = take_upload(form, faults);
    if (upload == NULL)
        return -1;
    return service_uploads_add_part_take(form->service, upload_id, upload, arena, out, faults);
}
