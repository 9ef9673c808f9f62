/*
 * The daemon: build the objects in order, wait for a signal, take them down in reverse.
 *
 * Wiring only. The first argument may name another program (the table `programs`); otherwise this
 * is the daemon, configured by config_keys.h's table.
 */
#include "api/listen.h"
#include "api/server.h"
#include "core/base/buf.h"
#include "core/base/cpu.h"
#include "core/base/fileio.h"
#include "core/gemm/gemm.h"
#include "daemon/command.h"
#include "daemon/config.h"
#include "daemon/job_params.h"
#include "daemon/log.h"
#include "daemon/notify.h"
#include "daemon/reload.h"
#include "daemon/service_reload.h"
#include "daemon/service_run.h"
#include "daemon/signals.h"
#include "daemon/version.h"
#include "daemon/work/crash_marker.h"

#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *name;
    int (*run)(int count, char *const *arguments);
    const char *usage;
} programs[] = {
    {"run", command_run, "run JOB.json             train one job in the foreground"},
    {"tokenize", command_tokenize, "tokenize --model DIR     texts in, token ids out"},
    {"predict", command_predict, "predict --model DIR      texts in, labels and probabilities out"},
    {"backup", command_backup, "backup FILE              the data directory as one file"},
    {"restore", command_restore, "restore FILE --data-dir DIR   a data directory of a backup"},
    {"doctor", command_doctor, "doctor                   is everything in order?"},
};

enum { PROGRAM_COUNT = sizeof programs / sizeof programs[0] };

static void
print_help(const struct option_table *table)
{
    puts("Usage: finetuned [OPTION]...   the fine-tuning daemon");
    for (size_t i = 0; i < PROGRAM_COUNT; i++)
        printf("       finetuned %s\n", programs[i].usage);
    puts("\nEach has its own --help. Options of the daemon; every one with a value but\n"
         "--config is also a key of the configuration file (--data-dir is data_dir) and an\n"
         "environment variable (FINETUNED_DATA_DIR). Flag beats environment beats file.\n");
    options_print_help(table, stdout);
    puts("\nSIGTERM and SIGINT stop it: the running job goes back to the queue. A second\n"
         "signal kills it. SIGHUP makes it read its configuration again and look for new\n"
         "base models. Exit codes: 0 stopped as asked; 1 failed, or -n found a mistake;\n"
         "2 wrong options or configuration.");
}

/* -n: the listeners are opened for a moment; one that is in use is no mistake of the configuration.
 */
static int
check(const struct config *config, struct err *err)
{
    if (config_check(config, err) != 0)
        return err->code;
    for (size_t i = 0; i < config->listen.count; i++) {
        struct listen_socket listener;
        if (listen_open(config->listen.items[i], &listener, err) == 0)
            listen_close(&listener);
        else if (err->code != ERR_CONFLICT)
            return err->code;
    }
    return 0;
}

static int
write_port_file(const struct config *config, const struct api_server *server, struct err *err)
{
    char text[16];
    int length = snprintf(text, sizeof text, "%u\n", api_server_port(server, 0));
    if (config->port_file[0] == '\0')
        return 0;
    return fileio_publish(config->port_file, text, (size_t)length, err);
}

/* The one line that says the daemon can be used. */
static void
log_ready(const struct config *config, const struct api_server *server,
          const struct gemm_engine *engine)
{
    struct buf addresses = {0};
    for (size_t i = 0; i < config->listen.count; i++)
        buf_printf(&addresses, "%s%s", i > 0 ? "," : "", api_server_address(server, i));
    log_info("ready address=%s data_dir=\"%s\" engine=%s gflops_per_thread=%.0f threads=%zu",
             buf_string(&addresses), config->data_dir, gemm_engine_name(engine),
             gemm_engine_rate(engine), config->threads > 0 ? (size_t)config->threads : cpu_count());
    buf_fini(&addresses);
}

static void
tell_systemd(const char *state)
{
    struct err err;
    if (notify_send(state, &err) != 0)
        log_warn("notify error=\"%s\"", err.message);
}

static struct service_options
service_options_of(const struct config *config, const struct gemm_engine *engine)
{
    return (struct service_options){
        .data_dir = config->data_dir,
        .models_dirs = config->models_dir.items,
        .models_dir_count = config->models_dir.count,
        .import_dirs = config->import_dir.items,
        .import_dir_count = config->import_dir.count,
        .aliases = config->model_alias.items,
        .alias_count = config->model_alias.count,
        .threads = (size_t)config->threads,
        .max_file_bytes = config->max_file_bytes,
        .workers = (size_t)config->workers,
        .resume_interval = (double)config->resume_interval,
        .min_free_bytes = config->min_free_bytes,
        .keep = {.jobs_days = config->keep_jobs_days,
                 .events_days = config->keep_events_days,
                 .metrics_days = config->keep_metrics_days,
                 .resume_days = config->keep_resume_days,
                 .checkpoints = config->keep_checkpoints,
                 .files_days = config->keep_files_days,
                 .models_days = config->keep_models_days,
                 .evaluations_days = config->keep_evaluations_days},
        .engine = engine,
    };
}

/* The daemon that serves, as far as a reload goes. */
struct running {
    const struct options *flags;
    struct config config; /* in force */
    struct arena *arena;  /* of what the last reload has brought; NULL before */
    const struct gemm_engine *engine;
    struct service *service;
    struct api_server *server;
};

static void
log_changes(const struct reload_changes *changes)
{
    for (size_t i = 0; i < changes->count; i++) {
        const struct reload_change *change = &changes->items[i];
        if (change->is_live)
            log_info("reload key=%s before=\"%s\" after=\"%s\"", change->row->name, change->before,
                     change->after);
        else
            log_warn("reload key=%s in_force=\"%s\" configured=\"%s\" reason=\"read at the start "
                     "only: restart the daemon to apply it\"",
                     change->row->name, change->before, change->after);
    }
    log_info("reload done changed=%zu", changes->count);
}

/* The service has taken over its part of `next`; the rest, and the log's lines about it. */
static void
take_over(struct running *running, const struct config *next, struct arena *arena)
{
    struct reload_changes changes;
    enum log_level before = running->config.log_level, after = next->log_level;
    reload_compare(&running->config, next, arena, &changes);
    reload_take(next, &running->config);
    arena_free(running->arena);
    running->arena = arena;
    api_server_set_limits(running->server, next->max_file_bytes, (size_t)next->max_streams);
    log_set_format(next->log_format);
    log_set_level(before < after ? before : after); /* so that it is seen */
    log_changes(&changes);
    log_set_level(after);
}

/* SIGHUP: read all sources again. A mistake anywhere, and nothing changes. */
static void
reload(struct running *running)
{
    struct arena *arena = arena_new();
    struct config next;
    struct err err;
    if (notify_reloading(&err) != 0)
        log_warn("notify error=\"%s\"", err.message);
    int code = config_load(running->flags, arena, &next, &err);
    if (code == 0)
        code = config_check(&next, &err);
    if (code == 0) {
        const struct service_options options = service_options_of(&next, running->engine);
        code = service_reload(running->service, &options, &err);
    }
    if (code == 0) {
        take_over(running, &next, arena);
    } else {
        log_warn("reload refused error=\"%s\"", err.message);
        arena_free(arena);
    }
    tell_systemd("READY=1");
}

static int
wait_for_stop(struct running *running)
{
    int signal = signals_wait();
    while (signal == SIGHUP) {
        reload(running);
        signal = signals_wait();
    }
    return signal;
}

/* Before any thread: with a heap for each of a dozen threads, each keeps what its peak took. */
static void
share_heaps(void)
{
#if defined(M_ARENA_MAX)
    mallopt(M_ARENA_MAX, 2);
#endif
}

static int
serve(const struct config *config, const struct options *flags)
{
    struct running running = {.flags = flags, .config = *config};
    struct gemm_engine *engine = NULL;
    struct service *service = NULL;
    struct api_server *server = NULL;
    struct err err;
    bool stopped_as_asked = false;
    share_heaps();
    signals_block();
    fileio_raise_limit(); /* connections are descriptors */
    umask(077);
    log_set_level(config->log_level);
    log_set_format(config->log_format);
    if (gemm_engine_open(config->engine, &engine, &err) != 0) /* before any thread */
        goto out;
    const struct service_options service_options = service_options_of(config, engine);
    if (service_open(&service_options, &service, &err) != 0)
        goto out;
    signals_catch_crashes(crash_marker_write, service_crash_marker(service));
    if (service_start(service, &err) != 0)
        goto out;
    const struct api_server_options server_options = {
        .listen = config->listen.items,
        .listen_count = config->listen.count,
        .max_connections = (size_t)config->max_connections,
        .max_streams = (size_t)config->max_streams,
        .max_upload_bytes = config->max_file_bytes,
        .service = service,
    };
    if (api_server_start(&server_options, &server, &err) != 0 ||
        write_port_file(config, server, &err) != 0)
        goto out;
    log_ready(config, server, engine);
    tell_systemd("READY=1");
    running.engine = engine;
    running.service = service;
    running.server = server;
    log_info("stop signal=%s", wait_for_stop(&running) == SIGTERM ? "SIGTERM" : "SIGINT");
    tell_systemd("STOPPING=1");
    stopped_as_asked = true;
    if (config->port_file[0] != '\0')
        unlink(config->port_file);
out:
    if (!stopped_as_asked)
        log_error("fail start error=\"%s\"", err.message);
    if (service != NULL)
        service_stop(service); /* first: what requests wait for ends, and streams tell of it */
    api_server_stop(server);
    signals_catch_crashes(NULL, NULL);
    service_close(service);
    gemm_engine_close(engine);
    arena_free(running.arena);
    return stopped_as_asked ? EXIT_OK : EXIT_FAILED;
}

/* --help and its like; true when that was all. */
static bool
print_what_was_asked(const struct options *options, const struct option_table *table)
{
    if (options_has(options, "help"))
        print_help(table);
    else if (options_has(options, "help-parameters"))
        job_params_print_help(stdout);
    else if (options_has(options, "version"))
        printf("finetuned %s\n", version_text());
    else
        return false;
    return true;
}

static int
daemon_main(int count, char *const *arguments, struct arena *arena)
{
    struct option_table table = config_option_table(arena);
    struct options options;
    struct config config;
    struct err err;
    if (options_parse(&table, count, arguments, arena, &options, &err) != 0) {
        fprintf(stderr, "finetuned: %s\n", err.message);
        return EXIT_WRONG_USE;
    }
    if (print_what_was_asked(&options, &table))
        return EXIT_OK;
    if (options.operand_count > 0) {
        fprintf(stderr, "finetuned: there is no program '%s'; --help lists all\n",
                options.operands[0]);
        return EXIT_WRONG_USE;
    }
    bool only_check = options_has(&options, "check");
    if (config_load(&options, arena, &config, &err) != 0 ||
        (only_check && check(&config, &err) != 0)) {
        fprintf(stderr, "finetuned: %s\n", err.message);
        return only_check ? EXIT_FAILED : EXIT_WRONG_USE;
    }
    if (!only_check)
        return serve(&config, &options);
    printf("The configuration is fine: listening on %s, data in %s.\n", config.listen.items[0],
           config.data_dir);
    return EXIT_OK;
}

int
main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < PROGRAM_COUNT; i++) {
        if (strcmp(argv[1], programs[i].name) == 0)
            return programs[i].run(argc - 2, argv + 2);
    }
    struct arena *arena = arena_new();
    int status = daemon_main(argc > 1 ? argc - 1 : 0, argv + 1, arena);
    arena_free(arena);
    return status;
}
