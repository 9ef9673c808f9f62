/* cancel, pause, resume, retry, delete: what can be done to jobs, one after the other. */
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
