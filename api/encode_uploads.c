/* Uploads in parts; see encode_uploads.h. */
#include "api/encode_uploads.h"

#include "api/encode.h"

static const char *const statuses[] = {[UPLOAD_PENDING] = "pending",
                                       [UPLOAD_COMPLETED] = "completed",
                                       [UPLOAD_CANCELLED] = "cancelled",
                                       [UPLOAD_EXPIRED] = "expired",
                                       NULL};

static void
write_file(struct json_out *out, const char *key, const void *item)
{
    const struct upload_info *upload = item;
    if (upload->has_file)
        encode_file(out, key, &upload->file);
    else
        json_out_null(out, key);
}

static const struct field_row upload_rows[] = {
    {"id", FIELD_STRING(struct upload_info, id), .doc = "Names the upload."},
    {"object", FIELD_WORD("upload"), .doc = "Always \"upload\"."},
    {"bytes", FIELD_INTEGER(struct upload_info, bytes), .doc = "Size of the whole file."},
    {"created_at", FIELD_TIME(struct upload_info, created_at), .doc = "When it was begun."},
    {"expires_at", FIELD_TIME(struct upload_info, expires_at),
     .doc = "When it ends by itself, unless it is completed before: after an hour."},
    {"filename", FIELD_STRING(struct upload_info, filename), .doc = "That the file will have."},
    {"purpose", FIELD_STRING(struct upload_info, purpose), .doc = "That the file will have."},
    {"status", FIELD_CHOICE(struct upload_info, status, statuses),
     .doc = "\"pending\" while it takes parts."},
    {"file",
     FIELD_WRITTEN(write_file,
                   "{\"anyOf\":[{\"$ref\":\"#/components/schemas/File\"},{\"type\":\"null\"}]}"),
     .doc = "The file, when the upload is completed."},
};
const struct field_object upload_fields =
    FIELD_OBJECT("Upload", struct upload_info, upload_rows, "A file on its way in parts.");

static const struct field_row upload_part_rows[] = {
    {"id", FIELD_STRING(struct upload_part_info, id), .doc = "Names the part."},
    {"object", FIELD_WORD("upload.part"), .doc = "Always \"upload.part\"."},
    {"created_at", FIELD_TIME(struct upload_part_info, created_at), .doc = "When it arrived."},
    {"upload_id", FIELD_STRING(struct upload_part_info, upload_id), .doc = "The upload's."},
};
const struct field_object upload_part_fields = FIELD_OBJECT(
    "UploadPart", struct upload_part_info, upload_part_rows, "One part of an upload, stored.");

void
encode_upload(struct json_out *out, const struct upload_info *upload)
{
    fields_encode(out, NULL, &upload_fields, upload);
}

void
encode_upload_part(struct json_out *out, const struct upload_part_info *part)
{
    fields_encode(out, NULL, &upload_part_fields, part);
}
