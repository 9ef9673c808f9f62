/* JSON objects as tables; see fields.h. */
#include "api/fields.h"

#include "daemon/service.h"

#include <string.h>

static const void *
at(const void *item, size_t offset)
{
    return (const char *)item + offset;
}

static const char *
text_at(const struct field_row *row, const void *item)
{
    return *(const char *const *)at(item, row->offset);
}

static size_t
count_at(const struct field_row *row, const void *item)
{
    return *(const size_t *)at(item, row->count_offset);
}

bool
field_is_set(const struct field_row *row, const void *item)
{
    switch (row->unset) {
    case FIELD_ALWAYS_SET:
        return true;
    case FIELD_NULL_POINTER:
        return *(const void *const *)at(item, row->offset) != NULL;
    case FIELD_NULL_BELOW_ZERO:
        if (row->kind == FIELD_KIND_REAL)
            return *(const double *)at(item, row->offset) >= 0;
        return *(const int64_t *)at(item, row->offset) >= 0;
    case FIELD_NULL_BELOW_ONE:
        return *(const int64_t *)at(item, row->offset) >= 1;
    }
    return true;
}

static void
encode_strings(struct json_out *out, const char *name, const struct field_row *row,
               const void *item)
{
    const char *const *strings = *(const char *const *const *)at(item, row->offset);
    json_out_array(out, name);
    for (size_t i = 0; i < count_at(row, item); i++)
        json_out_string(out, NULL, strings[i]);
    json_out_end_array(out);
}

static void
encode_numbers(struct json_out *out, const char *name, const struct field_row *row,
               const void *item)
{
    const struct named_value *values = *(const struct named_value *const *)at(item, row->offset);
    json_out_object(out, name);
    for (size_t i = 0; i < count_at(row, item); i++)
        json_out_real(out, values[i].name, values[i].value);
    json_out_end_object(out);
}

static void
encode_list(struct json_out *out, const char *name, const struct field_row *row, const void *item)
{
    const char *items = *(const char *const *)at(item, row->offset);
    json_out_array(out, name);
    for (size_t i = 0; i < count_at(row, item); i++)
        fields_encode(out, NULL, row->object, items + i * row->object->bytes);
    json_out_end_array(out);
}

static const char *
id_of(const struct field_row *row, const void *item)
{
    const char *items = *(const char *const *)at(item, row->offset);
    size_t count = count_at(row, item);
    if (count == 0)
        return NULL;
    size_t i = row->kind == FIELD_KIND_FIRST_ID ? 0 : count - 1;
    return *(const char *const *)at(items, i * row->object->bytes);
}

static void
encode_member(struct json_out *out, const char *name, const struct field_row *row, const void *item)
{
    switch (row->kind) {
    case FIELD_KIND_STRING:
        json_out_string(out, name, text_at(row, item));
        break;
    case FIELD_KIND_INTEGER:
    case FIELD_KIND_TIME:
        json_out_integer(out, name, *(const int64_t *)at(item, row->offset));
        break;
    case FIELD_KIND_COUNT:
        json_out_integer(out, name, (int64_t) * (const size_t *)at(item, row->offset));
        break;
    case FIELD_KIND_REAL:
        json_out_real(out, name, *(const double *)at(item, row->offset));
        break;
    case FIELD_KIND_BOOLEAN:
        json_out_bool(out, name, *(const bool *)at(item, row->offset));
        break;
    case FIELD_KIND_CHOICE:
        json_out_string(out, name, row->choices[*(const unsigned *)at(item, row->offset)]);
        break;
    case FIELD_KIND_CONST:
        json_out_raw(out, name, row->text);
        break;
    case FIELD_KIND_STRINGS:
        encode_strings(out, name, row, item);
        break;
    case FIELD_KIND_NUMBERS:
        encode_numbers(out, name, row, item);
        break;
    case FIELD_KIND_WITHIN:
        fields_encode(out, name, row->object, at(item, row->offset));
        break;
    case FIELD_KIND_SAME:
        fields_encode(out, name, row->object, item);
        break;
    case FIELD_KIND_LIST:
        encode_list(out, name, row, item);
        break;
    case FIELD_KIND_FIRST_ID:
    case FIELD_KIND_LAST_ID:
        json_out_string(out, name, id_of(row, item));
        break;
    case FIELD_KIND_RAW:
        json_out_raw(out, name, text_at(row, item));
        break;
    case FIELD_KIND_WRITTEN:
        row->write(out, name, item);
        break;
    }
}

void
fields_encode(struct json_out *out, const char *key, const struct field_object *object,
              const void *item)
{
    json_out_object(out, key);
    for (size_t i = 0; i < object->row_count; i++) {
        const struct field_row *row = &object->rows[i];
        bool is_set = field_is_set(row, item);
        if (!is_set && row->omitted)
            continue;
        if (row->lead != NULL)
            json_out_lead(out, row->lead, row->lead_bytes);
        const char *name = row->lead != NULL ? NULL : row->name;
        if (is_set)
            encode_member(out, name, row, item);
        else
            json_out_null(out, name);
    }
    json_out_end_object(out);
}
