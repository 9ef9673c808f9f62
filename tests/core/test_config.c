/* config.json: what is read, what stands in for absent keys, and every refusal by name. */
#include "core/model/config.h"

#include "core/base/err.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int
open_scratch(void **state)
{
    static struct scratch scratch;
    scratch_open(&scratch);
    *state = &scratch;
    return 0;
}

static int
close_scratch(void **state)
{
    scratch_close(*state);
    return 0;
}

/* Read a config that says model_type bert and whatever else. */
static int
read_config(struct scratch *scratch, const char *rest, struct model_config *out, struct err *err)
{
    const char *text = arena_printf(scratch->arena, "{\"model_type\":\"bert\"%s}", rest);
    scratch_write_text(scratch, "config.json", text);
    return model_config_read(scratch->folder, scratch->arena, out, err);
}

static void
absent_keys_have_the_values_of_transformers(void **state)
{
    struct model_config config;
    struct err err = {0};
    assert_int_equal(read_config(*state, "", &config, &err), 0);
    assert_int_equal(config.hidden_size, 768);
    assert_int_equal(config.layers, 12);
    assert_int_equal(config.heads, 12);
    assert_int_equal(config.intermediate_size, 3072);
    assert_int_equal(config.vocab_size, 30522);
    assert_int_equal(config.max_positions, 512);
    assert_int_equal(config.type_vocab_size, 2);
    assert_int_equal(config.pad_token_id, 0);
    assert_int_equal(config.activation, ACTIVATION_GELU);
    assert_true(config.layer_norm_eps == 1e-12 && config.initializer_range == 0.02);
    assert_true(config.hidden_dropout == 0.1 && config.attention_dropout == 0.1);
    assert_true(config.classifier_dropout == 0.1);
    assert_int_equal(config.label_count, 0);
    assert_null(config.labels);
    assert_int_equal(config.max_seq_length, 0);
}

static void
keys_that_are_there_are_read(void **state)
{
    struct model_config config;
    struct err err = {0};
    const char *rest =
        ",\"hidden_size\":384,\"num_hidden_layers\":6,\"num_attention_heads\":3,"
        "\"intermediate_size\":1536,\"vocab_size\":100,\"max_position_embeddings\":64,"
        "\"type_vocab_size\":1,\"pad_token_id\":7,\"hidden_act\":\"gelu_new\","
        "\"layer_norm_eps\":1e-5,\"initializer_range\":0.5,\"hidden_dropout_prob\":0,"
        "\"attention_probs_dropout_prob\":0.25,\"classifier_dropout\":0.3,"
        "\"position_embedding_type\":\"absolute\",\"is_decoder\":false,"
        "\"finetuned\":{\"max_seq_length\":48}";
    assert_int_equal(read_config(*state, rest, &config, &err), 0);
    assert_int_equal(config.hidden_size, 384);
    assert_int_equal(config.layers, 6);
    assert_int_equal(config.heads, 3);
    assert_int_equal(config.intermediate_size, 1536);
    assert_int_equal(config.vocab_size, 100);
    assert_int_equal(config.max_positions, 64);
    assert_int_equal(config.type_vocab_size, 1);
    assert_int_equal(config.pad_token_id, 7);
    assert_int_equal(config.activation, ACTIVATION_GELU_TANH);
    assert_true(config.layer_norm_eps == 1e-5 && config.initializer_range == 0.5);
    assert_true(config.hidden_dropout == 0.0 && config.attention_dropout == 0.25);
    assert_true(config.classifier_dropout == 0.3);
    assert_int_equal(config.max_seq_length, 48);
}

static void
null_means_no_pad_row_and_the_hidden_dropout(void **state)
{
    struct model_config config;
    struct err err = {0};
    const char *rest = ",\"pad_token_id\":null,\"classifier_dropout\":null,"
                       "\"hidden_dropout_prob\":0.4";
    assert_int_equal(read_config(*state, rest, &config, &err), 0);
    assert_true(config.pad_token_id == CONFIG_NO_PAD);
    assert_true(config.classifier_dropout == 0.4);
}

static void
impossible_values_are_refused_by_key_value_and_range(void **state)
{
    static const struct {
        const char *rest, *key, *value;
    } cases[] = {
        {",\"hidden_size\":0", "hidden_size", "0"},
        {",\"hidden_size\":-768", "hidden_size", "-768"},
        {",\"hidden_size\":16385", "16384", "16385"},
        {",\"hidden_size\":768.0", "hidden_size", "768.0"},
        {",\"hidden_size\":\"768\"", "hidden_size", "\"768\""},
        {",\"hidden_size\":null", "hidden_size", "null"},
        {",\"hidden_size\":100", "num_attention_heads 12", "100"},
        {",\"num_hidden_layers\":257", "num_hidden_layers", "257"},
        {",\"num_attention_heads\":0", "num_attention_heads", "0"},
        {",\"intermediate_size\":131073", "intermediate_size", "131073"},
        {",\"vocab_size\":4194305", "vocab_size", "4194305"},
        {",\"max_position_embeddings\":65537", "max_position_embeddings", "65537"},
        {",\"type_vocab_size\":1025", "type_vocab_size", "1025"},
        {",\"pad_token_id\":30522", "pad_token_id", "30522"},
        {",\"pad_token_id\":-1", "pad_token_id", "-1"},
        {",\"layer_norm_eps\":-1e-12", "layer_norm_eps", "-"},
        {",\"layer_norm_eps\":\"x\"", "layer_norm_eps", "\"x\""},
        {",\"hidden_dropout_prob\":1", "hidden_dropout_prob", "1"},
        {",\"attention_probs_dropout_prob\":-0.5", "attention_probs_dropout_prob", "-0.5"},
        {",\"classifier_dropout\":true", "classifier_dropout", "true"},
        {",\"finetuned\":{}", "finetuned.max_seq_length", "missing"},
        {",\"finetuned\":{\"max_seq_length\":513}", "512", "513"},
        {",\"finetuned\":{\"max_seq_length\":2}", "finetuned.max_seq_length", "2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct model_config config;
        struct err err = {0};
        int rc = read_config(*state, cases[i].rest, &config, &err);
        if (rc != ERR_INVALID || strstr(err.message, cases[i].key) == NULL ||
            strstr(err.message, cases[i].value) == NULL)
            fail_msg("%s: got %d '%s'", cases[i].rest, rc, err.message);
    }
}

static void
other_families_are_unsupported_by_name(void **state)
{
    static const struct {
        const char *text, *word;
    } cases[] = {
        {"{\"model_type\":\"xlm-roberta\"}", "\"xlm-roberta\"; possible are \"bert\","},
        {"{\"model_type\":\"deberta-v2\"}", "\"deberta-v2\""},
        {"{\"model_type\":\"modernbert\"}", "\"modernbert\""},
        {"{\"model_type\":\"albert\"}", "\"albert\""},
        {"{\"model_type\":\"mpnet\"}", "\"mpnet\""},
        {"{\"model_type\":\"Roberta\"}", "\"Roberta\""},
        {"{}", "model_type is missing"},
        {"{\"model_type\":5}", "model_type is 5"},
        {"{\"model_type\":\"bert\",\"position_embedding_type\":\"relative_key\"}",
         "\"relative_key\""},
        {"{\"model_type\":\"bert\",\"hidden_act\":\"quick_gelu\"}", "\"quick_gelu\""},
        {"{\"model_type\":\"bert\",\"hidden_act\":null}", "hidden_act is null"},
        {"{\"model_type\":\"bert\",\"is_decoder\":true}", "is_decoder is true"},
        {"{\"model_type\":\"bert\",\"add_cross_attention\":true}", "add_cross_attention"},
        {"{\"model_type\":\"roberta\",\"position_embedding_type\":\"relative_key\"}",
         "\"relative_key\""},
        {"{\"model_type\":\"electra\",\"is_decoder\":true}", "is_decoder is true"},
        {"{\"model_type\":\"distilbert\",\"activation\":\"mish\"}", "activation is \"mish\""},
    };
    struct scratch *scratch = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct model_config config;
        struct err err = {0};
        scratch_write_text(scratch, "config.json", cases[i].text);
        int rc = model_config_read(scratch->folder, scratch->arena, &config, &err);
        if (rc != ERR_UNSUPPORTED || strstr(err.message, cases[i].word) == NULL)
            fail_msg("%s: got %d '%s'", cases[i].text, rc, err.message);
    }
}

static void
absent_and_broken_files_are_told_apart(void **state)
{
    struct scratch *scratch = *state;
    struct model_config config;
    struct err err = {0};
    assert_int_equal(model_config_read(scratch->folder, scratch->arena, &config, &err),
                     ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "config.json"));
    scratch_write_text(scratch, "config.json", "{\"model_type\":");
    assert_int_equal(model_config_read(scratch->folder, scratch->arena, &config, &err),
                     ERR_INVALID);
    scratch_write_text(scratch, "config.json", "[]");
    assert_int_equal(model_config_read(scratch->folder, scratch->arena, &config, &err),
                     ERR_INVALID);
    char deep[200];
    memset(deep, '[', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    scratch_write_text(scratch, "config.json", deep);
    assert_int_equal(model_config_read(scratch->folder, scratch->arena, &config, &err),
                     ERR_INVALID);
    assert_non_null(strstr(err.message, "deeper"));
}

#define CLASSIFIER ",\"architectures\":[\"BertForSequenceClassification\"]"

static void
labels_are_read_in_id_order_from_a_classifier_only(void **state)
{
    struct model_config config;
    struct err err = {0};
    const char *map = ",\"id2label\":{\"1\":\"no\",\"0\":\"yes\",\"2\":\"ä\"}";
    struct scratch *scratch = *state;
    assert_int_equal(
        read_config(scratch, arena_printf(scratch->arena, CLASSIFIER "%s", map), &config, &err), 0);
    assert_int_equal(config.label_count, 3);
    assert_string_equal(config.labels[0], "yes");
    assert_string_equal(config.labels[1], "no");
    assert_string_equal(config.labels[2], "ä");
    static const char *const others[] = {
        "",
        ",\"architectures\":[\"BertModel\"]",
        ",\"architectures\":[\"BertForMaskedLM\"]",
        ",\"architectures\":[\"RobertaForSequenceClassification\"]",
        ",\"architectures\":[5,null]",
        ",\"architectures\":null",
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        const char *rest = arena_printf(scratch->arena, "%s%s", others[i], map);
        assert_int_equal(read_config(scratch, rest, &config, &err), 0);
        assert_int_equal(config.label_count, 0);
        assert_int_equal(config.task, TASK_AUTO);
    }
}

static void
task_is_that_of_architecture_and_problem_type(void **state)
{
    static const struct {
        const char *rest;
        enum task task;
        size_t labels;
    } cases[] = {
        {CLASSIFIER, TASK_CLASSIFICATION, 2},
        {CLASSIFIER ",\"problem_type\":null", TASK_CLASSIFICATION, 2},
        {CLASSIFIER ",\"problem_type\":\"single_label_classification\"", TASK_CLASSIFICATION, 2},
        {CLASSIFIER ",\"problem_type\":\"multi_label_classification\"", TASK_MULTI_LABEL, 2},
        {CLASSIFIER ",\"problem_type\":\"regression\"", TASK_REGRESSION, 2},
        {CLASSIFIER ",\"num_labels\":1", TASK_REGRESSION, 1},
        {CLASSIFIER ",\"num_labels\":1,\"problem_type\":\"multi_label_classification\"",
         TASK_MULTI_LABEL, 1},
        /* one class is nothing to choose from */
        {CLASSIFIER ",\"num_labels\":1,\"problem_type\":\"single_label_classification\"", TASK_AUTO,
         0},
        {",\"architectures\":[\"BertForTokenClassification\"]", TASK_TOKEN_CLASSIFICATION, 2},
        {",\"architectures\":[\"BertForTokenClassification\"],\"problem_type\":\"regression\"",
         TASK_TOKEN_CLASSIFICATION, 2},
        {",\"architectures\":[\"BertModel\"],\"finetuned\":{\"max_seq_length\":9,\"pooling\":"
         "\"mean\"}",
         TASK_CLASSIFICATION, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct model_config config;
        struct err err = {0};
        if (read_config(*state, cases[i].rest, &config, &err) != 0)
            fail_msg("%s: %s", cases[i].rest, err.message);
        assert_int_equal(config.task, cases[i].task);
        assert_int_equal(config.label_count, cases[i].labels);
    }
    struct model_config config;
    struct err err = {0};
    assert_int_equal(read_config(*state, CLASSIFIER ",\"problem_type\":\"other\"", &config, &err),
                     ERR_INVALID);
    assert_non_null(strstr(err.message, "problem_type is \"other\""));
}

#define OURS        ",\"finetuned\":{\"max_seq_length\":48"
#define MULTI_LABEL CLASSIFIER ",\"problem_type\":\"multi_label_classification\""

static void
what_a_saved_model_adds_is_read(void **state)
{
    struct model_config config;
    struct err err = {0};
    assert_int_equal(read_config(*state,
                                 MULTI_LABEL OURS ",\"pooling\":\"mean\",\"normalize\":true,"
                                                  "\"thresholds\":[0,0.25],\"temperature\":1.5}",
                                 &config, &err),
                     0);
    assert_int_equal(config.pooling, POOL_MEAN);
    assert_true(config.normalize);
    assert_true(config.thresholds[0] == 0.0f && config.thresholds[1] == 0.25f);
    assert_true(config.temperature == 1.5);
    assert_int_equal(read_config(*state, MULTI_LABEL OURS "}", &config, &err), 0);
    assert_int_equal(config.pooling, POOL_FIRST);
    assert_false(config.normalize);
    assert_null(config.thresholds);
    assert_true(config.temperature == 0);
}

static void
damaged_additions_are_refused(void **state)
{
    static const struct {
        const char *rest, *word;
    } cases[] = {
        {OURS ",\"pooling\":\"max\"}", "finetuned.pooling is \"max\""},
        {OURS ",\"pooling\":1}", "finetuned.pooling is 1"},
        {OURS ",\"pooling\":\"mean\",\"normalize\":1}", "finetuned.normalize is 1"},
        {MULTI_LABEL OURS ",\"thresholds\":0.5}", "a list of 2 numbers"},
        {MULTI_LABEL OURS ",\"thresholds\":[0.5]}", "a list of 2 numbers"},
        {MULTI_LABEL OURS ",\"thresholds\":[0.5,2]}", "finetuned.thresholds[1] is 2"},
        {MULTI_LABEL OURS ",\"thresholds\":[null,0.5]}", "finetuned.thresholds[0] is null"},
        {OURS ",\"temperature\":0}", "finetuned.temperature is 0"},
        {OURS ",\"temperature\":-1}", "finetuned.temperature is -1"},
        {OURS ",\"temperature\":\"1\"}", "finetuned.temperature is \"1\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct model_config config;
        struct err err = {0};
        int rc = read_config(*state, cases[i].rest, &config, &err);
        if (rc != ERR_INVALID || strstr(err.message, cases[i].word) == NULL)
            fail_msg("%s: got %d '%s'", cases[i].rest, rc, err.message);
    }
}

/* ---- families -------------------------------------------------------------------------------- */

static int
read_text(struct scratch *scratch, const char *text, struct model_config *out, struct err *err)
{
    scratch_write_text(scratch, "config.json", text);
    return model_config_read(scratch->folder, scratch->arena, out, err);
}

static void
distilbert_has_names_and_defaults_of_its_own(void **state)
{
    struct model_config config;
    struct err err = {0};
    assert_int_equal(read_text(*state, "{\"model_type\":\"distilbert\"}", &config, &err), 0);
    assert_int_equal(config.family, FAMILY_DISTILBERT);
    assert_int_equal(config.hidden_size, 768);
    assert_int_equal(config.layers, 6);
    assert_int_equal(config.type_vocab_size, 0);
    assert_true(model_config_takes_pairs(&config));
    assert_true(config.classifier_dropout == 0.2);
    assert_true(model_config_head_dropout(&config, TASK_MULTI_LABEL) == 0.2);
    assert_true(model_config_head_dropout(&config, TASK_TOKEN_CLASSIFICATION) == 0.1);
    const char *text =
        "{\"model_type\":\"distilbert\",\"dim\":48,\"n_layers\":3,\"n_heads\":4,"
        "\"hidden_dim\":96,\"vocab_size\":90,\"max_position_embeddings\":64,\"dropout\":0.3,"
        "\"attention_dropout\":0.4,\"seq_classif_dropout\":0.5,\"activation\":\"relu\","
        "\"sinusoidal_pos_embds\":true,\"hidden_size\":7,\"type_vocab_size\":9,"
        "\"architectures\":[\"DistilBertForTokenClassification\"],\"num_labels\":4}";
    assert_int_equal(read_text(*state, text, &config, &err), 0);
    assert_int_equal(config.hidden_size, 48);
    assert_int_equal(config.layers, 3);
    assert_int_equal(config.heads, 4);
    assert_int_equal(config.intermediate_size, 96);
    assert_int_equal(config.max_positions, 64);
    assert_int_equal(config.type_vocab_size, 0);
    assert_true(config.hidden_dropout == 0.3 && config.attention_dropout == 0.4);
    assert_true(config.classifier_dropout == 0.5 && config.layer_norm_eps == 1e-12);
    assert_int_equal(config.activation, ACTIVATION_RELU);
    assert_int_equal(config.task, TASK_TOKEN_CLASSIFICATION);
    assert_int_equal(config.label_count, 4);
    assert_int_equal(read_text(*state, "{\"model_type\":\"distilbert\",\"dim\":7}", &config, &err),
                     ERR_INVALID);
    assert_non_null(strstr(err.message, "dim 7 is not a multiple of n_heads 12"));
}

static void
electra_embeds_in_a_width_of_its_own(void **state)
{
    struct model_config config;
    struct err err = {0};
    assert_int_equal(read_text(*state, "{\"model_type\":\"electra\"}", &config, &err), 0);
    assert_int_equal(config.family, FAMILY_ELECTRA);
    assert_int_equal(config.hidden_size, 256);
    assert_int_equal(config.heads, 4);
    assert_int_equal(config.intermediate_size, 1024);
    assert_int_equal(model_config_embedding_size(&config), 128);
    const char *text = "{\"model_type\":\"electra\",\"embedding_size\":768,\"hidden_size\":768,"
                       "\"summary_type\":\"mean\",\"num_attention_heads\":12}";
    assert_int_equal(read_text(*state, text, &config, &err), 0);
    assert_int_equal(model_config_embedding_size(&config), 768);
    text = "{\"model_type\":\"electra\",\"embedding_size\":0}";
    assert_int_equal(read_text(*state, text, &config, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "embedding_size is 0"));
    text = "{\"model_type\":\"bert\",\"embedding_size\":5}"; /* no key of BERT's */
    assert_int_equal(read_text(*state, text, &config, &err), 0);
    assert_int_equal(model_config_embedding_size(&config), 768);
}

static void
roberta_begins_to_count_behind_the_padding_token(void **state)
{
    struct model_config config;
    struct err err = {0};
    const char *text = "{\"model_type\":\"roberta\",\"max_position_embeddings\":514,"
                       "\"type_vocab_size\":1,"
                       "\"architectures\":[\"RobertaForSequenceClassification\"]}";
    assert_int_equal(read_text(*state, text, &config, &err), 0);
    assert_int_equal(config.family, FAMILY_ROBERTA);
    assert_int_equal(config.vocab_size, 50265);
    assert_int_equal(config.pad_token_id, 1);
    assert_int_equal(config.first_position, 2);
    assert_int_equal(config.max_positions, 512);
    assert_true(model_config_takes_pairs(&config));
    assert_int_equal(config.task, TASK_CLASSIFICATION);
    text = "{\"model_type\":\"roberta\",\"pad_token_id\":null}";
    assert_int_equal(read_text(*state, text, &config, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "pad_token_id is null"));
    text = "{\"model_type\":\"roberta\",\"pad_token_id\":510}";
    assert_int_equal(read_text(*state, text, &config, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "max_position_embeddings is 512"));
}

static void
nameless_labels_are_named_as_transformers_does(void **state)
{
    struct model_config config;
    struct err err = {0};
    assert_int_equal(read_config(*state, CLASSIFIER, &config, &err), 0);
    assert_int_equal(config.label_count, 2);
    assert_string_equal(config.labels[1], "LABEL_1");
    assert_int_equal(read_config(*state, CLASSIFIER ",\"num_labels\":4", &config, &err), 0);
    assert_int_equal(config.label_count, 4);
    assert_string_equal(config.labels[3], "LABEL_3");
    assert_int_equal(read_config(*state, CLASSIFIER ",\"num_labels\":1", &config, &err), 0);
    assert_int_equal(config.label_count, 1);
    assert_string_equal(config.labels[0], "LABEL_0");
}

static void
damaged_label_maps_are_refused(void **state)
{
    static const struct {
        const char *map, *word;
    } cases[] = {
        {",\"id2label\":{\"0\":\"a\",\"2\":\"b\"}", "id2label[\"1\"] is missing"},
        {",\"id2label\":{\"0\":\"a\",\"1\":5}", "id2label[\"1\"] is 5"},
        {",\"id2label\":[\"a\",\"b\"]", "id2label is ["},
        {",\"id2label\":{}", "0 labels"},
        {",\"num_labels\":10001", "10001 labels"},
    };
    struct scratch *scratch = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct model_config config;
        struct err err = {0};
        const char *rest = arena_printf(scratch->arena, CLASSIFIER "%s", cases[i].map);
        int rc = read_config(scratch, rest, &config, &err);
        if (rc != ERR_INVALID || strstr(err.message, cases[i].word) == NULL)
            fail_msg("%s: got %d '%s'", cases[i].map, rc, err.message);
    }
}

static void
long_values_are_quoted_in_part_without_cutting_a_character(void **state)
{
    struct scratch *scratch = *state;
    struct model_config config;
    struct err err = {0};
    const char *rest = ",\"hidden_act\":\"xääääääääääääääääääääääääääääääääääääääääääääääääääää\"";
    assert_int_equal(read_config(scratch, rest, &config, &err), ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "ä…; possible are"));
}

static void
every_activation_is_written_under_a_name_that_is_read_back(void **state)
{
    struct scratch *scratch = *state;
    static const enum activation all[] = {ACTIVATION_GELU, ACTIVATION_GELU_TANH, ACTIVATION_RELU,
                                          ACTIVATION_SILU};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct model_config config;
        struct err err = {0};
        const char *rest =
            arena_printf(scratch->arena, ",\"hidden_act\":\"%s\"", activation_name(all[i]));
        assert_int_equal(read_config(scratch, rest, &config, &err), 0);
        assert_int_equal(config.activation, all[i]);
    }
    assert_string_equal(activation_name(ACTIVATION_GELU), "gelu");
    assert_string_equal(activation_name(ACTIVATION_GELU_TANH), "gelu_new");
}

/* "gelu_10" is cut off at 10 and "quick_gelu" a sigmoid: close to ours, and not the same. */
static void
every_name_that_transformers_has_for_an_activation_is_read(void **state)
{
    struct scratch *scratch = *state;
    static const struct {
        const char *name;
        enum activation activation;
    } names[] = {
        {"gelu", ACTIVATION_GELU},
        {"gelu_python", ACTIVATION_GELU},
        {"gelu_new", ACTIVATION_GELU_TANH},
        {"gelu_fast", ACTIVATION_GELU_TANH},
        {"gelu_accurate", ACTIVATION_GELU_TANH},
        {"gelu_pytorch_tanh", ACTIVATION_GELU_TANH},
        {"gelu_python_tanh", ACTIVATION_GELU_TANH},
        {"relu", ACTIVATION_RELU},
        {"silu", ACTIVATION_SILU},
        {"swish", ACTIVATION_SILU},
    };
    static const char *const others[] = {"gelu_10", "quick_gelu", "relu6", "GELU", ""};
    struct model_config config;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct err err = {0};
        const char *rest = arena_printf(scratch->arena, ",\"hidden_act\":\"%s\"", names[i].name);
        assert_int_equal(read_config(scratch, rest, &config, &err), 0);
        assert_int_equal(config.activation, names[i].activation);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct err err = {0};
        const char *rest = arena_printf(scratch->arena, ",\"hidden_act\":\"%s\"", others[i]);
        assert_int_equal(read_config(scratch, rest, &config, &err), ERR_UNSUPPORTED);
    }
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, open_scratch, close_scratch)
    const struct CMUnitTest tests[] = {
        CASE(absent_keys_have_the_values_of_transformers),
        CASE(keys_that_are_there_are_read),
        CASE(null_means_no_pad_row_and_the_hidden_dropout),
        CASE(impossible_values_are_refused_by_key_value_and_range),
        CASE(other_families_are_unsupported_by_name),
        CASE(absent_and_broken_files_are_told_apart),
        CASE(labels_are_read_in_id_order_from_a_classifier_only),
        CASE(task_is_that_of_architecture_and_problem_type),
        CASE(what_a_saved_model_adds_is_read),
        CASE(damaged_additions_are_refused),
        CASE(distilbert_has_names_and_defaults_of_its_own),
        CASE(electra_embeds_in_a_width_of_its_own),
        CASE(roberta_begins_to_count_behind_the_padding_token),
        CASE(nameless_labels_are_named_as_transformers_does),
        CASE(damaged_label_maps_are_refused),
        CASE(long_values_are_quoted_in_part_without_cutting_a_character),
        CASE(every_activation_is_written_under_a_name_that_is_read_back),
        CASE(every_name_that_transformers_has_for_an_activation_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
