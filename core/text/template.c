/* Templates and their JSON forms; see template.h. */
#include "core/text/template.h"

#include <string.h>

static void
append(struct template *template, enum template_kind kind, uint32_t id, uint8_t type)
{
    template->pieces[template->count++] =
        (struct template_piece){.kind = kind, .type = type, .id = id};
    template->specials += kind == TEMPLATE_SPECIAL;
}

struct templates
templates_bert(uint32_t cls, uint32_t sep)
{
    struct templates templates = {.single = {.count = 0}};
    append(&templates.single, TEMPLATE_SPECIAL, cls, 0);
    append(&templates.single, TEMPLATE_FIRST, 0, 0);
    append(&templates.single, TEMPLATE_SPECIAL, sep, 0);
    templates.pair = templates.single;
    append(&templates.pair, TEMPLATE_SECOND, 0, 1);
    append(&templates.pair, TEMPLATE_SPECIAL, sep, 1);
    return templates;
}

struct templates
templates_roberta(uint32_t cls, uint32_t sep)
{
    struct templates templates = {.single = {.count = 0}};
    append(&templates.single, TEMPLATE_SPECIAL, cls, 0);
    append(&templates.single, TEMPLATE_FIRST, 0, 0);
    append(&templates.single, TEMPLATE_SPECIAL, sep, 0);
    templates.pair = templates.single;
    append(&templates.pair, TEMPLATE_SPECIAL, sep, 0);
    append(&templates.pair, TEMPLATE_SECOND, 0, 0);
    append(&templates.pair, TEMPLATE_SPECIAL, sep, 0);
    return templates;
}

static bool
equal(const struct template *a, const struct template *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->pieces[i].kind != b->pieces[i].kind || a->pieces[i].type != b->pieces[i].type ||
            a->pieces[i].id != b->pieces[i].id)
            return false;
    return true;
}

bool
templates_equal(const struct templates *a, const struct templates *b)
{
    return equal(&a->single, &b->single) && equal(&a->pair, &b->pair);
}

static int
read_id(const json_t *value, uint32_t *out, struct err *err)
{
    json_int_t id = json_is_integer(value) ? json_integer_value(value) : -1;
    if (id < 0 || id > UINT32_MAX)
        return err_set(err, ERR_INVALID, "a special token has no id from 0 to %lld",
                       (long long)UINT32_MAX);
    *out = (uint32_t)id;
    return 0;
}

static int
append_checked(struct template *template, enum template_kind kind, uint32_t id, uint8_t type,
               struct err *err)
{
    if (template->count == TEMPLATE_MAX_PIECES)
        return err_set(err, ERR_UNSUPPORTED, "a template of more than %d pieces",
                       TEMPLATE_MAX_PIECES);
    append(template, kind, id, type);
    return 0;
}

/* A special token of a template stands for one id or more, listed in special_tokens. */
static int
read_special(const json_t *piece, const json_t *special_tokens, uint8_t type, struct template *out,
             struct err *err)
{
    const char *name = json_string_value(json_object_get(piece, "id"));
    const json_t *ids = json_object_get(json_object_get(special_tokens, name ? name : ""), "ids");
    if (!json_is_array(ids) || json_array_size(ids) == 0)
        return err_set(err, ERR_INVALID, "special token '%s' of the template has no ids",
                       name ? name : "");
    for (size_t i = 0; i < json_array_size(ids); i++) {
        uint32_t id = 0;
        if (read_id(json_array_get(ids, i), &id, err) != 0 ||
            append_checked(out, TEMPLATE_SPECIAL, id, type, err) != 0)
            return err->code;
    }
    return 0;
}

static int
read_sequence(const json_t *piece, uint8_t type, struct template *out, struct err *err)
{
    const char *name = json_string_value(json_object_get(piece, "id"));
    if (name != NULL && strcmp(name, "A") == 0)
        return append_checked(out, TEMPLATE_FIRST, 0, type, err);
    if (name != NULL && strcmp(name, "B") == 0)
        return append_checked(out, TEMPLATE_SECOND, 0, type, err);
    return err_set(err, ERR_INVALID, "a template names a sequence other than A and B");
}

static int
read_piece(const json_t *piece, const json_t *special_tokens, struct template *out, struct err *err)
{
    const json_t *special = json_object_get(piece, "SpecialToken");
    const json_t *sequence = json_object_get(piece, "Sequence");
    const json_t *body = special != NULL ? special : sequence;
    if (body == NULL)
        return err_set(err, ERR_INVALID, "a template piece is neither SpecialToken nor Sequence");
    const json_t *type = json_object_get(body, "type_id");
    if (!json_is_integer(type) || json_integer_value(type) < 0)
        return err_set(err, ERR_INVALID, "a template piece has no type_id");
    if (json_integer_value(type) >= TEMPLATE_TYPES)
        return err_set(err, ERR_UNSUPPORTED, "a template with a type_id above 1");
    uint8_t type_id = (uint8_t)json_integer_value(type);
    return special != NULL ? read_special(body, special_tokens, type_id, out, err)
                           : read_sequence(body, type_id, out, err);
}

/* Each text once, the first before the second. */
static int
check_order(const struct template *template, size_t texts, struct err *err)
{
    size_t seen = 0;
    for (size_t i = 0; i < template->count; i++) {
        enum template_kind kind = template->pieces[i].kind;
        if (kind == TEMPLATE_SPECIAL)
            continue;
        if (seen == texts || kind != (seen == 0 ? TEMPLATE_FIRST : TEMPLATE_SECOND))
            return err_set(err, ERR_UNSUPPORTED,
                           "a template that does not hold each text once, "
                           "A before B");
        seen++;
    }
    return seen == texts ? 0 : err_set(err, ERR_UNSUPPORTED, "a template that leaves a text out");
}

static int
read_template(const json_t *pieces, const json_t *special_tokens, size_t texts,
              struct template *out, struct err *err)
{
    if (!json_is_array(pieces))
        return err_set(err, ERR_INVALID, "a template is not an array");
    for (size_t i = 0; i < json_array_size(pieces); i++)
        if (read_piece(json_array_get(pieces, i), special_tokens, out, err) != 0)
            return err->code;
    return check_order(out, texts, err);
}

static int
read_cls_and_sep(const json_t *value, struct templates (*make)(uint32_t cls, uint32_t sep),
                 struct templates *out, struct err *err)
{
    uint32_t cls = 0;
    uint32_t sep = 0;
    if (read_id(json_array_get(json_object_get(value, "cls"), 1), &cls, err) != 0)
        return err_prefix(err, "post_processor: cls");
    if (read_id(json_array_get(json_object_get(value, "sep"), 1), &sep, err) != 0)
        return err_prefix(err, "post_processor: sep");
    *out = make(cls, sep);
    return 0;
}

static void
texts_alone(struct templates *out)
{
    append(&out->single, TEMPLATE_FIRST, 0, 0);
    append(&out->pair, TEMPLATE_FIRST, 0, 0);
    append(&out->pair, TEMPLATE_SECOND, 0, 1);
}

int
templates_read(const json_t *value, struct templates *out, struct err *err)
{
    *out = (struct templates){.single = {.count = 0}};
    if (value == NULL || json_is_null(value)) {
        texts_alone(out);
        return 0;
    }
    const char *type = json_string_value(json_object_get(value, "type"));
    if (type == NULL)
        return err_set(err, ERR_INVALID, "post_processor has no type");
    if (strcmp(type, "BertProcessing") == 0)
        return read_cls_and_sep(value, templates_bert, out, err);
    if (strcmp(type, "RobertaProcessing") == 0)
        return read_cls_and_sep(value, templates_roberta, out, err);
    if (strcmp(type, "TemplateProcessing") != 0)
        return err_set(err, ERR_UNSUPPORTED,
                       "post_processor of type '%.40s' is not supported; TemplateProcessing, "
                       "BertProcessing and RobertaProcessing are",
                       type);
    const json_t *specials = json_object_get(value, "special_tokens");
    if (read_template(json_object_get(value, "single"), specials, 1, &out->single, err) != 0)
        return err_prefix(err, "post_processor: single");
    if (read_template(json_object_get(value, "pair"), specials, 2, &out->pair, err) != 0)
        return err_prefix(err, "post_processor: pair");
    return 0;
}

static json_t *
template_to_json(const struct template *template,
                 const char *(*name)(const void *context, uint32_t id), const void *context,
                 json_t *specials)
{
    json_t *pieces = json_array();
    for (size_t i = 0; i < template->count; i++) {
        const struct template_piece *piece = &template->pieces[i];
        int type = piece->type;
        if (piece->kind != TEMPLATE_SPECIAL) {
            const char *text = piece->kind == TEMPLATE_FIRST ? "A" : "B";
            json_array_append_new(
                pieces, json_pack("{s:{s:s,s:i}}", "Sequence", "id", text, "type_id", type));
            continue;
        }
        const char *token = name(context, piece->id);
        json_array_append_new(
            pieces, json_pack("{s:{s:s,s:i}}", "SpecialToken", "id", token, "type_id", type));
        json_object_set_new(specials, token,
                            json_pack("{s:s,s:[I],s:[s]}", "id", token, "ids",
                                      (json_int_t)piece->id, "tokens", token));
    }
    return pieces;
}

json_t *
templates_to_json(const struct templates *templates,
                  const char *(*name)(const void *context, uint32_t id), const void *context)
{
    json_t *specials = json_object();
    json_t *single = template_to_json(&templates->single, name, context, specials);
    json_t *pair = template_to_json(&templates->pair, name, context, specials);
    return json_pack("{s:s,s:o,s:o,s:o}", "type", "TemplateProcessing", "single", single, "pair",
                     pair, "special_tokens", specials);
}
