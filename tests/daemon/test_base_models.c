/*
 * Which folders count as base models, under which names; and the names of the catalog.
 */
#include "daemon/work/base_models.h"
#include "daemon/work/catalog.h"
#include "tests/daemon/service_fixture.h"

#include <pthread.h>
#include <unistd.h>

static struct base_models *
scan(struct service_fixture *f)
{
    struct base_models *models = NULL;
    if (base_models_scan(&f->models_dir, 1, &models, &f->err) != 0)
        fail_msg("%s", f->err.message);
    return models;
}

static void
folders_with_a_model_are_found_in_order(void **state)
{
    struct service_fixture *f = *state;
    fixture_write_model(f, "models/other.model_2-b");
    scratch_folder(&f->scratch, "models/empty");
    scratch_write_text(&f->scratch, "models/README.md", "not a folder");
    struct base_models *models = scan(f);
    assert_int_equal(base_models_count(models), 2);
    size_t count = 0;
    const struct base_model *const *all = base_models_all(models, f->arena, &count);
    assert_string_equal(all[0]->id, "other.model_2-b");
    const struct base_model *tiny = base_models_find(models, "tiny");
    assert_ptr_equal(tiny, all[1]);
    assert_int_equal(tiny->summary.config.hidden_size, 16);
    assert_false(tiny->summary.has_weights);
    assert_true(tiny->created_at > 0);
    assert_null(base_models_find(models, "empty"));
    base_models_free(models);
}

static void
what_is_no_model_of_ours_is_left_out(void **state)
{
    struct service_fixture *f = *state;
    fixture_write_model(f, "models/gpt");
    scratch_write_text(&f->scratch, "models/gpt/config.json", "{\"model_type\": \"gpt2\"}");
    fixture_write_model(f, "models/broken");
    scratch_write_text(&f->scratch, "models/broken/config.json", "{\"model_type\": ");
    scratch_folder(&f->scratch, "models/wordless");
    scratch_write_text(&f->scratch, "models/wordless/config.json", tiny_config);
    fixture_write_model(f, "models/b\xc3\xa9"
                           "b\xc3\xa9");
    fixture_write_model(f, "models/.hidden");
    struct base_models *models = scan(f);
    assert_int_equal(base_models_count(models), 1);
    base_models_free(models);
}

/* Each with the tokenizer files that such folders have; RoBERTa's need both of theirs. */
static void
every_family_is_a_base_model(void **state)
{
    struct service_fixture *f = *state;
    static const struct {
        const char *name, *config, *files[2];
    } folders[] = {
        {"models/distilbert", "{\"model_type\": \"distilbert\"}", {"vocab.txt"}},
        {"models/electra", "{\"model_type\": \"electra\"}", {"tokenizer.json"}},
        {"models/roberta", "{\"model_type\": \"roberta\"}", {"vocab.json", "merges.txt"}},
        {"models/half", "{\"model_type\": \"roberta\"}", {"vocab.json"}},
        {"models/xlm-roberta", "{\"model_type\": \"xlm-roberta\"}", {"tokenizer.json"}},
    };
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        scratch_folder(&f->scratch, folders[i].name);
        scratch_write_text(&f->scratch, arena_printf(f->arena, "%s/config.json", folders[i].name),
                           folders[i].config);
        for (size_t j = 0; j < 2 && folders[i].files[j] != NULL; j++)
            scratch_write_text(
                &f->scratch, arena_printf(f->arena, "%s/%s", folders[i].name, folders[i].files[j]),
                "");
    }
    struct base_models *models = scan(f);
    assert_int_equal(base_models_count(models), 4); /* with the fixture's own */
    const struct base_model *electra = base_models_find(models, "electra");
    const struct base_model *roberta = base_models_find(models, "roberta");
    assert_non_null(base_models_find(models, "distilbert"));
    assert_int_equal(electra->summary.config.family, FAMILY_ELECTRA);
    assert_int_equal(roberta->summary.config.family, FAMILY_ROBERTA);
    assert_int_equal(roberta->summary.config.max_positions, 510);
    assert_null(catalog_from_base(roberta).task);
    base_models_free(models);
}

static void
a_base_model_with_a_head_tells_its_task(void **state)
{
    struct service_fixture *f = *state;
    fixture_write_model(f, "models/names");
    scratch_write_text(&f->scratch, "models/names/config.json",
                       "{\"model_type\": \"bert\", \"architectures\": "
                       "[\"BertForTokenClassification\"]}");
    struct base_models *models = scan(f);
    const struct base_model *model = base_models_find(models, "names");
    assert_non_null(model);
    assert_string_equal(catalog_from_base(model).task, "token_classification");
    base_models_free(models);
}

/* What a list says of weights in every form, and what is left out with a line in the log. */
static void
weights_in_several_files_and_pickled_ones_count(void **state)
{
    static const struct {
        const char *form;
        int64_t bytes;
    } forms[] = {{"f16", 4198}, {"sharded", 5072 + 868}, {"bin", 11666}, {"bin_sharded", 13764}};
    struct service_fixture *f = *state;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        assert_int_equal(
            symlink(arena_printf(f->arena, FIXTURES "/weights/model/%s", forms[i].form),
                    arena_printf(f->arena, "%s/%s", f->models_dir, forms[i].form)),
            0);
    fixture_write_model(f, "models/parts");
    scratch_write_text(&f->scratch, "models/parts/model.safetensors.index.json",
                       "{\"weight_map\":{\"a\":\"model-1.safetensors\"}}");
    struct base_models *models = scan(f);
    assert_null(base_models_find(models, "parts"));
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        const struct base_model *model = base_models_find(models, forms[i].form);
        assert_non_null(model);
        assert_true(model->summary.has_weights);
        assert_int_equal(model->summary.bytes, forms[i].bytes);
    }
    base_models_free(models);
}

/* The layout of the hub's cache, with two revisions of which refs/main names the older. */
static void
hub_cache_is_understood(void **state)
{
    struct service_fixture *f = *state;
    static const char *const folders[] = {
        "models/models--org--small-bert",           "models/models--org--small-bert/refs",
        "models/models--org--small-bert/snapshots", "models/models--plain",
        "models/models--plain/snapshots",           "models/models--org--not-downloaded",
    };
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        scratch_folder(&f->scratch, folders[i]);
    fixture_write_model(f, "models/models--org--small-bert/snapshots/aaa111");
    fixture_write_model(f, "models/models--org--small-bert/snapshots/bbb222");
    scratch_write_text(&f->scratch, "models/models--org--small-bert/refs/main", "aaa111");
    fixture_write_model(f, "models/models--plain/snapshots/ccc333");
    struct base_models *models = scan(f);
    assert_int_equal(base_models_count(models), 3);
    const struct base_model *model = base_models_find(models, "small-bert");
    assert_non_null(model);
    assert_non_null(strstr(model->folder, "snapshots/aaa111"));
    assert_non_null(base_models_find(models, "plain"));
    base_models_free(models);
}

static void
directory_that_is_a_model_counts_as_one(void **state)
{
    struct service_fixture *f = *state;
    const char *folder = arena_printf(f->arena, "%s/tiny/", f->models_dir);
    struct base_models *models = NULL;
    assert_int_equal(base_models_scan(&folder, 1, &models, &f->err), 0);
    assert_int_equal(base_models_count(models), 1);
    assert_non_null(base_models_find(models, "tiny"));
    base_models_free(models);
}

static void
two_models_of_one_name_are_refused(void **state)
{
    struct service_fixture *f = *state;
    scratch_folder(&f->scratch, "more");
    fixture_write_model(f, "more/tiny");
    const char *const folders[] = {f->models_dir, scratch_path(&f->scratch, "more")};
    struct base_models *models = NULL;
    assert_int_equal(base_models_scan(folders, 2, &models, &f->err), ERR_INVALID);
    assert_non_null(strstr(f->err.message, "'tiny'"));
    assert_non_null(strstr(f->err.message, "models/tiny"));
    assert_non_null(strstr(f->err.message, "more/tiny"));
}

static void
directory_given_twice_is_one(void **state)
{
    struct service_fixture *f = *state;
    const char *link = scratch_path(&f->scratch, "link");
    assert_int_equal(symlink(f->models_dir, link), 0);
    const char *const folders[] = {f->models_dir, link, f->models_dir};
    struct base_models *models = NULL;
    assert_int_equal(base_models_scan(folders, 3, &models, &f->err), 0);
    assert_int_equal(base_models_count(models), 1);
    base_models_free(models);
}

static void
absent_directory_is_refused(void **state)
{
    struct service_fixture *f = *state;
    const char *folder = scratch_path(&f->scratch, "nowhere");
    struct base_models *models = NULL;
    assert_int_equal(base_models_scan(&folder, 1, &models, &f->err), ERR_INVALID);
    assert_non_null(strstr(f->err.message, "nowhere"));
}

static void
aliases_that_mislead_are_refused(void **state)
{
    struct service_fixture *f = *state;
    static const struct catalog_alias cases[][2] = {
        {{"tiny", "tiny"}, {"a", "tiny"}}, /* hides a base model */
        {{"a", "tiny"}, {"a", "tiny"}},    /* twice */
        {{"a", "b"}, {"b", "tiny"}},       /* of an alias */
    };
    struct base_models *models = scan(f);
    struct catalog_aliases aliases = {.count = 2};
    struct catalog catalog = {.bases = models, .aliases = &aliases};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        aliases.items = cases[i];
        assert_int_equal(catalog_check_aliases(&catalog, &f->err), ERR_INVALID);
    }
    static const struct catalog_alias good[] = {{"a", "tiny"}, {"b", "not-there-yet"}};
    aliases.items = good;
    assert_int_equal(catalog_check_aliases(&catalog, &f->err), 0);
    base_models_free(models);
}

static void
models_come_and_go_in_order(void **state)
{
    struct service_fixture *f = *state;
    struct base_models *models = scan(f);
    size_t count = 0;
    const struct base_model *tiny = base_models_find(models, "tiny");
    fixture_write_model(f, "aside");
    const char *aside = scratch_path(&f->scratch, "aside");
    assert_int_equal(base_models_add(models, "zeta", aside, &f->err), 0);
    assert_int_equal(base_models_add(models, "alpha", aside, &f->err), 0);
    assert_int_equal(base_models_add(models, "alpha", aside, &f->err), ERR_CONFLICT);
    assert_int_equal(base_models_add(models, "a/b", aside, &f->err), ERR_INVALID);
    assert_int_not_equal(base_models_add(models, "none", f->models_dir, &f->err), 0);
    const struct base_model *const *all = base_models_all(models, f->arena, &count);
    assert_int_equal(count, 3);
    assert_string_equal(all[0]->id, "alpha");
    assert_ptr_equal(all[1], tiny);
    assert_string_equal(all[2]->id, "zeta");
    assert_true(base_models_remove(models, "alpha"));
    assert_false(base_models_remove(models, "alpha"));
    assert_null(base_models_find(models, "alpha"));
    assert_string_equal(all[0]->id, "alpha"); /* what somebody holds stays valid */
    assert_int_equal(base_models_count(models), 2);
    base_models_free(models);
}

enum { ROUNDS = 50, CROWD = 4 };

struct crowd {
    struct base_models *models;
    const char *folder;
};

static void *
come_and_go(void *context)
{
    const struct crowd *crowd = context;
    struct err err;
    for (int i = 0; i < ROUNDS; i++) {
        struct arena *arena = arena_new();
        size_t count = 0;
        base_models_add(crowd->models, "shared", crowd->folder, &err);
        const struct base_model *model = base_models_find(crowd->models, "shared");
        if (model != NULL && strcmp(model->id, "shared") != 0)
            abort();
        base_models_all(crowd->models, arena, &count);
        base_models_remove(crowd->models, "shared");
        arena_free(arena);
    }
    return NULL;
}

static void
threads_may_add_find_and_remove_at_once(void **state)
{
    struct service_fixture *f = *state;
    pthread_t threads[CROWD];
    fixture_write_model(f, "aside");
    struct crowd crowd = {scan(f), scratch_path(&f->scratch, "aside")};
    for (size_t i = 0; i < CROWD; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &crowd), 0);
    for (size_t i = 0; i < CROWD; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(base_models_count(crowd.models), 1);
    base_models_free(crowd.models);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PREPARED_TEST(folders_with_a_model_are_found_in_order),
        PREPARED_TEST(what_is_no_model_of_ours_is_left_out),
        PREPARED_TEST(every_family_is_a_base_model),
        PREPARED_TEST(a_base_model_with_a_head_tells_its_task),
        PREPARED_TEST(weights_in_several_files_and_pickled_ones_count),
        PREPARED_TEST(hub_cache_is_understood),
        PREPARED_TEST(directory_that_is_a_model_counts_as_one),
        PREPARED_TEST(two_models_of_one_name_are_refused),
        PREPARED_TEST(directory_given_twice_is_one),
        PREPARED_TEST(absent_directory_is_refused),
        PREPARED_TEST(aliases_that_mislead_are_refused),
        PREPARED_TEST(models_come_and_go_in_order),
        PREPARED_TEST(threads_may_add_find_and_remove_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
