/*
 * `bench store`: how quickly a full database answers over HTTP, and what streams that have nothing
 * to say cost.
 *
 * The real server over the real service; no job runs. Times are from the request's first byte to
 * the reply's last, so the database, JSON and the sockets are all in them.
 */
#include "daemon/command.h"
#include "tests/bench/bench.h"
#include "tests/bench/figures.h"
#include "tests/bench/measure.h"
#include "tests/bench/store_filled.h"

#include "api/server.h"
#include "core/base/buf.h"
#include "core/base/fileio.h"
#include "daemon/log.h"
#include "daemon/options.h"
#include "daemon/service_run.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const struct option_row rows[] = {
    {"jobs", 0, "N", "Jobs. Default: 10000."},
    {"points", 0, "N", "Metric points of all of them. Default: 900000."},
    {"steps", 0, "N", "Steps of one job more. Default: 100000."},
    {"requests", 0, "N", "Of each kind. Default: 300."},
    {"streams", 0, "N", "Event streams that are opened. Default: 1000."},
    {"only", 0, "NAME", "Only the requests whose name begins so; for a profiler."},
    {"json", 0, NULL, "Print one JSON object."},
    {"help", 'h', NULL, "This text."},
};

struct bench {
    struct store_filling filling;
    struct store_filled filled;
    int64_t requests, streams;
    const char *only; /* NULL: all */
    struct service *service;
    struct api_server *server;
    struct figures figures;
    struct arena *arena;
};

static int
connect_to(unsigned port, struct err *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    err_set_errno(err, "connect to the server");
    if (fd >= 0)
        close(fd);
    return -1;
}

static int
ask(int fd, const char *path, struct err *err)
{
    struct buf text = {0};
    buf_printf(&text, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    ssize_t sent = send(fd, text.data, text.length, MSG_NOSIGNAL);
    bool whole = sent == (ssize_t)text.length;
    buf_fini(&text);
    return whole ? 0 : err_set(err, ERR_IO, "the server closed a connection");
}

/* Up to the end of the headers, and a body of their length; ERR_IO unless it is a 200. */
static int
read_reply(int fd, bool has_length, struct buf *out, struct err *err)
{
    size_t wanted = SIZE_MAX;
    char piece[65536];
    buf_clear(out);
    while (out->length < wanted) {
        ssize_t n = recv(fd, piece, sizeof piece, 0);
        if (n <= 0)
            return err_set(err, ERR_IO, "the server closed a connection");
        buf_append(out, piece, (size_t)n);
        const char *end = strstr(out->data, "\r\n\r\n");
        if (end == NULL || wanted != SIZE_MAX)
            continue;
        const char *length = strcasestr(out->data, "\r\nContent-Length: ");
        wanted = (size_t)(end + 4 - out->data);
        if (has_length && length != NULL)
            wanted += strtoul(length + strlen("\r\nContent-Length: "), NULL, 10);
    }
    if (strncmp(out->data, "HTTP/1.1 200", 12) != 0)
        return err_set(err, ERR_IO, "the server answered %.60s", out->data);
    return 0;
}

/* Processor time of all threads, which a loaded machine does not stretch as it does the clock's. */
static double
process_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Ask one path many times on one connection. */
static int
measure_path(struct bench *bench, const char *name, const char *path, struct err *err)
{
    size_t count = (size_t)bench->requests;
    double cpu = process_seconds();
    double *samples = mem_small(count * sizeof *samples);
    struct buf reply = {0};
    int fd = connect_to(api_server_port(bench->server, 0), err);
    int result = fd < 0 ? err->code : 0;
    for (size_t i = 0; i < count && result == 0; i++) {
        double start = measure_now();
        result = ask(fd, path, err);
        if (result == 0)
            result = read_reply(fd, true, &reply, err);
        samples[i] = 1e3 * (measure_now() - start);
    }
    cpu = 1e3 * (process_seconds() - cpu) / (double)count;
    if (result == 0) {
        figures_number(&bench->figures, arena_printf(bench->arena, "%s_cpu_ms", name), cpu, "ms",
                       "of processor time, the client's too");
        double low = measure_quantile(samples, count, 0.5);
        double high = measure_quantile(samples, count, 0.99);
        figures_number(&bench->figures, arena_printf(bench->arena, "%s_p50_ms", name), low, "ms",
                       NULL);
        figures_number(&bench->figures, arena_printf(bench->arena, "%s_p99_ms", name), high, "ms",
                       arena_printf(bench->arena, "%.0f KB", (double)reply.length / 1e3));
    }
    if (fd >= 0)
        close(fd);
    buf_fini(&reply);
    free(samples);
    return result == 0 ? 0 : err_prefix(err, "%s", path);
}

static int
measure_paths(struct bench *bench, struct err *err)
{
    const char *job = arena_printf(bench->arena, "/v1/fine_tuning/jobs/%s", bench->filled.long_job);
    const char *waiting =
        arena_printf(bench->arena, "/v1/fine_tuning/jobs/%s", bench->filled.waiting_job);
    int64_t steps = bench->filling.steps;
    const struct {
        const char *name, *path;
    } paths[] = {
        {"job", job},
        {"waiting_job", waiting},
        {"jobs_page_of_100", "/v1/fine_tuning/jobs?limit=100"},
        {"jobs_page_of_1000", "/v1/fine_tuning/jobs?limit=1000"},
        {"jobs_of_metadata", "/v1/fine_tuning/jobs?limit=1000&metadata%5Bteam%5D=a"},
        {"events_page_of_1000", arena_printf(bench->arena, "%s/events?limit=1000", job)},
        {"metrics_page_of_1000", arena_printf(bench->arena, "%s/metrics?limit=1000", job)},
        {"metrics_page_in_the_middle",
         arena_printf(bench->arena, "%s/metrics?limit=1000&after_step=%lld", job,
                      (long long)steps / 2)},
        {"metrics_page_of_one_name",
         arena_printf(bench->arena, "%s/metrics?limit=1000&names=train_loss", job)},
        {"metrics_page_of_a_rare_name",
         arena_printf(bench->arena, "%s/metrics?limit=1000&names=valid_loss", job)},
        {"max_points_500", arena_printf(bench->arena, "%s/metrics?max_points=500", job)},
        {"max_points_500_of_one_name",
         arena_printf(bench->arena, "%s/metrics?max_points=500&names=train_loss", job)},
        {"max_points_500_of_a_rare_name",
         arena_printf(bench->arena, "%s/metrics?max_points=500&names=valid_loss", job)},
        {"max_points_500_after_a_step",
         arena_printf(bench->arena, "%s/metrics?max_points=500&names=train_loss&after_step=%lld",
                      job, (long long)steps / 3)},
    };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        if ((bench->only == NULL ||
             strncmp(paths[i].name, bench->only, strlen(bench->only)) == 0) &&
            measure_path(bench, paths[i].name, paths[i].path, err) != 0)
            return err->code;
    return 0;
}

/* A number of /proc/self/status, as it stands there: kB of VmRSS, Threads. */
static double
process_number(const char *key)
{
    char line[256];
    double value = 0;
    FILE *file = fopen("/proc/self/status", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, key, strlen(key)) == 0)
            value = strtod(line + strlen(key) + 1, NULL);
    if (file != NULL)
        fclose(file);
    return value;
}

/* Streams of a job that waits: each has said its state and then has nothing to say. */
static int
measure_streams(struct bench *bench, struct err *err)
{
    size_t count = (size_t)bench->streams;
    int *sockets = mem_small((count + 1) * sizeof *sockets);
    size_t opened = 0;
    int result = 0;
    struct buf reply = {0};
    const char *path =
        arena_printf(bench->arena, "/v1/fine_tuning/jobs/%s/stream", bench->filled.waiting_job);
    double memory = process_number("VmRSS:");
    double threads = process_number("Threads:");
    for (; opened < count && result == 0; opened++) {
        sockets[opened] = connect_to(api_server_port(bench->server, 0), err);
        result = sockets[opened] < 0 ? (int)err->code : ask(sockets[opened], path, err);
        if (result == 0)
            result = read_reply(sockets[opened], false, &reply, err);
    }
    if (result == 0) {
        figures_number(&bench->figures, "streams_memory_mib",
                       (process_number("VmRSS:") - memory) / 1024, "MiB",
                       arena_printf(bench->arena,
                                    "%zu idle streams, of this process, which holds "
                                    "their clients' sockets, too",
                                    count));
        figures_number(&bench->figures, "streams_threads", process_number("Threads:") - threads, "",
                       NULL);
    }
    for (size_t i = 0; i < opened; i++)
        close(sockets[i]);
    buf_fini(&reply);
    free(sockets);
    return result;
}

static int
open_all(struct bench *bench, struct err *err)
{
    static const char *const addresses[] = {"127.0.0.1:0"};
    double start = measure_now();
    if (store_filled_make(&bench->filling, bench->arena, &bench->filled, err) != 0)
        return err_prefix(err, "fill");
    figures_number(&bench->figures, "fill_s", measure_now() - start, "s", NULL);
    const struct service_options options = {
        .data_dir = arena_printf(bench->arena, "%s/data", bench->filled.folder),
        .max_file_bytes = 1 << 20,
    };
    if (service_open(&options, &bench->service, err) != 0)
        return err->code;
    const struct api_server_options server = {
        .listen = addresses,
        .listen_count = 1,
        .max_connections = 2 * (size_t)bench->streams + 64,
        .max_streams = (size_t)bench->streams,
        .service = bench->service,
    };
    return api_server_start(&server, &bench->server, err);
}

static void
close_all(struct bench *bench)
{
    struct err ignored;
    api_server_stop(bench->server);
    service_close(bench->service);
    if (bench->filled.folder != NULL)
        fileio_remove_tree(bench->filled.folder, &ignored);
}

static int
read_numbers(const struct options *options, struct bench *bench, struct err *err)
{
    const struct {
        const char *name;
        int64_t min, max, *out;
    } numbers[] = {
        {"jobs", 2, 1000000, &bench->filling.jobs},
        {"points", 0, 100000000, &bench->filling.points},
        {"steps", 1, 100000000, &bench->filling.steps},
        {"requests", 1, 1000000, &bench->requests},
        {"streams", 1, 10000, &bench->streams},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (options_number(options, numbers[i].name, numbers[i].min, numbers[i].max, numbers[i].out,
                           err) != 0)
            return err->code;
    return 0;
}

static int
run(struct bench *bench)
{
    struct err err = {0};
    log_set_level(LOG_ERROR);
    fileio_raise_limit(); /* both ends of every stream are ours */
    int result = open_all(bench, &err);
    if (result == 0)
        result = measure_paths(bench, &err);
    if (result == 0)
        result = measure_streams(bench, &err);
    if (result != 0)
        fprintf(stderr, "bench store: %s\n", err.message);
    close_all(bench);
    return result == 0 ? EXIT_OK : EXIT_FAILED;
}

int
bench_store(int count, char *const *arguments)
{
    static const struct option_table table = {rows, sizeof rows / sizeof *rows};
    struct bench bench = {.filling = {.jobs = 10000, .points = 900000, .steps = 100000},
                          .requests = 300,
                          .streams = 1000,
                          .arena = arena_new()};
    struct options options;
    struct err err = {0};
    int exit_code = EXIT_WRONG_USE;
    if (options_parse(&table, count, arguments, bench.arena, &options, &err) != 0 ||
        read_numbers(&options, &bench, &err) != 0) {
        fprintf(stderr, "bench store: %s\n", err.message);
    } else if (options_has(&options, "help")) {
        puts("Usage: bench store [OPTION]...\n\nFills a database and asks it over HTTP.\n");
        options_print_help(&table, stdout);
        exit_code = EXIT_OK;
    } else {
        bench.only = options_value(&options, "only");
        figures_init(&bench.figures, options_has(&options, "json"));
        exit_code = run(&bench);
        figures_end(&bench.figures);
    }
    arena_free(bench.arena);
    return exit_code;
}
