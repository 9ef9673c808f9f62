/* The tables of fields.h as JSON schemas (2020-12, as OpenAPI 3.1 has them). */
#include "api/fields.h"

/* "type": "string", or ["string", "null"] when the member can be null. */
static void
write_type(struct json_out *out, const char *type, bool nullable)
{
    if (!nullable) {
        json_out_string(out, "type", type);
        return;
    }
    json_out_array(out, "type");
    json_out_string(out, NULL, type);
    json_out_string(out, NULL, "null");
    json_out_end_array(out);
}

static void
write_choices(struct json_out *out, const struct field_row *row, bool nullable)
{
    if (row->choices == NULL)
        return;
    json_out_array(out, "enum");
    for (const char *const *choice = row->choices; *choice != NULL; choice++)
        json_out_string(out, NULL, *choice);
    if (nullable)
        json_out_null(out, NULL);
    json_out_end_array(out);
}

static void
write_reference(struct json_out *out, const char *name)
{
    struct buf path = {0};
    buf_printf(&path, "#/components/schemas/%s", name);
    json_out_string(out, "$ref", buf_string(&path));
    buf_fini(&path);
}

static void
write_nullable_reference(struct json_out *out, const char *name)
{
    json_out_array(out, "anyOf");
    json_out_object(out, NULL);
    write_reference(out, name);
    json_out_end_object(out);
    json_out_raw(out, NULL, "{\"type\":\"null\"}");
    json_out_end_array(out);
}

/* {"key": {"type": type}} */
static void
write_nested_type(struct json_out *out, const char *key, const char *type, bool nullable)
{
    json_out_object(out, key);
    write_type(out, type, nullable);
    json_out_end_object(out);
}

static void
write_simple(struct json_out *out, const struct field_row *row, const char *type, bool nullable)
{
    write_type(out, type, nullable);
    write_choices(out, row, nullable);
}

static void
write_array(struct json_out *out, const struct field_row *row, bool nullable)
{
    write_type(out, "array", nullable);
    if (row->kind == FIELD_KIND_STRINGS) {
        write_nested_type(out, "items", "string", false);
        return;
    }
    json_out_object(out, "items");
    write_reference(out, row->object->name);
    json_out_end_object(out);
}

static void
write_body(struct json_out *out, const struct field_row *row)
{
    bool nullable = row->unset != FIELD_ALWAYS_SET && !row->omitted;
    switch (row->kind) {
    case FIELD_KIND_STRING:
    case FIELD_KIND_CHOICE:
        write_simple(out, row, "string", nullable);
        break;
    case FIELD_KIND_INTEGER:
    case FIELD_KIND_COUNT:
        write_simple(out, row, "integer", nullable);
        break;
    case FIELD_KIND_TIME:
        write_type(out, "integer", nullable);
        json_out_string(out, "format", "unixtime");
        break;
    case FIELD_KIND_REAL:
        write_type(out, "number", nullable);
        break;
    case FIELD_KIND_BOOLEAN:
        write_type(out, "boolean", nullable);
        break;
    case FIELD_KIND_CONST:
        json_out_raw(out, "const", row->text);
        break;
    case FIELD_KIND_STRINGS:
    case FIELD_KIND_LIST:
        write_array(out, row, nullable);
        break;
    case FIELD_KIND_NUMBERS:
        write_type(out, "object", nullable);
        write_nested_type(out, "additionalProperties", "number", true);
        break;
    case FIELD_KIND_RAW:
        write_type(out, "object", nullable);
        break;
    case FIELD_KIND_WITHIN:
    case FIELD_KIND_SAME:
        if (nullable)
            write_nullable_reference(out, row->object->name);
        else
            write_reference(out, row->object->name);
        break;
    case FIELD_KIND_FIRST_ID:
    case FIELD_KIND_LAST_ID:
        write_type(out, "string", true);
        break;
    case FIELD_KIND_WRITTEN: /* without a schema of its own: one of its choices */
        write_simple(out, row, "string", nullable);
        break;
    }
}

static void
write_row(struct json_out *out, const struct field_row *row)
{
    json_out_object(out, row->name);
    if (row->schema != NULL)
        json_out_members(out, row->schema);
    else
        write_body(out, row);
    json_out_string(out, "description", row->doc);
    json_out_end_object(out);
}

void
fields_object_schema(struct json_out *out, const char *key, const struct field_object *object)
{
    json_out_object(out, key);
    json_out_string(out, "type", "object");
    json_out_string(out, "description", object->doc);
    json_out_object(out, "properties");
    for (size_t i = 0; i < object->row_count; i++)
        write_row(out, &object->rows[i]);
    json_out_end_object(out);
    json_out_array(out, "required");
    for (size_t i = 0; i < object->row_count; i++) {
        if (!object->rows[i].omitted)
            json_out_string(out, NULL, object->rows[i].name);
    }
    json_out_end_array(out);
    json_out_end_object(out);
}
