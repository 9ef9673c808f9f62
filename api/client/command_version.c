/* version: ours, and the daemon's when one answers; without one the exit status says so. */
#include "api/client/client.h"
#include "api/client/fields.h"
#include "api/client/http.h"
#include "api/client/text.h"

static void
print_line(const char *name, const char *value)
{
    struct buf line = {0};
    text_append_safe(&line, value);
    printf("%s %s\n", name, buf_string(&line));
    buf_fini(&line);
}

int
command_version(struct client *client, const struct call *call)
{
    json_t *version = NULL;
    (void)call;
    if (!client->json)
        print_line("finetunectl", FINETUNED_VERSION);
    int result = http_get(client, "/version", &version);
    if (result != CLIENT_OK)
        return result;
    if (client->json)
        field_print(version, stdout);
    else
        print_line("finetuned", field_text(version, "version", "?"));
    json_decref(version);
    return CLIENT_OK;
}
