/* The small files beside a vocabulary; see tokenizer_config.h. */
#include "core/text/tokenizer_config.h"

#include "core/base/fileio.h"
#include "core/base/json.h"

#include <stdlib.h>
#include <string.h>

static const char *const role_keys[SPECIAL_COUNT] = {
    [SPECIAL_BOS] = "bos_token",   [SPECIAL_EOS] = "eos_token", [SPECIAL_UNK] = "unk_token",
    [SPECIAL_SEP] = "sep_token",   [SPECIAL_PAD] = "pad_token", [SPECIAL_CLS] = "cls_token",
    [SPECIAL_MASK] = "mask_token",
};

const char *
special_role_key(enum special_role role)
{
    return role_keys[role];
}

int
added_token_list_push(struct added_token_list *list, const struct added_token *token,
                      struct err *err)
{
    if (list->count == ADDED_TOKENS_MAX)
        return err_set(err, ERR_INVALID, "more than %d added tokens", ADDED_TOKENS_MAX);
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 8 : list->capacity * 2;
        list->tokens = mem_resize(list->tokens, list->capacity, sizeof *list->tokens);
    }
    list->tokens[list->count++] = *token;
    return 0;
}

void
tokenizer_config_fini(struct tokenizer_config *config)
{
    free(config->added.tokens);
    free(config->extras.tokens);
    *config = (struct tokenizer_config){0};
}

static int
read_bool(const json_t *object, const char *key, bool *out, struct err *err)
{
    const json_t *value = json_object_get(object, key);
    if (value == NULL)
        return 0;
    if (!json_is_boolean(value))
        return err_set(err, ERR_INVALID, "'%s' is neither true nor false", key);
    *out = json_is_true(value);
    return 0;
}

int
added_token_read(const json_t *value, struct arena *arena, struct added_token *out, struct err *err)
{
    *out = (struct added_token){.special = json_is_string(value)};
    const json_t *content = json_is_object(value) ? json_object_get(value, "content") : value;
    if (!json_is_string(content))
        return err_set(err, ERR_INVALID, "an added token has no content");
    if (json_string_length(content) > VOCAB_MAX_TOKEN_BYTES)
        return err_set(err, ERR_INVALID, "added token '%.40s...' has more than %d bytes",
                       json_string_value(content), VOCAB_MAX_TOKEN_BYTES);
    out->content = arena_copy_string(arena, json_string_value(content));
    json_int_t id = json_integer_value(json_object_get(value, "id"));
    out->id = id > 0 && id <= UINT32_MAX ? (uint32_t)id : 0;
    if (read_bool(value, "single_word", &out->single_word, err) != 0 ||
        read_bool(value, "lstrip", &out->lstrip, err) != 0 ||
        read_bool(value, "rstrip", &out->rstrip, err) != 0 ||
        read_bool(value, "special", &out->special, err) != 0)
        return err_prefix(err, "added token '%s'", out->content);
    out->normalized = !out->special;
    if (read_bool(value, "normalized", &out->normalized, err) != 0)
        return err_prefix(err, "added token '%s'", out->content);
    return 0;
}

/* A token whose place in a file says that it is special; null and "" mean none. */
static int
read_special(const json_t *value, struct arena *arena, struct added_token *out, struct err *err)
{
    if (json_is_null(value) || (json_is_string(value) && json_string_length(value) == 0)) {
        *out = (struct added_token){0};
        return 0;
    }
    if (added_token_read(value, arena, out, err) != 0)
        return err->code;
    if (json_is_object(value) && json_object_get(value, "normalized") == NULL)
        out->normalized = false;
    out->special = true;
    return 0;
}

static bool
is_role(const char *key)
{
    for (size_t i = 0; i < SPECIAL_COUNT; i++)
        if (strcmp(key, role_keys[i]) == 0)
            return true;
    return false;
}

static int
push_special(const json_t *value, struct arena *arena, struct added_token_list *list,
             struct err *err)
{
    struct added_token token;
    if (read_special(value, arena, &token, err) != 0)
        return err->code;
    return token.content == NULL ? 0 : added_token_list_push(list, &token, err);
}

/* extra_special_tokens, once called additional_special_tokens: an array, or an object of names. */
static int
read_extra_list(const json_t *value, struct arena *arena, struct added_token_list *list,
                struct err *err)
{
    const char *name;
    json_t *item;
    size_t i;
    if (!json_is_array(value) && !json_is_object(value))
        return err_set(err, ERR_INVALID, "it is neither an array nor an object");
    json_array_foreach (value, i, item)
        if (push_special(item, arena, list, err) != 0)
            return err->code;
    json_object_foreach ((json_t *)value, name, item)
        if (push_special(item, arena, list, err) != 0)
            return err->code;
    return 0;
}

static int
read_extras(const json_t *file, struct arena *arena, struct added_token_list *list, struct err *err)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)file, key, value) {
        size_t length = strlen(key);
        bool named = length > 6 && strcmp(key + length - 6, "_token") == 0 && !is_role(key);
        bool token = json_is_string(value) || json_object_get(value, "content") != NULL;
        if (named && token && push_special(value, arena, list, err) != 0)
            return err_prefix(err, "%s", key);
    }
    const char *lists[] = {"extra_special_tokens", "additional_special_tokens"};
    for (size_t i = 0; i < 2; i++) {
        const json_t *extra = json_object_get(file, lists[i]);
        if (extra != NULL && !json_is_null(extra))
            return read_extra_list(extra, arena, list, err) == 0 ? 0
                                                                 : err_prefix(err, "%s", lists[i]);
    }
    return 0;
}

static int
read_roles(const json_t *file, struct arena *arena, struct tokenizer_config *out, struct err *err)
{
    for (size_t i = 0; i < SPECIAL_COUNT; i++) {
        const json_t *value = json_object_get(file, role_keys[i]);
        if (value == NULL)
            continue;
        out->named[i] = true;
        if (read_special(value, arena, &out->roles[i], err) != 0)
            return err_prefix(err, "%s", role_keys[i]);
    }
    return 0;
}

static int
compare_ids(const void *a, const void *b)
{
    const struct added_token *left = a;
    const struct added_token *right = b;
    return (left->id > right->id) - (left->id < right->id);
}

void
added_token_list_sort(struct added_token_list *list)
{
    if (list->count > 0)
        qsort(list->tokens, list->count, sizeof *list->tokens, compare_ids);
}

/* A token's id as a file states it. */
static int
set_id(struct added_token *token, long long id, struct err *err)
{
    if (id < 0 || id > UINT32_MAX)
        return err_set(err, ERR_INVALID, "the id of '%s' is not from 0 to %lld", token->content,
                       (long long)UINT32_MAX);
    token->id = (uint32_t)id;
    return 0;
}

/* added_tokens_decoder: {"103": {"content": "[MASK]", ...}, ...} */
static int
read_decoder(const json_t *object, struct arena *arena, struct added_token_list *list,
             struct err *err)
{
    const char *key;
    json_t *value;
    if (!json_is_object(object))
        return err_set(err, ERR_INVALID, "it is not an object");
    json_object_foreach ((json_t *)object, key, value) {
        struct added_token token;
        char *end = NULL;
        long long id = strtoll(key, &end, 10);
        if (*key == '\0' || *end != '\0')
            return err_set(err, ERR_INVALID, "'%.40s' is not a token id", key);
        if (!json_is_object(value))
            return err_set(err, ERR_INVALID, "the token of id %lld is not an object", id);
        if (added_token_read(value, arena, &token, err) != 0 || set_id(&token, id, err) != 0 ||
            added_token_list_push(list, &token, err) != 0)
            return err->code;
    }
    added_token_list_sort(list);
    return 0;
}

static bool
is_special(const struct tokenizer_config *config, const char *content)
{
    for (size_t i = 0; i < SPECIAL_COUNT; i++) {
        const char *role = config->roles[i].content;
        if (role != NULL && strcmp(role, content) == 0)
            return true;
    }
    for (size_t i = 0; i < config->extras.count; i++)
        if (strcmp(config->extras.tokens[i].content, content) == 0)
            return true;
    return false;
}

/* added_tokens.json: {"<user>": 30522, ...} */
static int
read_added_file(const json_t *object, struct arena *arena, struct tokenizer_config *out,
                struct err *err)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)object, key, value) {
        bool special = is_special(out, key);
        struct added_token token = {
            .content = arena_copy_string(arena, key), .normalized = !special, .special = special};
        long long id = json_is_integer(value) ? (long long)json_integer_value(value) : -1;
        if (set_id(&token, id, err) != 0 || added_token_list_push(&out->added, &token, err) != 0)
            return err->code;
    }
    added_token_list_sort(&out->added);
    return 0;
}

static int
read_choice(const json_t *file, const char *key, enum choice *out, struct err *err)
{
    const json_t *value = json_object_get(file, key);
    bool yes = false;
    if (value == NULL || json_is_null(value))
        return 0;
    if (read_bool(file, key, &yes, err) != 0)
        return err->code;
    *out = yes ? CHOICE_YES : CHOICE_NO;
    return 0;
}

static int
read_string(const json_t *file, const char *key, struct arena *arena, const char **out,
            struct err *err)
{
    const json_t *value = json_object_get(file, key);
    if (value == NULL || json_is_null(value))
        return 0;
    if (!json_is_string(value))
        return err_set(err, ERR_INVALID, "'%s' is not a string", key);
    *out = arena_copy_string(arena, json_string_value(value));
    return 0;
}

/* "BertTokenizerFast" and "BertTokenizer" are one class. */
static int
read_class(const json_t *file, struct arena *arena, struct tokenizer_config *out, struct err *err)
{
    if (read_string(file, "tokenizer_class", arena, &out->class_name, err) != 0)
        return err->code;
    size_t length = out->class_name == NULL ? 0 : strlen(out->class_name);
    if (length > 4 && strcmp(out->class_name + length - 4, "Fast") == 0)
        out->class_name = arena_copy_bytes(arena, out->class_name, length - 4);
    return 0;
}

static int
read_config(const json_t *file, struct arena *arena, struct tokenizer_config *out, struct err *err)
{
    bool split_special = false;
    if (read_class(file, arena, out, err) != 0 ||
        read_bool(file, "do_lower_case", &out->do_lower_case, err) != 0 ||
        read_bool(file, "tokenize_chinese_chars", &out->tokenize_chinese_chars, err) != 0 ||
        read_choice(file, "strip_accents", &out->strip_accents, err) != 0 ||
        read_bool(file, "add_prefix_space", &out->add_prefix_space, err) != 0 ||
        read_bool(file, "trim_offsets", &out->trim_offsets, err) != 0 ||
        read_string(file, "truncation_side", arena, &out->truncation_side, err) != 0 ||
        read_bool(file, "split_special_tokens", &split_special, err) != 0)
        return err->code;
    if (split_special)
        return err_set(err, ERR_UNSUPPORTED, "split_special_tokens is not supported");
    if (read_roles(file, arena, out, err) != 0 || read_extras(file, arena, &out->extras, err) != 0)
        return err->code;
    const json_t *decoder = json_object_get(file, "added_tokens_decoder");
    out->lists_added = decoder != NULL;
    if (decoder != NULL && read_decoder(decoder, arena, &out->added, err) != 0)
        return err_prefix(err, "added_tokens_decoder");
    return 0;
}

/* What special_tokens_map.json says counts more than tokenizer_config.json. */
static int
read_map(const json_t *file, struct arena *arena, struct tokenizer_config *out, struct err *err)
{
    if (read_roles(file, arena, out, err) != 0)
        return err->code;
    return read_extras(file, arena, &out->extras, err);
}

typedef int reader(const json_t *file, struct arena *arena, struct tokenizer_config *out,
                   struct err *err);

/* Read an object from a file, if the folder has it. */
static int
read_file(const char *folder, const char *name, reader *read, struct arena *arena,
          struct tokenizer_config *out, struct err *err)
{
    const char *path = arena_printf(arena, "%s/%s", folder, name);
    if (!fileio_exists(path))
        return 0;
    /* transformers writes 10^30 where model_max_length has no limit */
    json_t *file = json_parse_file_huge(path, TOKENIZER_MAX_CONFIG_BYTES, err);
    if (file == NULL)
        return err->code;
    int status = json_is_object(file) ? 0 : err_set(err, ERR_INVALID, "it is not a JSON object");
    if (status == 0)
        status = read(file, arena, out, err);
    json_decref(file);
    return status == 0 ? 0 : err_prefix(err, "%s", path);
}

int
tokenizer_config_read(const char *folder, struct arena *arena, struct tokenizer_config *out,
                      struct err *err)
{
    *out = (struct tokenizer_config){
        .do_lower_case = true, .tokenize_chinese_chars = true, .trim_offsets = true};
    out->present = fileio_exists(arena_printf(arena, "%s/%s", folder, TOKENIZER_CONFIG_FILE));
    if (read_file(folder, TOKENIZER_CONFIG_FILE, read_config, arena, out, err) != 0)
        return err->code;
    if (out->lists_added)
        return 0;
    if (read_file(folder, TOKENIZER_MAP_FILE, read_map, arena, out, err) != 0)
        return err->code;
    return read_file(folder, TOKENIZER_ADDED_FILE, read_added_file, arena, out, err);
}
