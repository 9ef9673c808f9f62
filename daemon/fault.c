/*
 * Faults: collecting what is wrong with a request, and the names of the codes.
 *
 * A fault made from a core or store error is our failure, not the client's: the client reads a
 * sentence without paths of the data directory, the whole message goes to the log.
 */
#include "daemon/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "daemon/log.h"

static const char *const code_names[] = {
    [FAULT_INVALID_JSON] = "invalid_json",
    [FAULT_INVALID_PARAMETER] = "invalid_parameter",
    [FAULT_UNKNOWN_PARAMETER] = "unknown_parameter",
    [FAULT_MISSING_PARAMETER] = "missing_parameter",
    [FAULT_NOT_SUPPORTED_YET] = "not_supported_yet",
    [FAULT_INVALID_CURSOR] = "invalid_cursor",
    [FAULT_INVALID_TRAINING_FILE] = "invalid_training_file",
    [FAULT_INVALID_VALIDATION_FILE] = "invalid_validation_file",
    [FAULT_INVALID_TEST_FILE] = "invalid_test_file",
    [FAULT_NOT_A_CLASSIFICATION_SET] = "not_a_classification_set",
    [FAULT_MODEL_NOT_FINE_TUNED] = "model_not_fine_tuned",
    [FAULT_INVALID_MODEL] = "invalid_model",
    [FAULT_BAD_REQUEST] = "bad_request",
    [FAULT_PROXY_WITHOUT_KEY] = "proxy_without_key",
    [FAULT_BASE_MODEL_PROTECTED] = "base_model_protected",
    [FAULT_HOST_NOT_ALLOWED] = "host_not_allowed",
    [FAULT_NOT_FOUND] = "not_found",
    [FAULT_MODEL_NOT_FOUND] = "model_not_found",
    [FAULT_FILE_NOT_FOUND] = "file_not_found",
    [FAULT_JOB_NOT_FOUND] = "job_not_found",
    [FAULT_UPLOAD_NOT_FOUND] = "upload_not_found",
    [FAULT_EVALUATION_NOT_FOUND] = "evaluation_not_found",
    [FAULT_METHOD_NOT_ALLOWED] = "method_not_allowed",
    [FAULT_CONFLICT] = "conflict",
    [FAULT_IN_USE] = "in_use",
    [FAULT_PRECONDITION_FAILED] = "precondition_failed",
    [FAULT_LENGTH_REQUIRED] = "length_required",
    [FAULT_BODY_TOO_LARGE] = "body_too_large",
    [FAULT_UNSUPPORTED_MEDIA_TYPE] = "unsupported_media_type",
    [FAULT_QUEUE_FULL] = "queue_full",
    [FAULT_INTERNAL] = "internal",
    [FAULT_NOT_READY] = "not_ready",
    [FAULT_TOO_MANY_STREAMS] = "too_many_streams",
    [FAULT_DISK_FULL] = "disk_full",
};

_Static_assert(sizeof code_names / sizeof code_names[0] == FAULT_CODE_COUNT,
               "every fault code has a name");

/* A message longer than this is cut: it is a sentence for people, not a document. */
enum { FAULT_MESSAGE_BYTES = 2048 };

/* A cut may have split it. */
static void
drop_last_character(char *text)
{
    size_t length = strlen(text);
    while (length > 0 && ((unsigned char)text[length - 1] & 0xc0) == 0x80)
        length--;
    text[length > 0 ? length - 1 : 0] = '\0';
}

int
fault_add(struct fault_list *faults, enum fault_code code, const char *param, const char *format,
          ...)
{
    if (faults->count == FAULTS_MAX)
        return -1;
    char message[FAULT_MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (length >= FAULT_MESSAGE_BYTES)
        drop_last_character(message);
    faults->items[faults->count++] = (struct fault){
        .code = code,
        .param = arena_copy_string(faults->arena, param),
        .message = arena_copy_string(faults->arena, message),
    };
    return -1;
}

int
fault_add_err(struct fault_list *faults, const struct err *err)
{
    log_error("fail request error=\"%s\"", err->message);
    if (err->code == ERR_FULL)
        return fault_add(faults, FAULT_DISK_FULL, NULL,
                         "The disk that holds the data directory is full. Free some space (old "
                         "files, models and jobs can be deleted) and try again.");
    return fault_add(faults, FAULT_INTERNAL, NULL,
                     "The daemon could not carry out this request; its log says why.");
}

const char *
fault_code_name(enum fault_code code)
{
    return code_names[code];
}
