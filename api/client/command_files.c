/* files: what was uploaded: a table, one in full, its report, uploading and removing. */
#include "api/client/client.h"
#include "api/client/fields.h"
#include "api/client/http.h"
#include "api/client/lines.h"
#include "api/client/table.h"
#include "api/client/text.h"

#include <stdio.h>
#include <string.h>

static void
write_id(const json_t *file, struct buf *out)
{
    buf_append_string(out, field_text(file, "id", "?"));
}

static void
write_size(const json_t *file, struct buf *out)
{
    text_append_bytes(out, field_number(file, "bytes"));
}

static void
write_status(const json_t *file, struct buf *out)
{
    buf_append_string(out, field_text(file, "status", "?"));
}

static void
write_created(const json_t *file, struct buf *out)
{
    text_append_time(out, field_integer(file, "created_at", 0));
}

/* Without the seconds: a table has little room. */
static void
write_minute(const json_t *file, struct buf *out)
{
    struct buf whole = {0};
    write_created(file, &whole);
    buf_append(out, buf_string(&whole), whole.length > 3 ? whole.length - 3 : whole.length);
    buf_fini(&whole);
}

static void
write_name(const json_t *file, struct buf *out)
{
    buf_append_string(out, field_text(file, "filename", "?"));
}

static void
write_purpose(const json_t *file, struct buf *out)
{
    buf_append_string(out, field_text(file, "purpose", "?"));
}

static void
write_fault(const json_t *file, struct buf *out)
{
    buf_append_string(out, field_text(file, "status_details", ""));
}

static void
write_expiry(const json_t *file, struct buf *out)
{
    int64_t when = field_integer(file, "expires_at", 0);
    if (when > 0)
        text_append_time(out, when);
}

static const struct column columns[] = {
    {"FILE", 29, false, write_id},      {"SIZE", 8, true, write_size},
    {"STATUS", 9, false, write_status}, {"UPLOADED", 16, false, write_minute},
    {"NAME", 10, false, write_name},
};

static const struct table table = {columns, sizeof columns / sizeof columns[0], "no files yet"};

static const struct line lines[] = {
    {"file", write_id},         {"name", write_name},      {"purpose", write_purpose},
    {"size", write_size},       {"status", write_status},  {"fault", write_fault},
    {"created", write_created}, {"expires", write_expiry},
};

int
command_files_ls(struct client *client, const struct call *call)
{
    int64_t limit = 20;
    struct err err;
    json_t *list = NULL;
    const char *purpose = options_value(&call->given, "purpose");
    if (options_number(&call->given, "limit", 1, 1000, &limit, &err) != 0)
        return client_usage(client, call->command, "%s", err.message);
    const char *path = arena_printf(client->arena, "/v1/files?limit=%lld", (long long)limit);
    if (purpose != NULL)
        path = http_path(client, arena_printf(client->arena, "%s&purpose=", path), purpose, "");
    int result = http_get(client, path, &list);
    if (result != CLIENT_OK)
        return result;
    if (client->json)
        field_print(list, stdout);
    else
        table_print(&table, list);
    json_decref(list);
    return CLIENT_OK;
}

int
command_file_show(struct client *client, const struct call *call)
{
    json_t *file = NULL;
    int result =
        http_get(client, http_path(client, "/v1/files/", call->given.operands[0], ""), &file);
    if (result != CLIENT_OK)
        return result;
    if (client->json)
        field_print(file, stdout);
    else
        lines_print(lines, sizeof lines / sizeof lines[0], file);
    json_decref(file);
    return CLIENT_OK;
}

static int
upload(struct client *client, const char *path, const char *purpose)
{
    json_t *file = NULL;
    int result = http_upload(client, path, purpose, &file);
    if (result != CLIENT_OK) {
        char *reason = arena_copy_string(client->arena, buf_string(&client->problem));
        return client_problem(client, (enum client_exit)result, "upload %s: %s", path, reason);
    }
    if (client->json)
        field_print(file, stdout);
    else
        lines_say("%s %s", field_text(file, "id", "?"), path);
    if (strcmp(field_text(file, "status", ""), "error") == 0)
        result = client_problem(client, CLIENT_REFUSED, "%s is stored as %s but cannot be used: %s",
                                path, field_text(file, "id", "?"),
                                field_text(file, "status_details", "the daemon found it faulty"));
    json_decref(file);
    return result;
}

int
command_file_upload(struct client *client, const struct call *call)
{
    const char *purpose = options_value(&call->given, "purpose");
    int result = CLIENT_OK;
    for (size_t i = 0; i < call->given.operand_count && result == CLIENT_OK; i++)
        result = upload(client, call->given.operands[i], purpose != NULL ? purpose : "fine-tune");
    return result;
}

int
command_files_rm(struct client *client, const struct call *call)
{
    int result = CLIENT_OK;
    for (size_t i = 0; i < call->given.operand_count && result == CLIENT_OK; i++) {
        const char *id = call->given.operands[i];
        json_t *reply = NULL;
        result = http_delete(client, http_path(client, "/v1/files/", id, ""), &reply);
        if (result == CLIENT_OK && client->json)
            field_print(reply, stdout);
        else if (result == CLIENT_OK)
            lines_say("%s deleted", id);
        json_decref(reply);
    }
    return result;
}
