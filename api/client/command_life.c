/* cancel, pause, resume, retry, delete, update: what can be done to jobs, one after the other. */
#include "api/client/client.h"
#include "api/client/fields.h"
#include "api/client/http.h"
#include "api/client/lines.h"

#include <string.h>

static int
change(struct client *client, const char *verb, const char *id)
{
    json_t *reply = NULL;
    bool deletes = strcmp(verb, "delete") == 0;
    const char *action = deletes ? "" : arena_printf(client->arena, "/%s", verb);
    const char *path = http_path(client, "/v1/fine_tuning/jobs/", id, action);
    int result =
        deletes ? http_delete(client, path, &reply) : http_post(client, path, NULL, &reply);
    if (result != CLIENT_OK)
        return result;
    if (client->json)
        field_print(reply, stdout);
    else
        lines_say("%s %s", field_text(reply, "id", id),
                  deletes ? "deleted" : field_text(reply, "status", "?"));
    json_decref(reply);
    return CLIENT_OK;
}

/* The first job that cannot be changed ends it: those before it are, and were said. */
int
command_job_change(struct client *client, const struct call *call)
{
    int result = CLIENT_OK;
    for (size_t i = 0; i < call->given.operand_count && result == CLIENT_OK; i++)
        result = change(client, call->command->name, call->given.operands[i]);
    return result;
}

/* NAME=VALUE into an object. */
static int
add_pair(struct client *client, const struct call *call, const char *pair, json_t *metadata)
{
    const char *equals = strchr(pair, '=');
    if (equals == NULL || equals == pair)
        return client_usage(client, call->command, "--metadata %s: it must be NAME=VALUE", pair);
    const char *name = arena_copy_bytes(client->arena, pair, (size_t)(equals - pair));
    if (json_object_set_new(metadata, name, json_string(equals + 1)) != 0)
        return client_usage(client, call->command, "--metadata %s: it is not UTF-8", pair);
    return CLIENT_OK;
}

/* The body of the PATCH. */
static int
read_update(struct client *client, const struct call *call, json_t *body)
{
    struct err err;
    int64_t priority = 0;
    json_t *metadata = options_has(&call->given, "metadata") ? json_object() : NULL;
    int result = CLIENT_OK;
    for (size_t i = 0; i < call->given.count && result == CLIENT_OK; i++)
        if (strcmp(call->given.given[i].name, "metadata") == 0)
            result = add_pair(client, call, call->given.given[i].value, metadata);
    if (metadata != NULL && options_has(&call->given, "no-metadata") && result == CLIENT_OK)
        result = client_usage(client, call->command,
                              "--metadata and --no-metadata contradict each other");
    if (result == CLIENT_OK &&
        options_number(&call->given, "priority", -100, 100, &priority, &err) != 0)
        result = client_usage(client, call->command, "%s", err.message);
    if (options_has(&call->given, "priority"))
        json_object_set_new(body, "priority", json_integer(priority));
    if (options_has(&call->given, "no-metadata"))
        json_object_set_new(body, "metadata", json_null());
    if (metadata != NULL)
        json_object_set_new(body, "metadata", metadata);
    if (result == CLIENT_OK && json_object_size(body) == 0)
        result = client_usage(client, call->command, "nothing is to be changed");
    return result;
}

int
command_job_update(struct client *client, const struct call *call)
{
    json_t *body = json_object();
    int result = read_update(client, call, body);
    for (size_t i = 0; i < call->given.operand_count && result == CLIENT_OK; i++) {
        const char *id = call->given.operands[i];
        json_t *job = NULL;
        result = http_patch(client, http_path(client, "/v1/fine_tuning/jobs/", id, ""), body, &job);
        if (result == CLIENT_OK && client->json)
            field_print(job, stdout);
        else if (result == CLIENT_OK)
            lines_say("%s updated", field_text(job, "id", id));
        json_decref(job);
    }
    json_decref(body);
    return result;
}
