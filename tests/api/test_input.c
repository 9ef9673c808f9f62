/* What a request may say, by table: defaults, limits, and every fault at once. */
#include "api/input.h"

#include "api/operation.h"
#include "api/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const sizes[] = {"small", "large", NULL};
static const struct input_row query_rows[] = {
    INPUT_PAGE(20, 100),
    {"size", INPUT_CHOICE, .choices = sizes, .standard = 1, .doc = "Size."},
    {"step", INPUT_INTEGER, .min = -1, .max = INT64_MAX, .standard = -1, .doc = "Step."},
    {"dry", INPUT_BOOLEAN, .doc = "Dry."},
    {"verbose", INPUT_FLAG, .doc = "Verbose."},
    {"names", INPUT_TEXTS, .max = 3, .doc = "Names."},
    {"metadata", INPUT_PAIRS, .max = 2, .doc = "Pairs."},
    {"later", INPUT_INTEGER, .not_built = true, .doc = "Later."},
    {0},
};
static const struct input_row body_rows[] = {
    {"model", INPUT_TEXT, .required = true, .min = 1, .max = 4, .doc = "the model."},
    {"top", INPUT_INTEGER, .min = 0, .max = 20, .doc = "Top."},
    {"heat", INPUT_NUMBER, .min = 0, .max = 2, .doc = "Heat."},
    {"stream", INPUT_BOOLEAN, .doc = "Stream."},
    {"size", INPUT_CHOICE, .choices = sizes, .doc = "Size."},
    {"parts", INPUT_TEXTS, .min = 1, .max = 2, .doc = "Parts."},
    {"metadata", INPUT_PAIRS, .max = 1, .doc = "Pairs."},
    {"input", INPUT_VALUE, .schema = "{}", .doc = "Anything."},
    {"seed", INPUT_VALUE, .unused = true, .doc = "Of others."},
    {"tools", INPUT_VALUE, .not_built = true, .doc = "Leave it out."},
    {0},
};
static const struct operation operation = {.id = "test", .query = query_rows, .body = body_rows};
static const struct route route = {.method = "POST", .path = "/", .operation = &operation};

/* A request as it is when its handler runs, but for checks. */
struct scene {
    struct arena *arena;
    struct request request;
};

static int
open_scene(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    scene->arena = arena_new();
    scene->request.arena = scene->arena;
    scene->request.faults.arena = scene->arena;
    scene->request.match.route = &route;
    *state = scene;
    return 0;
}

static int
close_scene(void **state)
{
    struct scene *scene = *state;
    buf_fini(&scene->request.body);
    arena_free(scene->arena);
    free(scene);
    return 0;
}

static int
ask(void **state, const char *raw)
{
    struct scene *scene = *state;
    struct request *request = &scene->request;
    request->faults.count = 0;
    request->target = (struct target){0};
    assert_int_equal(target_parse(raw, scene->arena, &request->target, &request->faults), 0);
    return input_check_query(query_rows, &request->target, &request->faults);
}

static json_t *
send(void **state, const char *json)
{
    struct scene *scene = *state;
    scene->request.faults.count = 0;
    buf_clear(&scene->request.body);
    buf_append_string(&scene->request.body, json);
    return input_read_body(&scene->request);
}

static void
absent_parameters_have_their_standard(void **state)
{
    struct request *request = &((struct scene *)*state)->request;
    const char *names[3];
    struct metadata_filter pairs[2];
    assert_int_equal(ask(state, "/?unknown=1&metadata="), 0);
    struct page page = query_page(request);
    assert_int_equal(page.limit, 20);
    assert_null(page.after);
    assert_false(page.ascending);
    assert_int_equal(query_choice(request, "size"), 1);
    assert_int_equal(query_integer(request, "step"), -1);
    assert_false(query_boolean(request, "dry"));
    assert_false(query_flag(request, "verbose"));
    assert_int_equal(query_texts(request, "names", names), 0);
    assert_int_equal(query_pairs(request, "metadata", pairs), 0);
}

static void
parameters_are_read_as_they_were_sent(void **state)
{
    struct request *request = &((struct scene *)*state)->request;
    const char *names[3];
    struct metadata_filter pairs[2];
    assert_int_equal(ask(state, "/?limit=100&after=x&order=asc&size=small&step=7&dry=true&verbose&"
                                "names=a,b&names[]=c&metadata[k%20y]=v&metadata[z]=&later=false"),
                     0);
    struct page page = query_page(request);
    assert_int_equal(page.limit, 100);
    assert_string_equal(page.after, "x");
    assert_true(page.ascending);
    assert_int_equal(query_choice(request, "size"), 0);
    assert_int_equal(query_integer(request, "step"), 7);
    assert_true(query_boolean(request, "dry"));
    assert_true(query_flag(request, "verbose"));
    assert_int_equal(query_texts(request, "names", names), 3);
    assert_string_equal(names[2], "c");
    assert_int_equal(query_pairs(request, "metadata", pairs), 2);
    assert_string_equal(pairs[0].key, "k y");
    assert_string_equal(pairs[0].value, "v");
    assert_string_equal(pairs[1].value, "");
    assert_int_equal(ask(state, "/?after=&order=desc"), 0);
    assert_null(query_page(request).after);
}

static void
impossible_parameters_are_refused(void **state)
{
    static const char *const bad[] = {
        "limit=0",          "limit=101",    "limit=-1",
        "limit=x",          "limit=1x",     "limit=",
        "limit=+1",         "limit=1e2",    "limit=%201",
        "order=up",         "order=",       "limit=99999999999999999999",
        "size=medium",      "step=-2",      "dry=maybe",
        "names=a,b,c,d",    "metadata[]=x", "metadata[k=x",
        "metadata[a][b]=x", "later=1",      "metadata[a]=1&metadata[b]=&metadata[c]=",
    };
    struct request *request = &((struct scene *)*state)->request;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char raw[120];
        snprintf(raw, sizeof raw, "/?%s", bad[i]);
        assert_int_equal(ask(state, raw), -1);
        assert_int_equal(request->faults.count, 1);
        size_t length = strlen(request->faults.items[0].param);
        assert_int_equal(strncmp(bad[i], request->faults.items[0].param, length), 0);
    }
    assert_int_equal(ask(state, "/?limit=0&order=up&dry=2"), -1);
    assert_int_equal(request->faults.count, 3);
}

static void
body_is_an_object_of_known_members(void **state)
{
    static const struct {
        const char *body, *param;
        enum fault_code code;
    } bad[] = {
        {"{", NULL, FAULT_INVALID_JSON},
        {"[]", NULL, FAULT_INVALID_JSON},
        {"{\"model\":\"a\",\"model\":\"b\"}", NULL, FAULT_INVALID_JSON},
        {"{\"model\":\"a\",\"colour\":1}", "colour", FAULT_UNKNOWN_PARAMETER},
        {"{\"model\":null}", "model", FAULT_MISSING_PARAMETER},
        {"{}", "model", FAULT_MISSING_PARAMETER},
        {"{\"model\":1}", "model", FAULT_INVALID_PARAMETER},
        {"{\"model\":\"\"}", "model", FAULT_INVALID_PARAMETER},
        {"{\"model\":\"abcde\"}", "model", FAULT_INVALID_PARAMETER},
        {"{\"model\":\"a\",\"top\":21}", "top", FAULT_INVALID_PARAMETER},
        {"{\"model\":\"a\",\"top\":1.0}", "top", FAULT_INVALID_PARAMETER},
        {"{\"model\":\"a\",\"heat\":\"1\"}", "heat", FAULT_INVALID_PARAMETER},
        {"{\"model\":\"a\",\"stream\":1}", "stream", FAULT_INVALID_PARAMETER},
        {"{\"model\":\"a\",\"size\":\"huge\"}", "size", FAULT_INVALID_PARAMETER},
        {"{\"model\":\"a\",\"parts\":[]}", "parts", FAULT_INVALID_PARAMETER},
        {"{\"model\":\"a\",\"parts\":[1]}", "parts", FAULT_INVALID_PARAMETER},
        {"{\"model\":\"a\",\"metadata\":{\"a\":1}}", "metadata", FAULT_INVALID_PARAMETER},
        {"{\"model\":\"a\",\"metadata\":{\"\":\"x\"}}", "metadata", FAULT_INVALID_PARAMETER},
        {"{\"model\":\"a\",\"metadata\":{\"a\":\"\",\"b\":\"\"}}", "metadata",
         FAULT_INVALID_PARAMETER},
        {"{\"model\":\"a\",\"tools\":[1]}", "tools", FAULT_NOT_SUPPORTED_YET},
    };
    struct request *request = &((struct scene *)*state)->request;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_null(send(state, bad[i].body));
        assert_int_equal(request->faults.count, 1);
        assert_int_equal(request->faults.items[0].code, bad[i].code);
        if (bad[i].param != NULL)
            assert_string_equal(request->faults.items[0].param, bad[i].param);
    }
    assert_null(send(state, "{\"x\":1,\"top\":\"y\",\"tools\":true}"));
    assert_int_equal(request->faults.count, 4);
}

static void
null_means_absent_and_unused_members_are_not_looked_at(void **state)
{
    json_t *body = send(state, "{\"model\":\"\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\",\"top\":null,"
                               "\"seed\":{\"any\":[1]},\"tools\":[],\"heat\":0.5,\"parts\":[\"a\"],"
                               "\"input\":[1,\"x\"]}");
    assert_non_null(body);
    assert_null(body_member(body, "top"));
    assert_null(body_member(body, "absent"));
    assert_int_equal(json_array_size(body_member(body, "input")), 2);
    json_decref(body);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(absent_parameters_have_their_standard, open_scene,
                                        close_scene),
        cmocka_unit_test_setup_teardown(parameters_are_read_as_they_were_sent, open_scene,
                                        close_scene),
        cmocka_unit_test_setup_teardown(impossible_parameters_are_refused, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(body_is_an_object_of_known_members, open_scene,
                                        close_scene),
        cmocka_unit_test_setup_teardown(null_means_absent_and_unused_members_are_not_looked_at,
                                        open_scene, close_scene),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
