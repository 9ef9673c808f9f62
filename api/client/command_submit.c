/*
 * submit: upload what is named and create a job.
 *
 * Every file is looked at before the first byte is sent, so that a misspelt name leaves nothing
 * half-done on the daemon.
 */
#include "api/client/client.h"
#include "api/client/estimate.h"
#include "api/client/fields.h"
#include "api/client/http.h"
#include "api/client/lines.h"
#include "api/client/text.h"
#include "api/client/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The files of a job: the option's name, and the key of the request that gets the id. */
static const struct {
    const char *option, *key;
} file_roles[] = {
    {"train", "training_file"},
    {"valid", "validation_file"},
    {"test", "test_file"},
};

enum { ROLE_COUNT = sizeof file_roles / sizeof file_roles[0] };

struct submission {
    const struct call *call;
    const char *files[ROLE_COUNT];    /* as named */
    const char *uploaded[ROLE_COUNT]; /* ids of those that were uploaded, else NULL */
    json_t *body;
};

static int
set_text(struct client *client, json_t *body, const char *key, const char *text)
{
    if (json_object_set_new(body, key, json_string(text)) != 0)
        return client_problem(client, CLIENT_USAGE, "the value of '%s' is not UTF-8", key);
    return CLIENT_OK;
}

/* NAME=VALUE: the value as JSON when it is JSON (numbers, true, [0.9, 0.99]), otherwise as text. */
static int
add_parameter(struct client *client, const struct command *command, const char *text, json_t *body)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text)
        return client_usage(client, command, "--param %s: it must be NAME=VALUE", text);
    struct err ignored;
    json_t *value = json_parse(equals + 1, strlen(equals + 1), false, &ignored);
    if (value == NULL)
        value = json_string(equals + 1);
    if (value == NULL)
        return client_usage(client, command, "--param %.*s: the value is not UTF-8",
                            (int)(equals - text), text);
    const char *name = arena_copy_bytes(client->arena, text, (size_t)(equals - text));
    if (json_object_set_new(body, name, value) != 0)
        return client_usage(client, command, "--param: the name is not UTF-8");
    return CLIENT_OK;
}

static int
take_option(struct client *client, const struct option_given *given, struct submission *out)
{
    struct err err;
    const struct command *command = out->call->command;
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        if (strcmp(given->name, file_roles[i].option) == 0) {
            out->files[i] = given->value;
            return CLIENT_OK;
        }
    }
    if (strcmp(given->name, "model") == 0)
        return set_text(client, out->body, "model", given->value);
    if (strcmp(given->name, "param") == 0)
        return add_parameter(client, command, given->value, out->body);
    const struct parameter *parameter = job_flags_find(&out->call->flags, given->name);
    if (parameter != NULL && job_flags_set(parameter, given->value, out->body, &err) != 0)
        return client_usage(client, command, "%s", err.message);
    return CLIENT_OK;
}

static int
parse(struct client *client, struct submission *out)
{
    const struct options *given = &out->call->given;
    for (size_t i = 0; i < given->count; i++) {
        int result = take_option(client, &given->given[i], out);
        if (result != CLIENT_OK)
            return result;
    }
    if (json_object_get(out->body, "model") == NULL || out->files[0] == NULL)
        return client_usage(client, out->call->command, "--model and --train are needed");
    return CLIENT_OK;
}

/* An id rather than a path: it looks like one, and no file has that name. */
static bool
is_file_id(const char *name)
{
    return strncmp(name, "file-", 5) == 0 && access(name, F_OK) != 0;
}

static int
check_file(struct client *client, const char *path)
{
    struct stat facts;
    if (is_file_id(path))
        return CLIENT_OK;
    if (stat(path, &facts) != 0 || access(path, R_OK) != 0)
        return client_problem(client, CLIENT_USAGE, "cannot read '%s': %s", path, strerror(errno));
    if (!S_ISREG(facts.st_mode))
        return client_problem(client, CLIENT_USAGE, "'%s' is not a file", path);
    return CLIENT_OK;
}

static void
print_uploaded(const char *path, const json_t *file)
{
    struct buf size = {0};
    text_append_bytes(&size, field_number(file, "bytes"));
    lines_say("uploaded %s (%s): %s", path, buf_string(&size), field_text(file, "id", "?"));
    buf_fini(&size);
}

/* Upload a file and put its id into the body. A file that the daemon finds faulty ends here. */
static int
send_file(struct client *client, struct submission *submission, size_t role)
{
    const char *path = submission->files[role], *key = file_roles[role].key;
    if (is_file_id(path))
        return set_text(client, submission->body, key, path);
    json_t *file = NULL;
    int result = http_upload(client, path, "fine-tune", &file);
    if (result != CLIENT_OK) {
        char *reason = arena_copy_string(client->arena, buf_string(&client->problem));
        return client_problem(client, (enum client_exit)result, "upload %s: %s", path, reason);
    }
    submission->uploaded[role] = arena_copy_string(client->arena, field_text(file, "id", ""));
    if (strcmp(field_text(file, "status", ""), "error") == 0)
        result = client_problem(client, CLIENT_REFUSED, "%s cannot be used: %s", path,
                                field_text(file, "status_details", "the daemon found it faulty"));
    else if (!client->json)
        print_uploaded(path, file);
    if (result == CLIENT_OK)
        result = set_text(client, submission->body, key, submission->uploaded[role]);
    json_decref(file);
    return result;
}

static int
create(struct client *client, const struct submission *submission)
{
    json_t *job = NULL;
    bool watch = options_has(&submission->call->given, "watch");
    int result = http_post(client, "/v1/fine_tuning/jobs", submission->body, &job);
    if (result != CLIENT_OK)
        return result;
    const char *id = field_text(job, "id", "");
    if (client->json) {
        field_print(job, stdout);
    } else {
        lines_say("created job %s", id);
        if (!watch)
            lines_say("follow it with: finetunectl watch %s", id);
    }
    fflush(stdout);
    if (watch)
        result = watch_job(client, id);
    json_decref(job);
    return result;
}

/* What the job would come to. The files that were uploaded for the question go again. */
static int
estimate(struct client *client, const struct submission *submission)
{
    json_t *answer = NULL;
    int result = http_post(client, "/v1/fine_tuning/jobs?dry_run=true", submission->body, &answer);
    if (result == CLIENT_OK && client->json)
        field_print(answer, stdout);
    else if (result == CLIENT_OK)
        estimate_print(answer);
    json_decref(answer);
    return result;
}

/* Whatever became of the question; its own answer counts, not that of the deletions. */
static void
delete_uploaded(struct client *client, const struct submission *submission)
{
    char *problem = arena_copy_string(client->arena, buf_string(&client->problem));
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        json_t *ignored = NULL;
        if (submission->uploaded[i] != NULL)
            http_delete(client, http_path(client, "/v1/files/", submission->uploaded[i], ""),
                        &ignored);
        json_decref(ignored);
    }
    buf_clear(&client->problem);
    buf_append_string(&client->problem, problem);
}

int
command_submit(struct client *client, const struct call *call)
{
    struct submission submission = {.call = call, .body = json_object()};
    bool dry = options_has(&call->given, "dry-run");
    int result = parse(client, &submission);
    for (size_t i = 0; i < ROLE_COUNT && result == CLIENT_OK; i++) {
        if (submission.files[i] != NULL)
            result = check_file(client, submission.files[i]);
    }
    for (size_t i = 0; i < ROLE_COUNT && result == CLIENT_OK; i++) {
        if (submission.files[i] != NULL)
            result = send_file(client, &submission, i);
    }
    if (result == CLIENT_OK)
        result = dry ? estimate(client, &submission) : create(client, &submission);
    if (dry)
        delete_uploaded(client, &submission);
    json_decref(submission.body);
    return result;
}
