/*
 * submit: upload what is named and create a job.
 *
 * Every file is looked at before the first byte is sent, so that a misspelt name leaves nothing
 * half-done on the daemon.
 */
#include "api/client/client.h"
#include "api/client/fields.h"
#include "api/client/http.h"
#include "api/client/text.h"
#include "api/client/watch.h"

#include <errno.h>
#include <getopt.h>
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
    const char *files[ROLE_COUNT];
    json_t *body;
    bool watch;
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
take_option(struct client *client, const struct command *command, int option,
            struct submission *out)
{
    switch (option) {
    case 't':
    case 'v':
    case 'e':
        out->files[option == 't' ? 0 : option == 'v' ? 1 : 2] = optarg;
        return CLIENT_OK;
    case 'm':
        return set_text(client, out->body, "model", optarg);
    case 's':
        return set_text(client, out->body, "suffix", optarg);
    case 'p':
        return add_parameter(client, command, optarg, out->body);
    case 'w':
        out->watch = true;
        return CLIENT_OK;
    default:
        return client_usage(client, command, "an option is not right");
    }
}

static int
parse(struct client *client, const struct command *command, int argc, char **argv,
      struct submission *out)
{
    static const struct option options[] = {
        {"model", required_argument, NULL, 'm'},  {"train", required_argument, NULL, 't'},
        {"valid", required_argument, NULL, 'v'},  {"test", required_argument, NULL, 'e'},
        {"suffix", required_argument, NULL, 's'}, {"param", required_argument, NULL, 'p'},
        {"watch", no_argument, NULL, 'w'},        {0},
    };
    int option = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        int result = take_option(client, command, option, out);
        if (result != CLIENT_OK)
            return result;
    }
    if (optind < argc)
        return client_usage(client, command,
                            "'%s' is too much: files are named by --train, "
                            "--valid and --test",
                            argv[optind]);
    if (json_object_get(out->body, "model") == NULL || out->files[0] == NULL)
        return client_usage(client, command, "--model and --train are needed");
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
    struct buf line = {0};
    buf_append_string(&line, "uploaded ");
    text_append_safe(&line, path);
    buf_append_string(&line, " (");
    text_append_bytes(&line, field_number(file, "bytes"));
    buf_append_string(&line, "): ");
    text_append_safe(&line, field_text(file, "id", "?"));
    printf("%s\n", buf_string(&line));
    buf_fini(&line);
}

/* Upload one file and put its id into the body. A file that the daemon finds faulty ends here. */
static int
send_file(struct client *client, const char *path, const char *key, json_t *body)
{
    if (is_file_id(path))
        return set_text(client, body, key, path);
    json_t *file = NULL;
    int result = http_upload(client, path, "fine-tune", &file);
    if (result != CLIENT_OK) {
        char *reason = arena_copy_string(client->arena, buf_string(&client->problem));
        return client_problem(client, (enum client_exit)result, "upload %s: %s", path, reason);
    }
    if (strcmp(field_text(file, "status", ""), "error") == 0)
        result = client_problem(client, CLIENT_REFUSED, "%s cannot be used: %s", path,
                                field_text(file, "status_details", "the daemon found it faulty"));
    else if (!client->json)
        print_uploaded(path, file);
    if (result == CLIENT_OK)
        result = set_text(client, body, key, field_text(file, "id", ""));
    json_decref(file);
    return result;
}

static int
create(struct client *client, const struct submission *submission)
{
    json_t *job = NULL;
    int result = http_post(client, "/v1/fine_tuning/jobs", submission->body, &job);
    if (result != CLIENT_OK)
        return result;
    const char *id = field_text(job, "id", "");
    if (client->json) {
        field_print(job, stdout);
    } else {
        struct buf line = {0};
        text_append_safe(&line, id);
        printf("created job %s\n", buf_string(&line));
        if (!submission->watch)
            printf("follow it with: finetunectl watch %s\n", buf_string(&line));
        buf_fini(&line);
    }
    fflush(stdout);
    if (submission->watch)
        result = watch_job(client, id);
    json_decref(job);
    return result;
}

int
command_submit(struct client *client, const struct command *command, int argc, char **argv)
{
    struct submission submission = {.body = json_object()};
    int result = parse(client, command, argc, argv, &submission);
    for (size_t i = 0; i < ROLE_COUNT && result == CLIENT_OK; i++) {
        if (submission.files[i] != NULL)
            result = check_file(client, submission.files[i]);
    }
    for (size_t i = 0; i < ROLE_COUNT && result == CLIENT_OK; i++) {
        if (submission.files[i] != NULL)
            result = send_file(client, submission.files[i], file_roles[i].key, submission.body);
    }
    if (result == CLIENT_OK)
        result = create(client, &submission);
    json_decref(submission.body);
    return result;
}
