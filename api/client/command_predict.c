/*
 * predict: texts in, what the model says of them out (prediction.h), in the order of the texts.
 *
 * Texts are operands, or lines of files, or lines of standard input. From a pipe they are sent many
 * at a time; a person who types gets an answer to each line. An item of the request is a string, or
 * an object with text and text_pair.
 */
#include "api/client/client.h"
#include "api/client/fields.h"
#include "api/client/http.h"
#include "api/client/prediction.h"
#include "core/base/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 256, MOST_LABELS = 10000 };

struct prediction {
    const char *model;
    const struct prediction_kind *kind; /* by the model's task; NULL before the first answer */
    size_t top;                         /* labels shown of each text; 0: as the kind has it */
    bool pairs;    /* operands come in twos, lines have a tab between text and pair */
    bool jsonl;    /* lines are JSON */
    json_t *texts; /* gathered, to be sent */
};

/* What the model says depends on its task, so that is asked for once. */
static int
find_kind(struct client *client, struct prediction *wanted)
{
    json_t *model = NULL;
    if (wanted->kind != NULL)
        return CLIENT_OK;
    int result = http_get(client, http_path(client, "/v1/models/", wanted->model, ""), &model);
    if (result == CLIENT_OK)
        wanted->kind = prediction_kind_of(field_text(model, "task", "classification"));
    json_decref(model);
    return result;
}

/* Send what has been gathered, print the answers and empty the array. */
static int
flush(struct client *client, struct prediction *wanted)
{
    json_t *texts = wanted->texts;
    size_t count = json_array_size(texts);
    json_t *reply = NULL;
    if (count == 0)
        return CLIENT_OK;
    int result = find_kind(client, wanted);
    if (result != CLIENT_OK)
        return result;
    json_t *body = json_pack("{s:s, s:O}", "model", wanted->model, "input", texts);
    result = http_post(client, wanted->kind->path, body, &reply);
    json_decref(body);
    if (result != CLIENT_OK)
        return result;
    const json_t *results = field(reply, "results");
    if (json_array_size(results) != count)
        result = client_problem(client, CLIENT_REFUSED, "%zu texts were sent, %zu answers came",
                                count, json_array_size(results));
    for (size_t i = 0; i < count && result == CLIENT_OK; i++) {
        const json_t *text = json_array_get(texts, i), *answer = json_array_get(results, i);
        const struct prediction_print print = {text, answer, wanted->top};
        if (!wanted->kind->is_whole(answer))
            result = client_problem(client, CLIENT_REFUSED, "an answer has no scores");
        else if (client->json)
            wanted->kind->print_json(&print);
        else
            wanted->kind->print_table(&print);
    }
    fflush(stdout);
    json_array_clear(texts);
    json_decref(reply);
    return result;
}

/* Take over an item, which may be NULL: then it was no UTF-8. */
static int
add(struct client *client, struct prediction *wanted, json_t *item, size_t number)
{
    if (item == NULL || json_array_append_new(wanted->texts, item) != 0)
        return client_problem(client, CLIENT_USAGE, "text %zu is not UTF-8", number);
    return CLIENT_OK;
}

static json_t *
make_pair(json_t *text, json_t *pair)
{
    json_t *item = text != NULL && pair != NULL ? json_object() : NULL;
    if (item == NULL) {
        json_decref(text);
        json_decref(pair);
        return NULL;
    }
    json_object_set_new(item, "text", text);
    json_object_set_new(item, "text_pair", pair);
    return item;
}

/* A line of JSON: "text", ["text", "pair"], {"text": …, "text_pair": …}, or {"tokens": [...]} for
 * models that label words; NULL otherwise. */
static json_t *
parse_item(const char *bytes, size_t length)
{
    struct err ignored;
    json_t *value = json_parse(bytes, length, false, &ignored);
    json_t *first =
        json_is_array(value) ? json_array_get(value, 0) : json_object_get(value, "text");
    json_t *second =
        json_is_array(value) ? json_array_get(value, 1) : json_object_get(value, "text_pair");
    bool pair = json_is_string(first) && json_is_string(second) &&
                (!json_is_array(value) || json_array_size(value) == 2);
    bool single = json_is_object(value) && json_is_string(first) && second == NULL;
    json_t *item = NULL;
    if (json_is_string(value))
        item = json_incref(value);
    else if (pair)
        item = make_pair(json_incref(first), json_incref(second));
    else if (single)
        item = json_incref(first);
    else if (json_is_array(json_object_get(value, "tokens")))
        item = json_pack("{s:O}", "tokens", json_object_get(value, "tokens"));
    json_decref(value);
    return item;
}

static int
add_line(struct client *client, struct prediction *wanted, const char *line, size_t length,
         size_t number)
{
    if (wanted->jsonl) {
        json_t *item = parse_item(line, length);
        if (item == NULL)
            return client_problem(client, CLIENT_USAGE,
                                  "line %zu must be a text in JSON, an array of two, or an object "
                                  "with text and text_pair, or with tokens",
                                  number);
        return add(client, wanted, item, number);
    }
    const char *tab = wanted->pairs ? memchr(line, '\t', length) : NULL;
    if (!wanted->pairs)
        return add(client, wanted, json_stringn(line, length), number);
    if (tab == NULL)
        return client_problem(client, CLIENT_USAGE,
                              "line %zu has no tab between the two texts of a pair", number);
    size_t first = (size_t)(tab - line);
    json_t *item = make_pair(json_stringn(line, first), json_stringn(tab + 1, length - first - 1));
    return add(client, wanted, item, number);
}

static int
predict_lines(struct client *client, struct prediction *wanted, FILE *file, const char *name)
{
    size_t batch = isatty(fileno(file)) ? 1 : BATCH;
    int result = CLIENT_OK;
    char *line = NULL;
    size_t room = 0, number = 0;
    ssize_t length = 0;
    while (result == CLIENT_OK && (length = getline(&line, &room, file)) >= 0) {
        while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
            length--;
        result = add_line(client, wanted, line, (size_t)length, ++number);
        if (result == CLIENT_OK && json_array_size(wanted->texts) >= batch)
            result = flush(client, wanted);
    }
    if (result == CLIENT_OK && ferror(file))
        result =
            client_problem(client, CLIENT_USAGE, "%s cannot be read: %s", name, strerror(errno));
    free(line);
    return result == CLIENT_OK ? flush(client, wanted) : result;
}

static int
predict_file(struct client *client, struct prediction *wanted, const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return client_problem(client, CLIENT_USAGE, "cannot read '%s': %s", path, strerror(errno));
    int result = predict_lines(client, wanted, file, path);
    fclose(file);
    return result;
}

static int
predict_operands(struct client *client, struct prediction *wanted, const struct options *given)
{
    int result = CLIENT_OK;
    size_t step = wanted->pairs ? 2 : 1;
    for (size_t i = 0; i < given->operand_count && result == CLIENT_OK; i += step) {
        json_t *item = json_string(given->operands[i]);
        if (wanted->pairs)
            item = make_pair(item, json_string(given->operands[i + 1]));
        result = add(client, wanted, item, i + 1);
        if (result == CLIENT_OK && json_array_size(wanted->texts) >= BATCH)
            result = flush(client, wanted);
    }
    return result == CLIENT_OK ? flush(client, wanted) : result;
}

static int
parse(struct client *client, const struct call *call, struct prediction *out)
{
    struct err err;
    int64_t top = 0;
    const struct options *given = &call->given;
    out->model = options_value(given, "model");
    out->pairs = options_has(given, "pairs");
    out->jsonl = options_has(given, "jsonl");
    if (options_number(given, "top", 1, MOST_LABELS, &top, &err) != 0)
        return client_usage(client, call->command, "%s", err.message);
    out->top = (size_t)top;
    if (out->model == NULL ||
        utf8_valid_length(out->model, strlen(out->model)) < strlen(out->model))
        return client_usage(client, call->command, "--model is needed, in UTF-8");
    if (out->pairs && given->operand_count % 2 != 0)
        return client_usage(client, call->command, "--pairs: texts must come in twos");
    if (given->operand_count > 0 && (out->jsonl || options_has(given, "file")))
        return client_usage(client, call->command, "name texts or files, not both");
    return CLIENT_OK;
}

static int
predict_files(struct client *client, struct prediction *wanted, const struct options *given)
{
    int result = CLIENT_OK;
    for (size_t i = 0; i < given->count && result == CLIENT_OK; i++) {
        if (strcmp(given->given[i].name, "file") == 0)
            result = predict_file(client, wanted, given->given[i].value);
    }
    return result;
}

int
command_predict(struct client *client, const struct call *call)
{
    struct prediction wanted = {.texts = json_array()};
    int result = parse(client, call, &wanted);
    if (result == CLIENT_OK && call->given.operand_count > 0)
        result = predict_operands(client, &wanted, &call->given);
    else if (result == CLIENT_OK && options_has(&call->given, "file"))
        result = predict_files(client, &wanted, &call->given);
    else if (result == CLIENT_OK)
        result = predict_lines(client, &wanted, stdin, "standard input");
    json_decref(wanted.texts);
    return result;
}
