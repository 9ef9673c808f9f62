/*
 * A service of its own for each test: a data directory, and a models directory with one tiny model
 * ("tiny": configuration and vocabulary, no weights) that is written here.
 *
 * Waiting is done by asking again until a deadline; nothing depends on how long anything takes.
 */
#ifndef TESTS_DAEMON_SERVICE_FIXTURE_H
#define TESTS_DAEMON_SERVICE_FIXTURE_H

#include "core/base/buf.h"
#include "core/base/fileio.h"
#include "daemon/service_run.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { SERVICE_WAIT_SECONDS = 240, SERVICE_ASK_MS = 5 };

struct service_fixture {
    struct scratch scratch;
    struct arena *arena;
    const char *data_dir, *models_dir;
    struct gemm_engine *engine;
    struct service *service;
    struct fault_list faults;
    struct err err;
};

static const char tiny_config[] =
    "{\"model_type\": \"bert\", \"architectures\": [\"BertModel\"], \"hidden_size\": 16, "
    "\"num_hidden_layers\": 1, \"num_attention_heads\": 2, \"intermediate_size\": 32, "
    "\"vocab_size\": 60, \"max_position_embeddings\": 32, \"type_vocab_size\": 2, "
    "\"hidden_act\": \"gelu\", \"hidden_dropout_prob\": 0.1, "
    "\"attention_probs_dropout_prob\": 0.1, \"layer_norm_eps\": 1e-12, "
    "\"initializer_range\": 0.02, \"pad_token_id\": 0}\n";

static const char tiny_vocab[] =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ngood\nbad\nfine\nawful\nlovely\nnasty\nthe\na\nfilm\n"
    "book\nmeal\nroom\nwas\nis\nvery\nquite\nreally\nand\nbut\nnot\nso\nit\nwe\nthey\nhad\n"
    "##s\n##ly\n##er\n##ing\n.\n,\n!\n?\na1\na2\na3\na4\na5\na6\na7\na8\na9\nb1\nb2\nb3\nb4\n"
    "b5\nb6\nb7\nb8\nb9\nc1\nc2\nc3\nc4\n";

static inline void
fixture_write_model(struct service_fixture *f, const char *folder)
{
    scratch_folder(&f->scratch, folder);
    scratch_write_text(&f->scratch, arena_printf(f->arena, "%s/config.json", folder), tiny_config);
    scratch_write_text(&f->scratch, arena_printf(f->arena, "%s/vocab.txt", folder), tiny_vocab);
}

/* Options that a test changes before it opens the service itself. */
static inline struct service_options
fixture_options(struct service_fixture *f)
{
    return (struct service_options){
        .data_dir = f->data_dir,
        .models_dirs = &f->models_dir,
        .models_dir_count = 1,
        .threads = 2,
        .max_file_bytes = 1 << 20,
        .engine = f->engine,
    };
}

static inline void
fixture_open(struct service_fixture *f)
{
    struct service_options options = fixture_options(f);
    if (service_open(&options, &f->service, &f->err) != 0)
        fail_msg("%s", f->err.message);
}

static inline void
fixture_start(struct service_fixture *f)
{
    if (service_start(f->service, &f->err) != 0)
        fail_msg("%s", f->err.message);
}

static inline void
fixture_close(struct service_fixture *f)
{
    service_close(f->service);
    f->service = NULL;
}

/* Folders and model, no service yet. */
static inline int
fixture_prepare(void **state)
{
    struct service_fixture *f = calloc(1, sizeof *f);
    scratch_open(&f->scratch);
    f->arena = f->scratch.arena;
    f->faults.arena = f->arena;
    f->data_dir = scratch_path(&f->scratch, "data");
    f->models_dir = scratch_folder(&f->scratch, "models");
    fixture_write_model(f, "models/tiny");
    if (gemm_engine_open(NULL, &f->engine, &f->err) != 0)
        fail_msg("%s", f->err.message);
    *state = f;
    return 0;
}

/* An open service without threads: nothing runs. */
static inline int
fixture_setup_idle(void **state)
{
    fixture_prepare(state);
    fixture_open(*state);
    return 0;
}

static inline int
fixture_setup_running(void **state)
{
    fixture_setup_idle(state);
    fixture_start(*state);
    return 0;
}

static inline int
fixture_teardown(void **state)
{
    struct service_fixture *f = *state;
    service_close(f->service);
    gemm_engine_close(f->engine);
    scratch_close(&f->scratch);
    free(f);
    return 0;
}

/* Fail with the first fault unless result is 0. */
static inline void
fixture_ok(struct service_fixture *f, int result)
{
    if (result != 0)
        fail_msg("%s: %s", fault_code_name(f->faults.items[0].code), f->faults.items[0].message);
}

/* The call was refused with this as its first fault; the list is emptied for the next call. */
static inline struct fault
fixture_refused(struct service_fixture *f, int result, enum fault_code code, const char *param)
{
    assert_int_equal(result, -1);
    assert_true(f->faults.count > 0);
    struct fault fault = f->faults.items[0];
    if (fault.code != code)
        fail_msg("%s instead of %s: %s", fault_code_name(fault.code), fault_code_name(code),
                 fault.message);
    assert_int_equal(fault.param == NULL, param == NULL);
    if (param != NULL)
        assert_string_equal(fault.param, param);
    f->faults.count = 0;
    return fault;
}

static inline struct file_info
fixture_upload(struct service_fixture *f, const char *name, const char *text)
{
    struct upload *upload;
    struct file_info info = {0};
    fixture_ok(f, service_upload_begin(f->service, &upload, &f->faults));
    fixture_ok(f, service_upload_write(upload, text, strlen(text), &f->faults));
    fixture_ok(f,
               service_upload_finish_take(upload, name, "fine-tune", f->arena, &info, &f->faults));
    return info;
}

/* Rows of two labels that a tiny model can tell apart, as JSON Lines. */
static inline const char *
fixture_rows(struct service_fixture *f, size_t count)
{
    static const char *const good[] = {"good", "fine", "lovely"};
    static const char *const bad[] = {"bad", "awful", "nasty"};
    static const char *const things[] = {"film", "book", "meal", "room"};
    struct buf text = {0};
    for (size_t i = 0; i < count; i++) {
        bool is_good = i % 2 == 0;
        buf_printf(&text, "{\"text\": \"the %s was %s %s\", \"label\": \"%s\"}\n", things[i % 4],
                   i % 5 < 2 ? "very" : "quite", (is_good ? good : bad)[i % 3],
                   is_good ? "positive" : "negative");
    }
    const char *copy = arena_copy_string(f->arena, buf_string(&text));
    buf_fini(&text);
    return copy;
}

static inline int
fixture_try_create(struct service_fixture *f, const char *body, struct job_info *out)
{
    return service_job_create(f->service, body, strlen(body), f->arena, out, &f->faults);
}

/* A job on a new file of `rows` rows; more is further members, such as ", \"n_epochs\": 2". */
static inline struct job_info
fixture_create(struct service_fixture *f, size_t rows, const char *more)
{
    struct job_info job = {0};
    struct file_info file = fixture_upload(f, "train.jsonl", fixture_rows(f, rows));
    fixture_ok(f,
               fixture_try_create(f,
                                  arena_printf(f->arena,
                                               "{\"model\": \"tiny\", \"training_file\": \"%s\", "
                                               "\"learning_rate\": 0.01%s}",
                                               file.id, more),
                                  &job));
    return job;
}

/* A job that takes longer than any test: it ends by being stopped. */
static inline struct job_info
fixture_create_endless(struct service_fixture *f)
{
    return fixture_create(f, 40, ", \"max_steps\": 1000000, \"batch_size\": 4");
}

static inline struct job_info
fixture_get(struct service_fixture *f, const char *id)
{
    struct job_info job = {0};
    fixture_ok(f, service_job_get(f->service, id, f->arena, &job, &f->faults));
    return job;
}

/* The job, a moment later; fails at the deadline. */
static inline struct job_info
fixture_ask_again(struct service_fixture *f, const struct job_info *job, time_t deadline)
{
    struct timespec pause = {.tv_nsec = SERVICE_ASK_MS * 1000000L};
    if (time(NULL) > deadline)
        fail_msg("job %s is still %s at step %lld", job->id, job_status_name(job->status),
                 (long long)job->progress.step);
    nanosleep(&pause, NULL);
    return fixture_get(f, job->id);
}

/* Ask until the job satisfies `is_so`. */
static inline struct job_info
fixture_wait(struct service_fixture *f, const char *id, bool (*is_so)(const struct job_info *))
{
    time_t deadline = time(NULL) + SERVICE_WAIT_SECONDS;
    struct job_info job = fixture_get(f, id);
    while (!is_so(&job))
        job = fixture_ask_again(f, &job, deadline);
    return job;
}

static inline bool
job_has_ended(const struct job_info *job)
{
    return job->status != JOB_QUEUED && job->status != JOB_RUNNING;
}

static inline bool
job_has_trained(const struct job_info *job)
{
    return job_has_ended(job) || (job->status == JOB_RUNNING && job->progress.step > 0);
}

/* Ask until the job has come beyond a step, or has ended. */
static inline struct job_info
fixture_wait_beyond(struct service_fixture *f, const char *id, int64_t step)
{
    time_t deadline = time(NULL) + SERVICE_WAIT_SECONDS;
    struct job_info job = fixture_get(f, id);
    while (!job_has_ended(&job) && job.progress.step <= step)
        job = fixture_ask_again(f, &job, deadline);
    return job;
}

/* Wait for the end and expect success. */
static inline struct job_info
fixture_wait_success(struct service_fixture *f, const char *id)
{
    struct job_info job = fixture_wait(f, id, job_has_ended);
    if (job.status != JOB_SUCCEEDED)
        fail_msg("%s: %s: %s", job_status_name(job.status), job.error_code, job.error_message);
    return job;
}

/* Copy a job's model into the models directory, as base model "trained" after the next opening. */
static inline void
fixture_copy_to_bases(struct service_fixture *f, const char *job_id)
{
    static const char *const names[] = {"config.json", "vocab.txt", "model.safetensors"};
    scratch_folder(&f->scratch, "models/trained");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *from = arena_printf(f->arena, "%s/models/%s/%s", f->data_dir, job_id, names[i]);
        const char *to = arena_printf(f->arena, "%s/trained/%s", f->models_dir, names[i]);
        if (fileio_copy(from, to, &f->err) != 0)
            fail_msg("%s", f->err.message);
    }
}

/* Events of a job, oldest first. */
static inline struct event_list
fixture_events(struct service_fixture *f, const char *id)
{
    struct event_list events = {0};
    struct page page = {.limit = 1000, .ascending = true};
    fixture_ok(f, service_job_events(f->service, id, &page, f->arena, &events, &f->faults));
    return events;
}

/* How many events are of this kind? */
static inline size_t
fixture_count_kind(struct service_fixture *f, const char *id, const char *code)
{
    struct event_list events = fixture_events(f, id);
    size_t found = 0;
    for (size_t i = 0; i < events.count; i++)
        found += events.items[i].code != NULL && strcmp(events.items[i].code, code) == 0;
    return found;
}

/* How many events have this piece in their message. */
static inline size_t
fixture_count_events(struct service_fixture *f, const char *id, const char *piece)
{
    struct event_list events = fixture_events(f, id);
    size_t found = 0;
    for (size_t i = 0; i < events.count; i++)
        found += strstr(events.items[i].message, piece) != NULL;
    return found;
}

/* Ask until there is such an event. */
static inline void
fixture_wait_event(struct service_fixture *f, const char *id, const char *piece)
{
    time_t deadline = time(NULL) + SERVICE_WAIT_SECONDS;
    struct job_info job = fixture_get(f, id);
    while (fixture_count_events(f, id, piece) == 0)
        job = fixture_ask_again(f, &job, deadline);
}

/* The value of a named number; fails when it is absent. */
static inline double
fixture_value(const struct named_value *values, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(values[i].name, name) == 0)
            return values[i].value;
    fail_msg("there is no %s", name);
    return 0;
}

#define IDLE_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_setup_idle, fixture_teardown)
#define RUNNING_TEST(test)                                                                         \
    cmocka_unit_test_setup_teardown(test, fixture_setup_running, fixture_teardown)
#define PREPARED_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_prepare, fixture_teardown)

#endif
