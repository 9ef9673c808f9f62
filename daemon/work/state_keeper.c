/* Saving and finding resume states; see state_keeper.h. */
#include "daemon/work/state_keeper.h"

#include "daemon/log.h"
#include "daemon/work/clock.h"

static void
warn_if_failed(int code, const struct state_keeper *keeper, const struct err *err)
{
    if (code != 0)
        log_warn("remove resume_state job=%s error=\"%s\"", keeper->job->id, err->message);
}

/* ---- saving ---------------------------------------------------------------------------------- */

/* The folder in its place; nothing stays behind on failure. */
static int
store_folder(struct state_keeper *keeper, const struct resume_state *state, const char *name,
             struct arena *arena, struct err *err)
{
    const char *folder = data_dir_tmp_path(keeper->dir, arena);
    if (resume_state_write(state, folder, err) != 0)
        return err->code;
    if (data_dir_store_resume_state(keeper->dir, folder, keeper->job->id, name, err) == 0)
        return 0;
    struct err ignored;
    warn_if_failed(data_dir_remove_tmp(keeper->dir, folder, &ignored), keeper, &ignored);
    return err->code;
}

/* The row, and away with the folders of those that are too many. */
static int
store_row(struct state_keeper *keeper, const struct resume_state_row *row, struct arena *arena,
          struct err *err)
{
    struct resume_state_rows gone;
    if (recorder_flush(keeper->recorder, err) != 0 ||
        resume_states_add(keeper->db, keeper->recorder->lease, row, arena, &gone, err) != 0)
        return err->code;
    struct err noted; /* what cannot be removed is swept at the next start */
    for (size_t i = 0; i < gone.count; i++)
        warn_if_failed(
            data_dir_remove_resume_state(keeper->dir, keeper->job->id, gone.items[i].name, &noted),
            keeper, &noted);
    return 0;
}

/* What is being saved, for room_try. */
struct saving {
    struct state_keeper *keeper;
    const struct resume_state *state;
    struct arena *arena;
};

static int
save(void *context, struct err *err)
{
    const struct saving *saving = context;
    struct state_keeper *keeper = saving->keeper;
    const struct resume_state *state = saving->state;
    struct arena *arena = saving->arena;
    struct resume_state_row row = {
        .step = (int64_t)state->facts.step,
        .pending = state->facts.pending,
        .name = resume_states_name((int64_t)state->facts.step, state->facts.pending, arena),
    };
    if (store_folder(keeper, state, row.name, arena, err) != 0)
        return err->code;
    if (store_row(keeper, &row, arena, err) == 0)
        return 0;
    struct err ignored;
    warn_if_failed(data_dir_remove_resume_state(keeper->dir, keeper->job->id, row.name, &ignored),
                   keeper, &ignored);
    return err->code;
}

/* Once, until it goes well again. */
static void
complain(struct state_keeper *keeper, size_t step, struct arena *arena, const struct err *err)
{
    log_warn("save resume_state job=%s step=%zu error=\"%s\"", keeper->job->id, step, err->message);
    if (keeper->has_complained)
        return;
    keeper->has_complained = true;
    const char *from = keeper->newest_step > 0
                           ? arena_printf(arena, "step %lld", (long long)keeper->newest_step)
                           : "its beginning";
    struct event_new event = {
        .kind = EVENT_STATE_NOT_SAVED,
        .level = EVENT_WARN,
        .message = arena_printf(arena,
                                "The state of step %zu could not be saved%s. The job runs on; "
                                "interrupted now, it would go on from %s.",
                                step, err->code == ERR_FULL ? ": the disk is full" : "", from),
    };
    recorder_add_event(keeper->recorder, &event);
}

int
state_keeper_save(struct state_keeper *keeper, const struct resume_state *state, struct err *err)
{
    struct arena *arena = arena_new();
    int64_t began = clock_now_ms();
    size_t step = state->facts.step;
    struct saving saving = {keeper, state, arena};
    int code = state->stopping ? save(&saving, err) : room_try(keeper->room, save, &saving, err);
    if (code == 0) {
        keeper->newest_step = (int64_t)step;
        keeper->has_complained = false;
        log_debug("save resume_state job=%s step=%zu pending=%d ms=%lld", keeper->job->id, step,
                  state->facts.pending, (long long)(clock_now_ms() - began));
    } else if (code != ERR_CONFLICT && code != ERR_STOPPED) {
        complain(keeper, step, arena, err);
        code = 1;
    }
    arena_free(arena);
    return code;
}

/* ---- finding --------------------------------------------------------------------------------- */

static void
pass_by(struct state_keeper *keeper, const struct resume_state_row *row, struct arena *arena,
        const struct err *err)
{
    log_warn("skip resume_state job=%s name=%s error=\"%s\"", keeper->job->id, row->name,
             err->message);
    struct event_new event = {
        .kind = EVENT_STATE_DAMAGED,
        .level = EVENT_WARN,
        .message =
            arena_printf(arena, "The resume state of step %lld is damaged and is not used: %s.",
                         (long long)row->step, err->message),
    };
    recorder_add_event(keeper->recorder, &event);
}

int
state_keeper_choose(struct state_keeper *keeper, struct arena *arena, struct resume_file **file,
                    struct resume_state_row *row, struct err *err)
{
    struct resume_state_rows rows;
    *file = NULL;
    keeper->newest_step = 0;
    if (resume_states_list(keeper->db, keeper->job->seq, arena, &rows, err) != 0)
        return err->code;
    for (size_t i = 0; i < rows.count; i++) {
        *row = rows.items[i];
        const char *folder =
            data_dir_resume_state_path(keeper->dir, keeper->job->id, row->name, arena);
        int code = resume_state_open(folder, file, err);
        if (code == 0) {
            keeper->newest_step = row->step;
            return 0;
        }
        if (code == ERR_UNSUPPORTED)
            return err_prefix(err, "The resume state of step %lld cannot be used",
                              (long long)row->step);
        if (code == ERR_MEMORY)
            return code;    /* says nothing of the state */
        if (code == ERR_IO) /* nor does this; starting anew would throw away what may be good */
            return err_prefix(
                err,
                "The resume state of step %lld cannot be read; once the disk is well, "
                "POST to the job's /retry goes on from it",
                (long long)row->step);
        pass_by(keeper, row, arena, err);
    }
    return 0;
}

void
state_keeper_remove_folders(struct state_keeper *keeper)
{
    struct err err;
    warn_if_failed(data_dir_remove_resume_states(keeper->dir, keeper->job->id, &err), keeper, &err);
}
