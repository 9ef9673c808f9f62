/*
 * Options of submit from the parameter table. The client is a program, not a library, so its source
 * is part of this one.
 */
#include "api/client/job_flags.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct option_row own_rows[] = {
    {"model", 0, "MODEL", "Its own."},
    {"watch", 0, NULL, "Its own, too."},
};
static const struct option_table own = {own_rows, sizeof own_rows / sizeof own_rows[0]};

struct scene {
    struct arena *arena;
    struct job_flags flags;
    json_t *body;
};

static int
open_scene(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    scene->arena = arena_new();
    scene->body = json_object();
    job_flags_init(&scene->flags, &own, scene->arena);
    *state = scene;
    return 0;
}

static int
close_scene(void **state)
{
    struct scene *scene = *state;
    json_decref(scene->body);
    arena_free(scene->arena);
    free(scene);
    return 0;
}

static const struct option_row *
find(const struct scene *scene, const char *name)
{
    const struct option_table *table = &scene->flags.table;
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->rows[i].name, name) == 0)
            return &table->rows[i];
    }
    return NULL;
}

static int
give(void **state, const char *name, const char *value)
{
    struct err err;
    struct scene *scene = *state;
    assert_non_null(find(scene, name));
    assert_non_null(job_flags_find(&scene->flags, name));
    return job_flags_set(job_flags_find(&scene->flags, name), value, scene->body, &err);
}

/* Every parameter that a request may have: as an option, or for a reason that stands here. */
static void
every_parameter_is_an_option_once(void **state)
{
    static const char *const others[] = {"model", "training_file", "validation_file", "test_file",
                                         "hyperparameters"};
    const struct scene *scene = *state;
    size_t offered = 0;
    for (size_t i = 0; i < scene->flags.count; i++) {
        const struct parameter *parameter = &scene->flags.parameters[i];
        bool other = parameter->kind == PARAMETER_NOT_BUILT;
        for (size_t k = 0; k < sizeof others / sizeof others[0]; k++)
            other = other || strcmp(others[k], parameter->name) == 0;
        if (other)
            continue;
        const char *name = option_name(parameter->name, scene->arena);
        const struct option_row *row = find(scene, name);
        assert_non_null(row);
        assert_ptr_equal(job_flags_find(&scene->flags, name), parameter);
        assert_non_null(strstr(row->doc, parameter->doc));
        offered++;
    }
    assert_true(offered > 20);
    assert_int_equal(scene->flags.table.count, own.count + offered);
    for (size_t i = 0; i < scene->flags.table.count; i++)
        assert_ptr_equal(find(scene, scene->flags.table.rows[i].name), &scene->flags.table.rows[i]);
}

static void
files_and_what_is_not_built_are_no_options(void **state)
{
    const struct scene *scene = *state;
    assert_ptr_equal(find(scene, "model"), &scene->flags.table.rows[0]);
    assert_string_equal(find(scene, "model")->doc, "Its own.");
    assert_null(find(scene, "training-file"));
    assert_null(find(scene, "hyperparameters"));
    assert_null(find(scene, "lora"));
    assert_null(job_flags_find(&scene->flags, "watch"));
    assert_null(job_flags_find(&scene->flags, "n-epoch"));
    assert_null(job_flags_find(&scene->flags, "training-file"));
}

static void
placeholders_say_what_to_give(void **state)
{
    const struct scene *scene = *state;
    assert_string_equal(find(scene, "optimizer")->value, "auto|adam|adamw|sgd|momentum");
    assert_string_equal(find(scene, "gradient-checkpointing")->value, "[true|false]");
    assert_string_equal(find(scene, "betas")->value, "X,Y");
    assert_string_equal(find(scene, "metadata")->value, "NAME=VALUE");
}

static void
values_have_the_types_of_the_table(void **state)
{
    const struct scene *scene = *state;
    assert_int_equal(give(state, "n-epochs", "3"), 0);
    assert_int_equal(give(state, "learning-rate", "1e-4"), 0);
    assert_int_equal(give(state, "batch-size", "auto"), 0);
    assert_int_equal(give(state, "betas", "0.5,0.75"), 0);
    assert_int_equal(give(state, "optimizer", "sgd"), 0);
    assert_int_equal(give(state, "gradient-checkpointing", NULL), 0);
    assert_int_equal(give(state, "metadata", "team=a=b"), 0);
    assert_int_equal(give(state, "metadata", "run="), 0);
    char *text = json_text(scene->body);
    assert_string_equal(text, "{\"n_epochs\":3,\"learning_rate\":0.0001,\"batch_size\":\"auto\","
                              "\"betas\":[0.5,0.75],\"optimizer\":\"sgd\","
                              "\"gradient_checkpointing\":true,"
                              "\"metadata\":{\"team\":\"a=b\",\"run\":\"\"}}");
    free(text);
}

static void
values_of_another_type_are_refused(void **state)
{
    static const char *const bad[][2] = {
        {"n-epochs", "three"}, {"n-epochs", "3.5"},    {"n-epochs", ""},
        {"betas", "0.9"},      {"optimizer", "lbfgs"}, {"gradient-checkpointing", "yes"},
        {"metadata", "team"},  {"metadata", "=x"},     {"learning-rate", "1e-4x"},
        {"columns", "text"},   {"betas", "0.9,\"a\""},
    };
    const struct scene *scene = *state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_not_equal(give(state, bad[i][0], bad[i][1]), 0);
    assert_int_equal(json_object_size(scene->body), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_parameter_is_an_option_once, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(files_and_what_is_not_built_are_no_options, open_scene,
                                        close_scene),
        cmocka_unit_test_setup_teardown(placeholders_say_what_to_give, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(values_have_the_types_of_the_table, open_scene,
                                        close_scene),
        cmocka_unit_test_setup_teardown(values_of_another_type_are_refused, open_scene,
                                        close_scene),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
