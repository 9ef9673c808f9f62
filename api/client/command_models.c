/* models: the base models and the fine-tuned ones: a table, one in full with its files, removing.
 */
#include "api/client/client.h"
#include "api/client/fields.h"
#include "api/client/http.h"
#include "api/client/lines.h"
#include "api/client/table.h"
#include "api/client/text.h"

#include <stdio.h>
#include <sys/stat.h>

static void
write_id(const json_t *model, struct buf *out)
{
    buf_append_string(out, field_text(model, "id", "?"));
}

static void
write_weights(const json_t *model, struct buf *out)
{
    buf_append_string(out, field_text(model, "weights", "?"));
}

/* "22.7 M" */
static void
write_parameters(const json_t *model, struct buf *out)
{
    double count = field_number(model, "parameters");
    if (count > 0)
        buf_printf(out, "%.1f M", count / 1e6);
}

static void
write_created(const json_t *model, struct buf *out)
{
    text_append_time(out, field_integer(model, "created", 0));
}

/* Without the time of the day: a table has little room. */
static void
write_day(const json_t *model, struct buf *out)
{
    struct buf whole = {0};
    write_created(model, &whole);
    buf_append(out, buf_string(&whole), whole.length > 10 ? 10 : whole.length);
    buf_fini(&whole);
}

static void
write_shape(const json_t *model, struct buf *out)
{
    buf_printf(out, "%lld wide, %lld layers, up to %lld tokens",
               (long long)field_integer(model, "hidden_size", 0),
               (long long)field_integer(model, "layers", 0),
               (long long)field_integer(model, "max_seq_length", 0));
    if (field_integer(model, "stride", -1) >= 0)
        buf_printf(out, ", longer texts in windows that share %lld",
                   (long long)field_integer(model, "stride", 0));
}

static void
write_task(const json_t *model, struct buf *out)
{
    buf_append_string(out, field_text(model, "task", ""));
}

static void
write_root(const json_t *model, struct buf *out)
{
    buf_append_string(out, field_text(model, "root", ""));
}

static void
write_job(const json_t *model, struct buf *out)
{
    buf_append_string(out, field_text(model, "job", ""));
}

static const struct column columns[] = {
    {"WEIGHTS", 10, false, write_weights},
    {"SIZE", 7, true, write_parameters},
    {"CREATED", 10, false, write_day},
    {"MODEL", 20, false, write_id},
};

static const struct table table = {columns, sizeof columns / sizeof columns[0],
                                   "no models: put one into a models directory"};

static const struct line lines[] = {
    {"model", write_id},    {"weights", write_weights}, {"parameters", write_parameters},
    {"shape", write_shape}, {"task", write_task},       {"base model", write_root},
    {"made by", write_job}, {"created", write_created},
};

int
command_models_ls(struct client *client, const struct call *call)
{
    json_t *list = NULL;
    (void)call;
    int result = http_get(client, "/v1/models", &list);
    if (result != CLIENT_OK)
        return result;
    if (client->json)
        field_print(list, stdout);
    else
        table_print(&table, list);
    json_decref(list);
    return CLIENT_OK;
}

static void
print_files(const json_t *list)
{
    const json_t *files = field(list, "data");
    for (size_t i = 0; i < json_array_size(files); i++) {
        const json_t *file = json_array_get(files, i);
        struct buf text = {0};
        buf_append_string(&text, field_text(file, "name", "?"));
        buf_append_string(&text, ", ");
        text_append_bytes(&text, field_number(file, "bytes"));
        lines_print_one("file", buf_string(&text));
        buf_fini(&text);
    }
}

int
command_model_show(struct client *client, const struct call *call)
{
    json_t *model = NULL, *files = NULL;
    const char *path = http_path(client, "/v1/models/", call->given.operands[0], "");
    int result = http_get(client, path, &model);
    if (result == CLIENT_OK && client->json) {
        field_print(model, stdout);
    } else if (result == CLIENT_OK) {
        result = http_get(client, arena_printf(client->arena, "%s/files", path), &files);
        if (result == CLIENT_OK) {
            lines_print(lines, sizeof lines / sizeof lines[0], model);
            print_files(files);
        }
    }
    json_decref(files);
    json_decref(model);
    return result;
}

int
command_models_rm(struct client *client, const struct call *call)
{
    int result = CLIENT_OK;
    for (size_t i = 0; i < call->given.operand_count && result == CLIENT_OK; i++) {
        const char *id = call->given.operands[i];
        json_t *reply = NULL;
        result = http_delete(client, http_path(client, "/v1/models/", id, ""), &reply);
        if (result == CLIENT_OK && client->json)
            field_print(reply, stdout);
        else if (result == CLIENT_OK)
            lines_say("%s deleted", id);
        json_decref(reply);
    }
    return result;
}

/* A file here is sent; what is none is a folder's path, which the daemon looks for. */
int
command_model_import(struct client *client, const struct call *call)
{
    static const char route[] = "/v1/models/import";
    const char *path = call->given.operands[0];
    const char *id = options_value(&call->given, "id");
    json_t *model = NULL;
    struct stat status;
    int result;
    if (stat(path, &status) == 0 && S_ISREG(status.st_mode)) {
        const char *target =
            id != NULL ? http_path(client, "/v1/models/import?id=", id, "") : route;
        result = http_post_file(client, target, "application/x-tar", path, &model);
    } else {
        json_t *body = json_object();
        json_object_set_new(body, "path", json_string(path));
        if (id != NULL)
            json_object_set_new(body, "id", json_string(id));
        result = http_post(client, route, body, &model);
        json_decref(body);
    }
    if (result == CLIENT_OK && client->json)
        field_print(model, stdout);
    else if (result == CLIENT_OK)
        lines_say("%s imported", field_text(model, "id", "?"));
    json_decref(model);
    return result;
}
