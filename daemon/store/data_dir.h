/*
 * The data directory: who owns it, what lies where, how stored bytes come and go.
 *
 *   FORMAT            the layout's number, a line of text
 *   lock              flock of the one process that uses the directory; holds its pid
 *   finetuned.db      the database
 *   crashed           the job that a fatal signal came from; see work/crash_marker.h
 *   tmp/              unfinished things, emptied at start; same file system as the rest
 *   files/<file id>   uploaded data sets
 *   models/<job id>/  fine-tuned models
 *   base_models/      imported base models
 *   uploads/<upload id>/<part id>   of uploads in parts, while these are pending
 *   jobs/<job id>/checkpoints/step-<n>/   and jobs/<job id>/resume/step-<n>[-pending]/
 *
 * Folders have mode 0700, files 0600. No path holds text of a user but the ids of imported models.
 * No other module builds a path below this directory. Nothing here knows SQL: the rule "files
 * first, row second; row first, then the files away" makes every crash leave at worst an orphan,
 * which sweep.h removes at the next start. Thread-safe once open, except for data_dir_close.
 */
#ifndef DAEMON_STORE_DATA_DIR_H
#define DAEMON_STORE_DATA_DIR_H

#include "core/base/err.h"
#include "core/base/mem.h"

#include <stdbool.h>
#include <stdint.h>

enum { DATA_DIR_FORMAT = 1, DATA_DIR_MODEL_ID_MAX = 96 };

struct data_dir;

/*
 * Open or create the directory, lock it, empty tmp/. ERR_CONFLICT when another process holds it
 * (the message gives its pid when known); ERR_UNSUPPORTED for a newer FORMAT; ERR_INVALID for a
 * folder that holds something else, a FORMAT that is no number, or stored files without a database.
 * A refused directory is left untouched.
 */
int data_dir_open(const char *path, struct data_dir **out, struct err *err);

/*
 * An existing directory, to look at it: nothing is locked, made or changed, so a daemon may be
 * using it. ERR_NOT_FOUND when there is none; ERR_UNSUPPORTED for a newer FORMAT; ERR_INVALID for a
 * folder that holds something else, or stored files without a database.
 */
int data_dir_look(const char *path, struct data_dir **out, struct err *err);

/* Unlock and release; NULL is fine. */
void data_dir_close(struct data_dir *dir);

/* Paths in the arena. Ids must come from rows or ids_new: anything else than [A-Za-z0-9_-] is a bug
 * of the caller and stops the program. */
const char *data_dir_root(const struct data_dir *dir);
const char *data_dir_database_path(const struct data_dir *dir, struct arena *arena);
const char *data_dir_crash_path(const struct data_dir *dir, struct arena *arena);
const char *data_dir_base_models_path(const struct data_dir *dir, struct arena *arena);
const char *data_dir_file_path(const struct data_dir *dir, const char *file_id,
                               struct arena *arena);
const char *data_dir_upload_path(const struct data_dir *dir, const char *upload_id,
                                 struct arena *arena);
const char *data_dir_part_path(const struct data_dir *dir, const char *upload_id,
                               const char *part_id, struct arena *arena);
const char *data_dir_model_path(const struct data_dir *dir, const char *job_id,
                                struct arena *arena);
const char *data_dir_job_path(const struct data_dir *dir, const char *job_id, struct arena *arena);
const char *data_dir_checkpoint_path(const struct data_dir *dir, const char *job_id, int64_t step,
                                     struct arena *arena);
const char *data_dir_resume_state_path(const struct data_dir *dir, const char *job_id,
                                       const char *name, struct arena *arena);

/* May this be the id of an imported model? [A-Za-z0-9._-]{1,96}, no dot in front. */
bool data_dir_is_model_id(const char *id);

/* Of an imported model, whose id must be one. */
const char *data_dir_base_model_path(const struct data_dir *dir, const char *model_id,
                                     struct arena *arena);

/* A path in tmp/ that nobody uses yet: for a folder that another module writes. */
const char *data_dir_tmp_path(const struct data_dir *dir, struct arena *arena);

/* Create an empty file in tmp/ (0600) for writing; the caller closes *fd and removes or stores it.
 */
int data_dir_tmp_create(const struct data_dir *dir, struct arena *arena, const char **path, int *fd,
                        struct err *err);

/* fsync the file at tmp_path and move it to files/<file_id>. The row comes after. */
int data_dir_store_file(const struct data_dir *dir, const char *tmp_path, const char *file_id,
                        struct err *err);

/* Move the finished folder at tmp_path (its files synced by who wrote them) into place. What stands
 * there already has no row (see the rule above) and is replaced. */
int data_dir_store_model(const struct data_dir *dir, const char *tmp_path, const char *job_id,
                         struct err *err);
int data_dir_store_checkpoint(const struct data_dir *dir, const char *tmp_path, const char *job_id,
                              int64_t step, struct err *err);
int data_dir_store_resume_state(const struct data_dir *dir, const char *tmp_path,
                                const char *job_id, const char *name, struct err *err);

/* fsync the file at tmp_path and move it to uploads/<upload_id>/<part_id>. The row comes after. */
int data_dir_store_part(const struct data_dir *dir, const char *tmp_path, const char *upload_id,
                        const char *part_id, struct err *err);

/* Move the finished folder at tmp_path to base_models/<model_id>. ERR_CONFLICT, with nothing
 * changed, when that id is taken: here the folder itself is the record. */
int data_dir_store_base_model(const struct data_dir *dir, const char *tmp_path,
                              const char *model_id, struct err *err);

/* Open the stored file for reading; the caller closes *fd. ERR_NOT_FOUND when it is gone. */
int data_dir_open_file(const struct data_dir *dir, const char *file_id, int *fd, struct err *err);

/* Remove what the row no longer names; no error when absent. */
int data_dir_remove_file(const struct data_dir *dir, const char *file_id, struct err *err);
int data_dir_remove_part(const struct data_dir *dir, const char *upload_id, const char *part_id,
                         struct err *err);
int data_dir_remove_upload(const struct data_dir *dir, const char *upload_id, struct err *err);
/* In one step out of sight, then away. */
int data_dir_remove_base_model(const struct data_dir *dir, const char *model_id, struct err *err);
int data_dir_remove_model(const struct data_dir *dir, const char *job_id, struct err *err);
int data_dir_remove_checkpoint(const struct data_dir *dir, const char *job_id, int64_t step,
                               struct err *err);
int data_dir_remove_resume_state(const struct data_dir *dir, const char *job_id, const char *name,
                                 struct err *err);
int data_dir_remove_resume_states(const struct data_dir *dir, const char *job_id, struct err *err);
/* Move to tmp/, to be removed there; 0 also when there is nothing. */
int data_dir_set_checkpoint_aside(const struct data_dir *dir, const char *job_id, int64_t step,
                                  const char *tmp_path, struct err *err);
int data_dir_set_resume_states_aside(const struct data_dir *dir, const char *job_id,
                                     const char *tmp_path, struct err *err);
int data_dir_remove_job(const struct data_dir *dir, const char *job_id, struct err *err);
/* Remove what is no folder where the job's own, or that of its checkpoints or resume states,
 * belongs: nothing could be stored there. *removed: how many. */
int data_dir_clear_job(const struct data_dir *dir, const char *job_id, size_t *removed,
                       struct err *err);

/* Remove a file or folder of tmp/, such as what data_dir_tmp_path named; no error when absent. */
int data_dir_remove_tmp(const struct data_dir *dir, const char *tmp_path, struct err *err);

/*
 * Call visit with the name of everything in files/, models/, jobs/ or uploads/, or in a job's
 * checkpoints/ or resume/; no error when the folder is absent. visit may remove what it is called
 * with; a negative answer ends the walk and is returned.
 */
enum data_dir_folder {
    DATA_DIR_FILES,
    DATA_DIR_MODELS,
    DATA_DIR_JOBS,
    DATA_DIR_UPLOADS,
    DATA_DIR_FOLDER_COUNT
};
typedef int data_dir_visit(void *context, const char *name, struct err *err);
int data_dir_each(const struct data_dir *dir, enum data_dir_folder folder, data_dir_visit *visit,
                  void *context, struct err *err);
int data_dir_each_checkpoint(const struct data_dir *dir, const char *job_id, data_dir_visit *visit,
                             void *context, struct err *err);
int data_dir_each_resume_state(const struct data_dir *dir, const char *job_id,
                               data_dir_visit *visit, void *context, struct err *err);

#endif
