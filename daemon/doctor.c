/* The table of checks, and those of the machine and the configuration; see doctor.h. */
#include "daemon/doctor.h"

#include "core/base/cgroup.h"
#include "core/base/cpu.h"
#include "core/base/machine.h"
#include "core/gemm/gemm.h"
#include "daemon/version.h"
#include "daemon/work/base_models.h"
#include "daemon/work/budget.h"
#include "daemon/work/model_import.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    DETAIL_MAX_BYTES = 1536,
    DESCRIPTORS_SPARED = 64,          /* for everything but connections */
    LITTLE_MEMORY = 256 * 1024 * 1024 /* below which a small model may not fit */
};

void
doctor_find(struct doctor *doctor, const char *name, enum doctor_status status, const char *remedy,
            const char *format, ...)
{
    char detail[DETAIL_MAX_BYTES];
    struct doctor_findings *findings = doctor->findings;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    if (status > findings->worst)
        findings->worst = status;
    if (findings->count == DOCTOR_MAX_FINDINGS)
        return;
    findings->items[findings->count++] = (struct doctor_finding){
        .status = status,
        .name = name,
        .detail = arena_copy_string(doctor->arena, detail),
        .remedy = remedy,
        .arena = doctor->arena,
    };
}

static void
check_version(struct doctor *doctor)
{
    doctor_find(doctor, "version", DOCTOR_OK, NULL, "finetuned %s, commit %s", version_text(),
                version_commit());
}

static void
check_disk(struct doctor *doctor)
{
    static const char name[] = "disk";
    struct err err;
    struct machine_disk disk;
    struct arena *arena = doctor->arena;
    int64_t floor = doctor->config.min_free_bytes;
    if (machine_disk(data_dir_root(doctor->dir), &disk, &err) != 0) {
        doctor_find(doctor, name, DOCTOR_FAIL, NULL, "%s", err.message);
        return;
    }
    enum doctor_status status = disk.free_bytes < floor           ? DOCTOR_FAIL
                                : disk.free_bytes - floor < floor ? DOCTOR_WARN
                                                                  : DOCTOR_OK;
    doctor_find(doctor, name, status,
                status == DOCTOR_OK ? NULL
                                    : "Make room: below min_free_bytes no job is started or "
                                      "accepted. The keep_ keys remove old things by themselves.",
                "%s of %s are free, and %s are to be kept free",
                budget_size(disk.free_bytes, arena), budget_size(disk.total_bytes, arena),
                budget_size(floor, arena));
}

static void
check_memory(struct doctor *doctor)
{
    struct cgroup_limits limits;
    struct arena *arena = doctor->arena;
    struct machine_memory memory = machine_memory();
    cgroup_read(CGROUP_MOUNT, CGROUP_MEMBERSHIP, &limits);
    const char *limit = limits.memory_bytes >= 0
                            ? arena_printf(arena, "the control group's limit is %s",
                                           budget_size(limits.memory_bytes, arena))
                            : "no limit of a control group";
    if (memory.free_bytes == INT64_MAX)
        doctor_find(doctor, "memory", DOCTOR_WARN, "Mount /proc, so that jobs can be judged.",
                    "what is free cannot be read, %s", limit);
    else
        doctor_find(doctor, "memory", memory.free_bytes < LITTLE_MEMORY ? DOCTOR_WARN : DOCTOR_OK,
                    memory.free_bytes < LITTLE_MEMORY
                        ? "End other programs, or raise the limit: jobs wait for memory."
                        : NULL,
                    "%s of %s are free, %s", budget_size(memory.free_bytes, arena),
                    budget_size(memory.total_bytes, arena), limit);
}

static void
check_processors(struct doctor *doctor)
{
    struct cgroup_limits limits;
    struct cpu_features features = cpu_features();
    cgroup_read(CGROUP_MOUNT, CGROUP_MEMBERSHIP, &limits);
    const char *quota = limits.processors > 0
                            ? arena_printf(doctor->arena, ", a quota of %.1f", limits.processors)
                            : "";
    bool many = doctor->config.threads > (int64_t)cpu_count();
    doctor_find(doctor, "processors", many ? DOCTOR_WARN : DOCTOR_OK,
                many ? "Leave threads at 0: more than the machine gives makes jobs slower." : NULL,
                "%zu to use (%s)%s; threads = %lld, workers = %lld", cpu_count(), features.name,
                quota, (long long)doctor->config.threads, (long long)doctor->config.workers);
}

static void
check_descriptors(struct doctor *doctor)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    const struct config *config = &doctor->config;
    rlim_t needed =
        (rlim_t)config->max_connections * (rlim_t)config->listen.count + DESCRIPTORS_SPARED;
    bool few = limit.rlim_max != RLIM_INFINITY && limit.rlim_max < needed;
    doctor_find(doctor, "descriptors", few ? DOCTOR_WARN : DOCTOR_OK,
                few ? "Raise the limit (LimitNOFILE= of the unit), or lower max_connections."
                    : NULL,
                "%llu may be open at once, %llu may be needed", (unsigned long long)limit.rlim_max,
                (unsigned long long)needed);
}

static void
check_engine(struct doctor *doctor)
{
    struct err err;
    struct gemm_engine *engine = NULL;
    if (gemm_engine_open(doctor->config.engine, &engine, &err) != 0) {
        doctor_find(doctor, "engine", DOCTOR_FAIL, "Set engine = auto, or install the library.",
                    "%s", err.message);
        return;
    }
    doctor_find(doctor, "engine", DOCTOR_OK, NULL,
                "%s passed its self-test; %.0f GFLOP/s on one thread", gemm_engine_name(engine),
                gemm_engine_rate(engine));
    gemm_engine_close(engine);
}

static void
check_each_model(struct doctor *doctor, struct base_models *models)
{
    struct err err;
    size_t count = 0;
    size_t faults = 0;
    const struct base_model *const *all = base_models_all(models, doctor->arena, &count);
    for (size_t i = 0; i < count; i++) {
        if (model_import_check(all[i]->folder, &err) == 0 || ++faults > DOCTOR_MAX_FAULTS)
            continue;
        doctor_find(doctor, "base_models", DOCTOR_FAIL,
                    "Fetch the model again, or take its folder away.", "%s (%s): %s", all[i]->id,
                    all[i]->folder, err.message);
    }
    if (count == 0)
        doctor_find(doctor, "base_models", DOCTOR_WARN,
                    "Give models_dir, a folder of Hugging Face model folders, or import one.",
                    "there is no base model to train");
    else if (faults == 0)
        doctor_find(doctor, "base_models", DOCTOR_OK, NULL, "all %zu open", count);
}

/* The configured folders, and the imports of the data directory. */
static void
check_base_models(struct doctor *doctor)
{
    struct err err;
    struct base_models *models = NULL;
    size_t count = doctor->config.models_dir.count;
    const char **folders = arena_array(doctor->arena, count + 1, sizeof *folders);
    for (size_t i = 0; i < count; i++)
        folders[i] = doctor->config.models_dir.items[i];
    const char *imports =
        doctor->dir != NULL ? data_dir_base_models_path(doctor->dir, doctor->arena) : NULL;
    if (imports != NULL && access(imports, F_OK) == 0)
        folders[count++] = imports;
    if (base_models_scan(folders, count, &models, &err) != 0) {
        doctor_find(doctor, "base_models", DOCTOR_FAIL, NULL, "%s", err.message);
        return;
    }
    check_each_model(doctor, models);
    base_models_free(models);
}

static const struct check {
    bool needs_data_dir;
    void (*run)(struct doctor *doctor);
} checks[] = {
    {false, check_version},        {false, doctor_check_data_dir}, {true, doctor_check_permissions},
    {true, doctor_check_database}, {true, doctor_check_stored},    {true, check_disk},
    {false, check_memory},         {false, check_processors},      {false, check_descriptors},
    {false, check_engine},         {false, check_base_models},
};

void
doctor_examine(const struct options *options, struct arena *arena, struct doctor_findings *out)
{
    struct err err;
    struct doctor doctor = {.arena = arena, .options = options, .findings = out};
    *out = (struct doctor_findings){0};
    if (config_load(options, arena, &doctor.config, &err) != 0) {
        doctor_find(&doctor, "configuration", DOCTOR_FAIL,
                    "Mend it (finetuned -n says when it is fine) and ask again: the other checks "
                    "need it.",
                    "%s", err.message);
        return;
    }
    if (config_check(&doctor.config, &err) != 0)
        doctor_find(&doctor, "configuration", DOCTOR_FAIL, "Mend it; finetuned -n checks it alone.",
                    "%s", err.message);
    else
        doctor_find(&doctor, "configuration", DOCTOR_OK, NULL, "every key is understood");
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
        if (!checks[i].needs_data_dir || doctor.dir != NULL)
            checks[i].run(&doctor);
    data_dir_close(doctor.dir);
}
