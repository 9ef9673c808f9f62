/*
 * predict: texts in, labels with their probabilities out, in the order of the texts.
 *
 * Texts from a pipe are sent many at a time; a person who types gets an answer to each line.
 */
#include "api/client/client.h"
#include "api/client/fields.h"
#include "api/client/http.h"
#include "api/client/text.h"
#include "core/base/utf8.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 256, LABEL_WIDTH = 24, MOST_LABELS = 10000 };

struct prediction {
    const char *model;
    size_t top; /* labels shown of each text */
};

struct score {
    const char *label;
    double probability;
};

static int
compare_scores(const void *a, const void *b)
{
    double left = ((const struct score *)a)->probability;
    double right = ((const struct score *)b)->probability;
    return (left < right) - (left > right);
}

/* The labels of one result, the most probable first; *out is released with free(). */
static size_t
sorted_scores(const json_t *result, struct score **out)
{
    json_t *target = json_object_iter_value(json_object_iter((json_t *)result));
    json_t *scores = json_object_get(target, "scores");
    size_t count = 0;
    const char *label = NULL;
    json_t *value = NULL;
    *out = mem_resize(NULL, json_object_size(scores) + 1, sizeof **out);
    json_object_foreach (scores, label, value) {
        (*out)[count++] = (struct score){.label = label, .probability = json_number_value(value)};
    }
    qsort(*out, count, sizeof **out, compare_scores);
    return count;
}

static void
print_json(const json_t *text, const struct score *scores, const json_t *result)
{
    json_t *target = json_object_iter_value(json_object_iter((json_t *)result));
    json_t *line =
        json_pack("{s:O, s:s, s:f, s:O}", "text", text, "label", scores[0].label, "probability",
                  scores[0].probability, "scores", json_object_get(target, "scores"));
    field_print(line, stdout);
    json_decref(line);
}

/* "0.973  opening_hours             When do you open?"; further labels on lines of their own. */
static void
print_table(const json_t *text, const struct score *scores, size_t shown)
{
    bool terminal = isatty(STDOUT_FILENO);
    for (size_t i = 0; i < shown; i++) {
        struct buf line = {0};
        buf_printf(&line, "%.3f  ", scores[i].probability);
        if (i > 0) {
            text_append_safe(&line, scores[i].label);
        } else {
            text_append_cell(&line, scores[i].label, LABEL_WIDTH, false);
            buf_append_string(&line, "  ");
            size_t room = text_columns(stdout) - text_width(buf_string(&line));
            size_t width = text_width(json_string_value(text));
            bool cut = terminal && width > room;
            text_append_cell(&line, json_string_value(text), cut ? room : width, false);
        }
        printf("%s\n", buf_string(&line));
        buf_fini(&line);
    }
}

/* Classify what has been gathered and empty the array. */
static int
flush(struct client *client, const struct prediction *wanted, json_t *texts)
{
    size_t count = json_array_size(texts);
    json_t *reply = NULL;
    if (count == 0)
        return CLIENT_OK;
    json_t *body = json_pack("{s:s, s:O}", "model", wanted->model, "input", texts);
    int result = http_post(client, "/v1/classifications", body, &reply);
    json_decref(body);
    if (result != CLIENT_OK)
        return result;
    const json_t *results = field(reply, "results");
    if (json_array_size(results) != count)
        result = client_problem(client, CLIENT_REFUSED, "%zu texts were sent, %zu answers came",
                                count, json_array_size(results));
    for (size_t i = 0; i < count && result == CLIENT_OK; i++) {
        const json_t *text = json_array_get(texts, i), *answer = json_array_get(results, i);
        struct score *scores = NULL;
        size_t labels = sorted_scores(answer, &scores);
        if (labels == 0)
            result = client_problem(client, CLIENT_REFUSED, "an answer has no scores");
        else if (client->json)
            print_json(text, scores, answer);
        else
            print_table(text, scores, labels < wanted->top ? labels : wanted->top);
        free(scores);
    }
    fflush(stdout);
    json_array_clear(texts);
    json_decref(reply);
    return result;
}

static int
add_text(struct client *client, const char *bytes, size_t length, size_t number, json_t *texts)
{
    json_t *text = json_stringn(bytes, length);
    if (text == NULL || json_array_append_new(texts, text) != 0)
        return client_problem(client, CLIENT_USAGE, "text %zu is not UTF-8", number);
    return CLIENT_OK;
}

static int
predict_input(struct client *client, const struct prediction *wanted, json_t *texts)
{
    size_t batch = isatty(STDIN_FILENO) ? 1 : BATCH;
    int result = CLIENT_OK;
    char *line = NULL;
    size_t room = 0, number = 0;
    ssize_t length = 0;
    while (result == CLIENT_OK && (length = getline(&line, &room, stdin)) >= 0) {
        while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
            length--;
        result = add_text(client, line, (size_t)length, ++number, texts);
        if (result == CLIENT_OK && json_array_size(texts) >= batch)
            result = flush(client, wanted, texts);
    }
    if (result == CLIENT_OK && ferror(stdin))
        result = client_problem(client, CLIENT_USAGE, "standard input cannot be read: %s",
                                strerror(errno));
    free(line);
    return result == CLIENT_OK ? flush(client, wanted, texts) : result;
}

static int
parse(struct client *client, const struct command *command, int argc, char **argv,
      struct prediction *out)
{
    static const struct option options[] = {
        {"model", required_argument, NULL, 'm'}, {"top", required_argument, NULL, 't'}, {0}};
    int option = 0;
    char *end = NULL;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'm')
            out->model = optarg;
        else if (option == 't')
            out->top = strtoul(optarg, &end, 10);
        else
            return client_usage(client, command, "an option is not right");
    }
    if (out->top == 0 || out->top > MOST_LABELS || (end != NULL && *end != '\0'))
        return client_usage(client, command, "--top must be a number of labels");
    if (out->model == NULL ||
        utf8_valid_length(out->model, strlen(out->model)) < strlen(out->model))
        return client_usage(client, command, "--model is needed, in UTF-8");
    return CLIENT_OK;
}

int
command_predict(struct client *client, const struct command *command, int argc, char **argv)
{
    struct prediction wanted = {.top = 1};
    int result = parse(client, command, argc, argv, &wanted);
    if (result != CLIENT_OK)
        return result;
    json_t *texts = json_array();
    if (optind == argc)
        result = predict_input(client, &wanted, texts);
    for (int i = optind; i < argc && result == CLIENT_OK; i++) {
        result = add_text(client, argv[i], strlen(argv[i]), (size_t)(i - optind + 1), texts);
        if (result == CLIENT_OK && (i + 1 == argc || json_array_size(texts) >= BATCH))
            result = flush(client, &wanted, texts);
    }
    json_decref(texts);
    return result;
}
