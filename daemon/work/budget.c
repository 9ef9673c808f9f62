/* Shares and sums; see budget.h. */
#include "daemon/work/budget.h"

#include "core/base/cpu.h"
#include "core/base/machine.h"

size_t
budget_threads(size_t threads, size_t workers)
{
    size_t all = threads > 0 ? threads : cpu_count();
    size_t share = all / (workers > 0 ? workers : 1);
    return share > 0 ? share : 1;
}

int
budget_measure(const struct budget *budget, struct budget_room *out, struct err *err)
{
    struct machine_disk disk;
    struct machine_memory memory = machine_memory();
    if (machine_disk(budget->folder, &disk, err) != 0)
        return err->code;
    bool unknown = memory.free_bytes > INT64_MAX - memory.own_bytes;
    *out = (struct budget_room){
        .memory_total = memory.total_bytes,
        .memory_free = unknown ? INT64_MAX : memory.free_bytes + memory.own_bytes,
        .disk_total = disk.total_bytes,
        .disk_free = disk.free_bytes,
    };
    return 0;
}

const char *
budget_size(int64_t bytes, struct arena *arena)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB"};
    double value = (double)bytes / 1e3;
    size_t unit = 0;
    while (value >= 999.5 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1e3;
        unit++;
    }
    return arena_printf(arena, value < 9.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

bool
budget_is_disk_low(const struct budget *budget, const struct budget_room *room)
{
    return room->disk_free < budget->min_free_bytes;
}

const char *
budget_refusal(const struct budget *budget, const struct budget_room *room,
               const struct claim_candidate *candidate, struct arena *arena)
{
    if (candidate->memory_bytes > room->memory_total)
        return arena_printf(arena,
                            "The job needs about %s of memory and there are %s in all: make "
                            "batch_size or max_seq_length smaller, set gradient_checkpointing, or "
                            "take a smaller model.",
                            budget_size(candidate->memory_bytes, arena),
                            budget_size(room->memory_total, arena));
    if (candidate->disk_bytes > room->disk_total - budget->min_free_bytes)
        return arena_printf(arena,
                            "The job needs about %s for its checkpoints and models, and the disk "
                            "of the data directory has %s in all, of which %s are kept free: take "
                            "a smaller model, or put the data directory on a larger disk.",
                            budget_size(candidate->disk_bytes, arena),
                            budget_size(room->disk_total, arena),
                            budget_size(budget->min_free_bytes, arena));
    return NULL;
}

/* What a job needs beyond the process itself; nothing when it is not known. */
static int64_t
own_memory(const struct budget *budget, const struct claim_candidate *candidate)
{
    int64_t own = candidate->memory_bytes - budget->process_bytes;
    return own > 0 ? own : 0;
}

static bool
fits_memory(const struct budget_look *look, const struct claim_load *load,
            const struct claim_candidate *candidate)
{
    int64_t process = look->budget->process_bytes;
    int64_t running = load->memory_bytes - load->jobs * process;
    int64_t needed = process + (running > 0 ? running : 0) + own_memory(look->budget, candidate);
    return needed <= look->room.memory_free;
}

static bool
fits_disk(const struct budget_look *look, const struct claim_load *load,
          const struct claim_candidate *candidate)
{
    int64_t own = candidate->disk_bytes > 0 ? candidate->disk_bytes : 0;
    return load->disk_bytes + own + look->budget->min_free_bytes <= look->room.disk_free;
}

/* It waits: does it hold back the others? */
static enum claim_verdict
pass_or_hold(const struct budget_look *look, const struct claim_load *load,
             const struct claim_candidate *candidate)
{
    static const struct claim_load nothing = {0};
    bool helps = load->jobs > 0 && fits_memory(look, &nothing, candidate) &&
                 fits_disk(look, &nothing, candidate);
    return helps && candidate->overtaken >= BUDGET_OVERTAKEN_MAX ? CLAIM_HOLD : CLAIM_PASS;
}

enum claim_verdict
budget_judge(void *context, const struct claim_load *load, const struct claim_candidate *candidate,
             struct arena *arena, struct claim_wait *wait)
{
    const struct budget_look *look = context;
    const struct budget_room *room = &look->room;
    if (budget_is_disk_low(look->budget, room)) {
        wait->reason = "free_disk";
        wait->message = arena_printf(
            arena,
            "The job waits: nothing is started while less than %s are free on the disk of the data "
            "directory (%s are). It starts by itself when there is room.",
            budget_size(look->budget->min_free_bytes, arena), budget_size(room->disk_free, arena));
        return CLAIM_HOLD;
    }
    if (!fits_memory(look, load, candidate)) {
        wait->reason = "memory";
        wait->message = arena_printf(
            arena,
            "The job waits for memory: it needs about %s; %s can be had, and the %lld jobs that "
            "run "
            "were promised %s of them. It starts by itself when there is room.",
            budget_size(candidate->memory_bytes, arena), budget_size(room->memory_free, arena),
            (long long)load->jobs, budget_size(load->memory_bytes, arena));
        return pass_or_hold(look, load, candidate);
    }
    if (!fits_disk(look, load, candidate)) {
        wait->reason = "disk";
        wait->message = arena_printf(
            arena,
            "The job waits for room on the disk of the data directory: it needs about %s; %s are "
            "free, of which %s are kept free and the %lld jobs that run were promised %s. It "
            "starts "
            "by itself when there is room.",
            budget_size(candidate->disk_bytes, arena), budget_size(room->disk_free, arena),
            budget_size(look->budget->min_free_bytes, arena), (long long)load->jobs,
            budget_size(load->disk_bytes, arena));
        return pass_or_hold(look, load, candidate);
    }
    return CLAIM_TAKE;
}
