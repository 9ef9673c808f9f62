/* The document says what the tables say, and refers to nothing that it does not have. */
#include "api/openapi.h"

#include "api/docs_assets.h"
#include "api/errors.h"
#include "api/operation.h"
#include "api/routes.h"
#include "tests/api/server_fixture.h"

static json_t *
document(void)
{
    struct err err;
    struct buf buf = {0};
    openapi_write(&buf, "1.2.3");
    json_t *root = json_parse(buf.data, buf.length, false, &err); /* refuses duplicate keys */
    if (root == NULL)
        fail_msg("%s", err.message);
    buf_fini(&buf);
    return root;
}

static const json_t *
described(const json_t *root, const struct route *route)
{
    char method[8] = "";
    for (size_t i = 0; route->method[i] != '\0'; i++)
        method[i] = (char)(route->method[i] | 0x20);
    const json_t *path = json_object_get(json_object_get(root, "paths"), route->path);
    return json_object_get(path, method);
}

static void
every_route_is_described(void **state)
{
    (void)state;
    json_t *root = document();
    for (size_t i = 0; routes_row(i) != NULL; i++) {
        const struct route *route = routes_row(i);
        const struct operation *operation = route->operation;
        if (operation == NULL)
            fail_msg("%s %s has no operation", route->method, route->path);
        const json_t *entry = described(root, route);
        assert_string_equal(json_text_at(entry, "operationId"), operation->id);
        assert_true(strlen(json_text_at(entry, "summary")) > 5);
        assert_in_range(operation->answers[0].status, 200, 299);
        bool has_body =
            operation->body != NULL || operation->form != NULL || operation->is_job_request;
        assert_int_equal(json_object_get(entry, "requestBody") != NULL, has_body);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(operation->id, routes_row(j)->operation->id);
    }
    json_decref(root);
}

static void
every_group_has_its_heading(void **state)
{
    (void)state;
    for (size_t i = 0; routes_row(i) != NULL; i++) {
        const struct operation_group *group = operation_groups;
        while (group->name != NULL && strcmp(group->name, routes_row(i)->operation->group) != 0)
            group++;
        assert_non_null(group->name);
    }
}

static size_t
count_in(const json_t *parameters, const char *name, const char *in)
{
    size_t i = 0, count = 0;
    json_t *parameter = NULL;
    json_array_foreach (parameters, i, parameter)
        count += strcmp(json_text_at(parameter, "name"), name) == 0 &&
                 strcmp(json_text_at(parameter, "in"), in) == 0;
    return count;
}

static void
every_parameter_of_a_query_is_described(void **state)
{
    (void)state;
    json_t *root = document();
    for (size_t i = 0; routes_row(i) != NULL; i++) {
        const struct input_row *row = routes_row(i)->operation->query;
        const json_t *parameters = json_object_get(described(root, routes_row(i)), "parameters");
        for (; row != NULL && row->name != NULL; row++)
            assert_int_equal(count_in(parameters, row->name, "query"), row->not_built ? 0 : 1);
    }
    json_decref(root);
}

/* Every answer names the request; every status of the error table that a route can meet is there.
 */
static void
every_fault_of_a_route_has_its_answer(void **state)
{
    (void)state;
    json_t *root = document();
    for (size_t i = 0; routes_row(i) != NULL; i++) {
        const struct route *route = routes_row(i);
        const json_t *answers = json_object_get(described(root, route), "responses");
        for (int code = 0; code < FAULT_CODE_COUNT; code++) {
            char status[16];
            snprintf(status, sizeof status, "%u",
                     error_status((enum fault_code)code, route->body == BODY_JSON));
            const json_t *answer = json_object_get(answers, status);
            if (!operation_has_fault(route, (enum fault_code)code))
                continue;
            assert_non_null(strstr(json_text_at(answer, "description"),
                                   fault_code_name((enum fault_code)code)));
            assert_non_null(json_object_get(json_object_get(answer, "headers"), "X-Request-Id"));
        }
    }
    json_decref(root);
}

/* Every "$ref" below a value leads somewhere. */
static size_t
check_references(const json_t *root, const json_t *value)
{
    size_t i = 0, count = 0;
    const char *key = NULL;
    json_t *inner = NULL;
    const char *reference = json_string_value(json_object_get(value, "$ref"));
    if (reference != NULL) {
        char place[32], name[128];
        assert_int_equal(sscanf(reference, "#/components/%31[a-z]/%127s", place, name), 2);
        const json_t *components = json_object_get(root, "components");
        if (json_object_get(json_object_get(components, place), name) == NULL)
            fail_msg("%s leads nowhere", reference);
        count++;
    }
    json_object_foreach ((json_t *)value, key, inner)
        count += check_references(root, inner);
    json_array_foreach (value, i, inner)
        count += check_references(root, inner);
    return count;
}

static void
references_lead_somewhere(void **state)
{
    (void)state;
    json_t *root = document();
    assert_true(check_references(root, root) > 100);
    json_decref(root);
}

static void
document_and_page_are_served(void **state)
{
    const struct server_fixture *fixture = *state;
    json_t *root = call_json(state, "GET", "/openapi.json", NULL);
    assert_string_equal(json_text_at(root, "openapi"), "3.1.0");
    json_decref(root);
    struct http_reply reply;
    http_call(fixture->port, "GET", "/docs", NULL, &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(http_header(&reply, "Content-Type"), "text/html; charset=utf-8");
    assert_non_null(strstr(http_header(&reply, "Content-Security-Policy"), "default-src 'none'"));
    http_reply_fini(&reply);
    for (const struct docs_asset *asset = docs_assets; asset->name != NULL; asset++) {
        char path[64];
        snprintf(path, sizeof path, "/docs/%s", asset->name);
        http_call(fixture->port, "GET", path, NULL, &reply);
        assert_int_equal(reply.status, 200);
        assert_int_equal(reply.body.length, asset->length);
        assert_null(strstr(buf_string(&reply.body), "http://")); /* nothing from elsewhere */
        assert_null(strstr(buf_string(&reply.body), "https://"));
        http_reply_fini(&reply);
    }
    const char *missing[3] = {"GET", "/docs/other.js", NULL};
    assert_call_fails(state, missing, 404, "not_found");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_is_described),
        cmocka_unit_test(every_group_has_its_heading),
        cmocka_unit_test(every_parameter_of_a_query_is_described),
        cmocka_unit_test(every_fault_of_a_route_has_its_answer),
        cmocka_unit_test(references_lead_somewhere),
        cmocka_unit_test_setup_teardown(document_and_page_are_served, fixture_open, fixture_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
