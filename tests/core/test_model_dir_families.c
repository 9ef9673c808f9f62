/*
 * Model folders of every family and task: what is saved is read back, under the class that
 * transformers has for it; encoders load with and without their prefix and without any head.
 */
#include "core/hub/model_dir.h"

#include "core/base/json.h"
#include "core/hub/safetensors.h"
#include "core/model/head.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_TENSORS = 64, SEED = 9, POSITIONS = 16 };

static char *three[] = {"a", "b", "c"};

/* Every family with every head, and the class and problem that a saved folder must name. */
static const struct family_case {
    enum model_family family;
    enum task task;
    enum pooling pooling;
    const char *architecture, *problem; /* NULL: none */
} cases[] = {
    {FAMILY_BERT, TASK_CLASSIFICATION, POOL_FIRST, "BertForSequenceClassification",
     "single_label_classification"},
    {FAMILY_BERT, TASK_MULTI_LABEL, POOL_FIRST, "BertForSequenceClassification",
     "multi_label_classification"},
    {FAMILY_BERT, TASK_REGRESSION, POOL_FIRST, "BertForSequenceClassification", "regression"},
    {FAMILY_BERT, TASK_TOKEN_CLASSIFICATION, POOL_FIRST, "BertForTokenClassification", NULL},
    {FAMILY_BERT, TASK_CLASSIFICATION, POOL_MEAN, "BertModel", "single_label_classification"},
    {FAMILY_DISTILBERT, TASK_CLASSIFICATION, POOL_FIRST, "DistilBertForSequenceClassification",
     "single_label_classification"},
    {FAMILY_DISTILBERT, TASK_TOKEN_CLASSIFICATION, POOL_FIRST, "DistilBertForTokenClassification",
     NULL},
    {FAMILY_DISTILBERT, TASK_MULTI_LABEL, POOL_MEAN, "DistilBertModel",
     "multi_label_classification"},
    {FAMILY_ELECTRA, TASK_REGRESSION, POOL_FIRST, "ElectraForSequenceClassification", "regression"},
    {FAMILY_ELECTRA, TASK_TOKEN_CLASSIFICATION, POOL_FIRST, "ElectraForTokenClassification", NULL},
    {FAMILY_ROBERTA, TASK_MULTI_LABEL, POOL_FIRST, "RobertaForSequenceClassification",
     "multi_label_classification"},
    {FAMILY_ROBERTA, TASK_TOKEN_CLASSIFICATION, POOL_FIRST, "RobertaForTokenClassification", NULL},
    {FAMILY_ROBERTA, TASK_REGRESSION, POOL_MEAN, "RobertaModel", "regression"},
};

enum { CASES = sizeof cases / sizeof *cases };

struct fixture {
    struct scratch scratch;
    struct model_config config;
    struct tensor_layout layout;
    float *parameters, *loaded;
};

static struct model_config
config_of(const struct family_case *c)
{
    static float thresholds[] = {0.25f, 0.5f, 0.125f};
    bool roberta = c->family == FAMILY_ROBERTA;
    return (struct model_config){
        .family = c->family,
        .task = c->task,
        .pooling = c->pooling,
        .normalize = c->pooling == POOL_MEAN,
        .hidden_size = 8,
        .layers = 2,
        .heads = 2,
        .intermediate_size = 12,
        .vocab_size = 8,
        .embedding_size = c->family == FAMILY_ELECTRA ? 4 : 0,
        .max_positions = POSITIONS,
        .first_position = roberta ? 2 : 0,
        .type_vocab_size = c->family == FAMILY_DISTILBERT ? 0
                           : roberta                      ? 1
                                                          : 2,
        .pad_token_id = roberta ? 1 : 0,
        .activation = ACTIVATION_RELU,
        .layer_norm_eps = c->family == FAMILY_DISTILBERT ? 1e-12 : 1e-5,
        .initializer_range = 0.03,
        .hidden_dropout = 0.15,
        .attention_dropout = 0.25,
        .classifier_dropout = 0.35,
        .label_count = 3,
        .labels = three,
        .thresholds = c->task == TASK_MULTI_LABEL ? thresholds : NULL,
        .temperature = c->task == TASK_CLASSIFICATION ? 1.25 : 0,
        .max_seq_length = 12,
    };
}

static void
open_fixture(struct fixture *f, const struct family_case *c)
{
    struct err err;
    *f = (struct fixture){.config = config_of(c)};
    scratch_open(&f->scratch);
    scratch_folder(&f->scratch, "words");
    scratch_write_text(&f->scratch, "words/vocab.txt",
                       "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nx\ny\nz\n");
    assert_int_equal(tensor_layout_build(&f->config, f->scratch.arena, &f->layout, &err), 0);
    assert_true(f->layout.count <= MAX_TENSORS);
    f->parameters = mem_array(f->layout.total, sizeof(float));
    f->loaded = mem_array(f->layout.total, sizeof(float));
    for (size_t i = 0; i < f->layout.total; i++)
        f->parameters[i] = (float)i;
}

static void
close_fixture(struct fixture *f)
{
    free(f->parameters);
    free(f->loaded);
    scratch_close(&f->scratch);
}

static const char *
save(struct fixture *f)
{
    struct tokenizer *tokenizer = NULL;
    struct err err;
    const char *folder = scratch_path(&f->scratch, "tuned");
    const char *words = scratch_path(&f->scratch, "words");
    assert_int_equal(tokenizer_open(words, f->config.vocab_size, &tokenizer, &err), 0);
    const struct model_save model = {.config = &f->config,
                                     .layout = &f->layout,
                                     .parameters = f->parameters,
                                     .tokenizer = tokenizer,
                                     .task = task_name(f->config.task),
                                     .numerics_key = "test"};
    if (model_dir_save(&model, folder, &err) != 0)
        fail_msg("%s", err.message);
    tokenizer_free(tokenizer);
    return folder;
}

static void
check_same(const struct model_config *got, const struct model_config *want)
{
    assert_int_equal(got->family, want->family);
    assert_int_equal(got->task, want->task);
    assert_int_equal(got->pooling, want->pooling);
    assert_int_equal(got->normalize, want->normalize);
    assert_int_equal(got->hidden_size, want->hidden_size);
    assert_int_equal(got->layers, want->layers);
    assert_int_equal(got->heads, want->heads);
    assert_int_equal(got->intermediate_size, want->intermediate_size);
    assert_int_equal(got->vocab_size, want->vocab_size);
    assert_int_equal(model_config_embedding_size(got), model_config_embedding_size(want));
    assert_int_equal(got->max_positions, want->max_positions);
    assert_int_equal(got->first_position, want->first_position);
    assert_int_equal(got->type_vocab_size, want->type_vocab_size);
    assert_int_equal(got->pad_token_id, want->pad_token_id);
    assert_int_equal(got->activation, want->activation);
    assert_int_equal(got->max_seq_length, want->max_seq_length);
    assert_true(got->layer_norm_eps == want->layer_norm_eps);
    assert_true(got->initializer_range == want->initializer_range);
    assert_true(got->hidden_dropout == want->hidden_dropout);
    assert_true(got->attention_dropout == want->attention_dropout);
    assert_true(got->classifier_dropout == want->classifier_dropout);
    assert_true(got->temperature == want->temperature);
    assert_int_equal(got->label_count, want->label_count);
    assert_int_equal(got->thresholds == NULL, want->thresholds == NULL);
    for (size_t i = 0; i < want->label_count; i++) {
        assert_string_equal(got->labels[i], want->labels[i]);
        assert_true(want->thresholds == NULL || got->thresholds[i] == want->thresholds[i]);
    }
}

static void
saved_folders_are_read_back_as_they_were(void **state)
{
    (void)state;
    for (size_t c = 0; c < CASES; c++) {
        struct fixture f;
        struct model_config config;
        struct model_load_report report;
        struct err err;
        open_fixture(&f, &cases[c]);
        const char *folder = save(&f);
        if (model_config_read(folder, f.scratch.arena, &config, &err) != 0)
            fail_msg("%s: %s", cases[c].architecture, err.message);
        check_same(&config, &f.config);
        assert_int_equal(model_dir_load(folder, &f.layout, SEED, f.loaded, &report, &err), 0);
        assert_false(report.random_weights || report.missing_pooler || report.missing_classifier);
        assert_memory_equal(f.loaded, f.parameters, f.layout.total * sizeof(float));
        close_fixture(&f);
    }
}

static void
saved_folders_name_the_class_that_transformers_has(void **state)
{
    (void)state;
    for (size_t c = 0; c < CASES; c++) {
        struct fixture f;
        struct err err;
        open_fixture(&f, &cases[c]);
        save(&f);
        json_t *root = json_parse_file(scratch_path(&f.scratch, "tuned/config.json"), 10000, &err);
        assert_non_null(root);
        const json_t *problem = json_object_get(root, "problem_type");
        const json_t *architectures = json_object_get(root, "architectures");
        json_t *tokenizer =
            json_parse_file(scratch_path(&f.scratch, "tuned/tokenizer_config.json"), 10000, &err);
        /* transformers would hand token types to a DistilBERT, which knows none */
        assert_int_equal(json_object_get(tokenizer, "model_input_names") != NULL,
                         cases[c].family == FAMILY_DISTILBERT);
        json_decref(tokenizer);
        assert_string_equal(json_string_value(json_array_get(architectures, 0)),
                            cases[c].architecture);
        assert_int_equal(problem == NULL, cases[c].problem == NULL);
        if (problem != NULL)
            assert_string_equal(json_string_value(problem), cases[c].problem);
        assert_string_equal(json_string_value(json_object_get(root, "model_type")),
                            model_family_name(cases[c].family));
        json_decref(root);
        close_fixture(&f);
    }
}

/* Write the fixture's encoder as a checkpoint, its names without the family's prefix or with it. */
static const char *
write_encoder(struct fixture *f, bool prefix)
{
    struct safetensors_source sources[MAX_TENSORS];
    struct err err;
    const char *folder = save(f); /* for its config.json */
    size_t skipped = prefix ? 0 : strlen(tensor_prefix(f->config.family));
    size_t count = 0;
    for (size_t i = 0; i < f->layout.count; i++) {
        const struct tensor *tensor = &f->layout.tensors[i];
        if (tensor->offset >= f->layout.encoder_end)
            continue;
        sources[count++] = (struct safetensors_source){.name = tensor->name + skipped,
                                                       .vector = tensor->vector,
                                                       .rows = tensor->rows,
                                                       .columns = tensor->columns,
                                                       .values = f->parameters + tensor->offset};
    }
    assert_int_equal(safetensors_write(scratch_path(&f->scratch, "tuned/model.safetensors"),
                                       sources, count, &err),
                     0);
    return folder;
}

static void
encoders_load_with_and_without_prefix_and_heads_start(void **state)
{
    (void)state;
    for (size_t c = 0; c < CASES; c++) {
        for (int prefix = 0; prefix < 2; prefix++) {
            struct fixture f;
            struct model_load_report report;
            struct err err;
            open_fixture(&f, &cases[c]);
            const char *folder = write_encoder(&f, prefix == 1);
            if (model_dir_load(folder, &f.layout, SEED, f.loaded, &report, &err) != 0)
                fail_msg("%s: %s", cases[c].architecture, err.message);
            assert_memory_equal(f.loaded, f.parameters, f.layout.encoder_end * sizeof(float));
            assert_true(report.missing_classifier);
            /* only BERT's dense layer is a base model's own, and worth a warning */
            assert_int_equal(report.missing_pooler,
                             cases[c].family == FAMILY_BERT && head_of(&f.config)->dense);
            close_fixture(&f);
        }
    }
}

static void
base_models_bring_no_head_but_the_pooler_of_bert(void **state)
{
    (void)state;
    for (size_t c = 0; c < CASES; c++) {
        struct fixture f;
        struct tensor_layout base;
        struct err err;
        open_fixture(&f, &cases[c]);
        f.config.task = TASK_AUTO;
        f.config.pooling = POOL_FIRST;
        f.config.label_count = 0;
        assert_int_equal(tensor_layout_build(&f.config, f.scratch.arena, &base, &err), 0);
        assert_false(tensor_exists(&base, TENSOR_CLASSIFIER_WEIGHT));
        assert_int_equal(tensor_exists(&base, TENSOR_POOLER_WEIGHT),
                         cases[c].family == FAMILY_BERT);
        close_fixture(&f);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(saved_folders_are_read_back_as_they_were),
        cmocka_unit_test(saved_folders_name_the_class_that_transformers_has),
        cmocka_unit_test(encoders_load_with_and_without_prefix_and_heads_start),
        cmocka_unit_test(base_models_bring_no_head_but_the_pooler_of_bert),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
