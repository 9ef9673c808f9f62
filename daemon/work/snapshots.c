/*
 * Saving models of a running job, and keeping the newest and the best.
 */
#include "daemon/work/snapshots.h"

#include <string.h>
#include <sys/stat.h>

#include "core/hub/model_dir.h"
#include "daemon/json_append.h"
#include "daemon/log.h"
#include "daemon/store/checkpoints.h"
#include "daemon/work/folder_files.h"
#include "daemon/work/measures.h"

static void
warn_if_failed(int code, const char *what, const char *job_id, const struct err *err)
{
    if (code != 0)
        log_warn("remove %s job=%s error=\"%s\"", what, job_id, err->message);
}

/* Write the model into a folder of tmp/ and describe its files; nothing stays behind on failure. */
static int
write_folder(struct snapshots *snapshots, const struct train_snapshot *snapshot,
             struct arena *arena, const char **folder, const char **files_json, struct err *err)
{
    struct folder_files files;
    *folder = data_dir_tmp_path(snapshots->dir, arena);
    if (model_dir_save(&snapshot->save, *folder, err) != 0 ||
        folder_files_describe(*folder, arena, &files, err) != 0) {
        struct err ignored;
        data_dir_remove_tmp(snapshots->dir, *folder, &ignored);
        return err_prefix(err, "save the model of step %zu", snapshot->progress.step);
    }
    *files_json = folder_files_print(&files, arena);
    return 0;
}

static struct model_shape
shape_of(const struct model_save *save)
{
    const struct text_windows *windows = &save->config->windows;
    return (struct model_shape){
        .hidden_size = (int64_t)save->config->hidden_size,
        .layers = (int64_t)save->config->layers,
        .parameters = (int64_t)save->layout->parameters,
        .max_seq_length = (int64_t)save->config->max_seq_length,
        .stride = windows->wanted ? (int64_t)windows->stride : -1,
    };
}

/* A checkpoint that an unfinished job starts from stays for now; the next retention asks again. */
static int
remove_checkpoint(struct snapshots *snapshots, const struct checkpoint_row *row, struct err *err)
{
    int code = checkpoints_delete(snapshots->db, row->id, err);
    if (code == ERR_CONFLICT)
        return 0;
    if (code != 0)
        return code;
    code = data_dir_remove_checkpoint(snapshots->dir, snapshots->job->id, row->step, err);
    warn_if_failed(code, "checkpoint", snapshots->job->id, err); /* swept at the next start */
    return 0;
}

/* What is kept at the moment, for room_try. */
struct keeping {
    struct snapshots *snapshots;
    const struct train_snapshot *snapshot;
};

static int
retain(struct snapshots *snapshots, const struct train_snapshot *snapshot, struct arena *arena,
       struct err *err)
{
    struct checkpoint_rows rows;
    struct list_query query = {.limit = LIST_LIMIT_MAX};
    if (checkpoints_page(snapshots->db, snapshots->job->seq, &query, arena, &rows, err) != 0)
        return err->code;
    /* The best step's own, or where it has none the first with its measure. */
    size_t best = checkpoints_best(&rows, metric_name(snapshot->best_by));
    for (size_t i = SNAPSHOTS_KEPT; i < rows.count; i++)
        if (i != best && rows.items[i].step != (int64_t)snapshot->best_step &&
            rows.items[i].step != (int64_t)snapshots->state_best_step &&
            remove_checkpoint(snapshots, &rows.items[i], err) != 0)
            return err->code;
    return 0;
}

static int
apply_retention(void *context, struct err *err)
{
    const struct keeping *keeping = context;
    struct arena *arena = arena_new();
    int code = retain(keeping->snapshots, keeping->snapshot, arena, err);
    arena_free(arena);
    return code;
}

static struct event_new
checkpoint_event(const struct train_snapshot *snapshot, const char *model, struct arena *arena)
{
    const struct train_progress *progress = &snapshot->progress;
    const char *numbers = measures_sentence(snapshot->latest, arena);
    return (struct event_new){
        .kind = EVENT_CHECKPOINT,
        .level = EVENT_INFO,
        .type = EVENT_METRICS,
        .message = arena_printf(arena, "Step %zu of %zu (epoch %.4g): %s%ssaved as checkpoint %s.",
                                progress->step, progress->total_steps, progress->epoch, numbers,
                                numbers[0] != '\0' ? "; " : "", model),
        .data_json =
            measures_event_data(progress->step, progress->total_steps, snapshot->latest, arena),
    };
}

static int
insert_checkpoint(struct snapshots *snapshots, const struct train_snapshot *snapshot,
                  const char *files_json, struct arena *arena, struct err *err)
{
    int64_t step = (int64_t)snapshot->progress.step;
    struct checkpoint_row row = {
        .model = ids_checkpoint_model(arena, snapshots->model_id, step),
        .step = step,
        .shape = shape_of(&snapshot->save),
        .files_json = files_json,
    };
    row.measures = measures_from_values(snapshot->latest, arena, &row.measure_count);
    struct event_new event = checkpoint_event(snapshot, row.model, arena);
    return jobs_add_checkpoint(snapshots->db, snapshots->recorder->lease, &row, &event, arena, err);
}

static int
add_checkpoint(struct snapshots *snapshots, const struct train_snapshot *snapshot,
               struct arena *arena, struct err *err)
{
    const char *folder;
    const char *files_json = NULL;
    const char *job_id = snapshots->job->id;
    int64_t step = (int64_t)snapshot->progress.step;
    if (write_folder(snapshots, snapshot, arena, &folder, &files_json, err) != 0)
        return err->code;
    int code = data_dir_store_checkpoint(snapshots->dir, folder, job_id, step, err);
    if (code == 0)
        code = recorder_flush(snapshots->recorder, err);
    if (code == 0)
        code = insert_checkpoint(snapshots, snapshot, files_json, arena, err);
    if (code == 0)
        return 0;
    struct err ignored;
    data_dir_remove_tmp(snapshots->dir, folder, &ignored);
    warn_if_failed(data_dir_remove_checkpoint(snapshots->dir, job_id, step, &ignored), "checkpoint",
                   job_id, &ignored);
    return code;
}

static int
keep_checkpoint(void *context, struct err *err)
{
    const struct keeping *keeping = context;
    const struct snapshots *snapshots = keeping->snapshots;
    int64_t step = (int64_t)keeping->snapshot->progress.step;
    int found = checkpoints_find(snapshots->db, snapshots->recorder->lease.seq, step, err);
    if (found != 0) /* of an earlier attempt, whose bytes these are: another job starts from it */
        return found > 0 ? 0 : found;
    struct arena *arena = arena_new();
    int code = add_checkpoint(keeping->snapshots, keeping->snapshot, arena, err);
    arena_free(arena);
    return code;
}

static int
keep_final(void *context, struct err *err)
{
    const struct keeping *keeping = context;
    struct snapshots *snapshots = keeping->snapshots;
    const struct train_snapshot *snapshot = keeping->snapshot;
    const char *folder;
    const char *files_json = NULL;
    const struct job_row *job = snapshots->job;
    if (write_folder(snapshots, snapshot, snapshots->arena, &folder, &files_json, err) != 0)
        return err->code;
    if (data_dir_store_model(snapshots->dir, folder, job->id, err) != 0) {
        struct err ignored;
        data_dir_remove_tmp(snapshots->dir, folder, &ignored);
        return err->code;
    }
    snapshots->final = (struct model_row){
        .id = snapshots->model_id,
        .job_id = job->id,
        .base = job->model,
        .root = job->root_model,
        .task = job->task,
        .shape = shape_of(&snapshot->save),
        .files_json = files_json,
    };
    memcpy(snapshots->final_values, snapshot->latest, sizeof snapshots->final_values);
    snapshots->validation_json = json_append_copy(snapshot->validation, snapshots->arena);
    snapshots->test_json = json_append_copy(snapshot->test, snapshots->arena);
    snapshots->has_final = true;
    return 0;
}

int
snapshots_keep(struct snapshots *snapshots, const struct train_snapshot *snapshot, struct err *err)
{
    struct keeping keeping = {snapshots, snapshot};
    if (snapshot->final)
        return room_try(snapshots->room, keep_final, &keeping, err);
    int code = room_try(snapshots->room, keep_checkpoint, &keeping, err);
    if (code != 0)
        return code;
    code = room_try(snapshots->room, apply_retention, &keeping, err);
    return code == ERR_STOPPED ? 0 : code; /* the checkpoint is kept; the next one asks again */
}

const char *
snapshots_find(const struct snapshots *snapshots, size_t step)
{
    struct stat status;
    const char *folder = data_dir_checkpoint_path(snapshots->dir, snapshots->job->id, (int64_t)step,
                                                  snapshots->arena);
    return stat(folder, &status) == 0 ? folder : NULL;
}

void
snapshots_drop_final(struct snapshots *snapshots)
{
    struct err err;
    if (!snapshots->has_final)
        return;
    snapshots->has_final = false;
    warn_if_failed(data_dir_remove_model(snapshots->dir, snapshots->job->id, &err), "model",
                   snapshots->job->id, &err);
}
