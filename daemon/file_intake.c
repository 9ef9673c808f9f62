/* Judging and storing whole files; see file_intake.h. */
#include "daemon/file_intake.h"

#include <stdbool.h>
#include <string.h>

#include "core/base/fileio.h"
#include "core/base/utf8.h"
#include "core/data/dataset.h"
#include "daemon/store/ids.h"

enum { FILENAME_MAX_BYTES = 255 };

/* What clients of OpenAI's API may say a file is for. Only fine-tune files are read as data sets
 * when they come in; a job reads whatever file it names. */
#define PURPOSE_FINE_TUNE "fine-tune"
static const char *const purposes[] = {PURPOSE_FINE_TUNE, "user_data",  "evals",
                                       "batch",           "assistants", "vision"};

static bool
purpose_is_known(const char *purpose)
{
    for (size_t i = 0; i < sizeof purposes / sizeof purposes[0]; i++)
        if (strcmp(purposes[i], purpose) == 0)
            return true;
    return false;
}

/* "fine-tune, user_data, …" */
static const char *
purpose_list(struct arena *arena)
{
    const char *list = purposes[0];
    for (size_t i = 1; i < sizeof purposes / sizeof purposes[0]; i++)
        list = arena_printf(arena, "%s, %s", list, purposes[i]);
    return list;
}

int
file_intake_check_words(const char *filename, const char *purpose, struct fault_list *faults)
{
    size_t before = faults->count;
    size_t length = filename != NULL ? strlen(filename) : 0;
    if (purpose == NULL)
        fault_add(faults, FAULT_MISSING_PARAMETER, "purpose",
                  "\"purpose\" is missing: give \"" PURPOSE_FINE_TUNE "\" for a data set.");
    else if (!purpose_is_known(purpose))
        fault_add(faults, FAULT_INVALID_PARAMETER, "purpose",
                  "\"purpose\" is '%.100s', which is none of %s: give \"" PURPOSE_FINE_TUNE
                  "\" for a data set.",
                  purpose, purpose_list(faults->arena));
    if (length == 0 || length > FILENAME_MAX_BYTES || utf8_valid_length(filename, length) != length)
        fault_add(faults, FAULT_INVALID_PARAMETER, "file",
                  "The file needs a name of 1 to %d bytes of UTF-8; its extension says the format.",
                  FILENAME_MAX_BYTES);
    return faults->count > before ? -1 : 0;
}

int
file_intake_check_expiry(int64_t expires_after, struct fault_list *faults)
{
    if (expires_after == 0 ||
        (expires_after >= FILE_EXPIRES_MIN_SECONDS && expires_after <= FILE_EXPIRES_MAX_SECONDS))
        return 0;
    return fault_add(faults, FAULT_INVALID_PARAMETER, "expires_after[seconds]",
                     "\"expires_after[seconds]\" is %lld: give from %d (an hour) to %d (30 days), "
                     "or leave expires_after out and the file stays until it is deleted.",
                     (long long)expires_after, FILE_EXPIRES_MIN_SECONDS, FILE_EXPIRES_MAX_SECONDS);
}

/* Faults that another choice of columns might cure: judged when a job says which columns it means.
 */
static bool
is_about_columns(const struct data_fault *fault)
{
    static const char *const codes[] = {"missing_text",  "missing_label", "invalid_text",
                                        "invalid_label", "mixed_pairs",   "label_too_long"};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (strcmp(fault->code, codes[i]) == 0)
            return true;
    return false;
}

/*
 * The first fault that counts, or NULL. Where not one row has the usual columns, the file was made
 * with others in mind and says nothing about them yet.
 */
static const struct data_fault *
first_fault(const struct dataset *dataset)
{
    size_t kept = dataset->fault_count < DATA_FAULTS_KEPT ? dataset->fault_count : DATA_FAULTS_KEPT;
    for (size_t i = 0; i < kept; i++)
        if (dataset->count > 0 || dataset->form != ROWS_PLAIN ||
            !is_about_columns(&dataset->faults[i]))
            return &dataset->faults[i];
    return NULL;
}

/* Read the bytes as a data set; *details receives the first fault, NULL when there is none. */
static int
check_rows(const struct file_intake *intake, struct arena *arena, const char **details,
           struct err *err)
{
    struct data_columns usual = {0};
    struct dataset *dataset = NULL;
    *details = NULL;
    int code = dataset_read(intake->path, intake->filename, &usual, &dataset, err);
    if (code == ERR_MEMORY) { /* no job could read it either */
        *details = arena_printf(arena, "The rows do not fit into the memory that is free: %s.",
                                err->message);
        return 0;
    }
    if (code != 0)
        return code;
    const struct data_fault *fault = first_fault(dataset);
    if (fault != NULL && fault->line > 0)
        *details = arena_printf(arena, "line %zu: %s", fault->line, fault->message);
    else if (fault != NULL)
        *details = arena_copy_string(arena, fault->message);
    dataset_free(dataset);
    return 0;
}

struct insertion {
    const struct file_intake *intake;
    struct file_row *row;
};

static int
insert(struct db *db, void *context, struct err *err)
{
    const struct insertion *insertion = context;
    const struct file_intake *intake = insertion->intake;
    if (files_insert(db, insertion->row, err) != 0)
        return err->code;
    if (intake->also == NULL)
        return 0;
    return intake->also(db, intake->context, insertion->row->id, err);
}

/* Move into place, insert the row; the bytes go again when the row is refused. */
static int
store_file(const struct file_intake *intake, struct file_row *row, struct err *err)
{
    const struct store *store = intake->store;
    struct insertion insertion = {intake, row};
    struct err ignored;
    struct db *db = db_pool_acquire(store->pool, err);
    if (db == NULL)
        return err->code;
    int code = data_dir_store_file(store->dir, intake->path, row->id, err);
    if (code == 0 && (code = db_write(db, insert, &insertion, err)) != 0)
        data_dir_remove_file(store->dir, row->id, &ignored); /* else swept */
    db_pool_release(store->pool, db);
    return code;
}

int
file_intake_store(const struct file_intake *intake, struct arena *arena, struct file_info *out,
                  struct err *err)
{
    char sha256[65];
    char id[IDS_SIZE];
    struct file_row row = {
        .id = id,
        .bytes = intake->bytes,
        .filename = intake->filename,
        .purpose = intake->purpose,
        .sha256 = sha256,
        .expires_after = intake->expires_after,
    };
    ids_new(ID_FILE, id);
    if (strcmp(intake->purpose, PURPOSE_FINE_TUNE) == 0 &&
        check_rows(intake, arena, &row.status_details, err) != 0)
        return err->code;
    if (fileio_sha256(intake->path, sha256, err) != 0)
        return err->code;
    if (store_file(intake, &row, err) != 0)
        return err->code;
    file_intake_info(&row, arena, out);
    return 0;
}

void
file_intake_info(const struct file_row *row, struct arena *arena, struct file_info *out)
{
    *out = (struct file_info){
        .id = arena_copy_string(arena, row->id),
        .bytes = row->bytes,
        .created_at = row->created_at,
        .filename = arena_copy_string(arena, row->filename),
        .purpose = arena_copy_string(arena, row->purpose),
        .status = row->status_details == NULL ? FILE_PROCESSED : FILE_ERROR,
        .status_details = arena_copy_string(arena, row->status_details),
        .expires_at = row->expires_at,
    };
}
