/* Model folders: every spelling of a checkpoint that is read, every refusal, and the way back. */
#include "core/hub/model_dir.h"

#include "core/base/fileio.h"
#include "core/base/json.h"
#include "core/hub/safetensors.h"
#include "core/model/start.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { SEED = 11, MAX_TENSORS = 64 };

static const char config_text[] =
    "{\"architectures\":[\"BertModel\"],\"model_type\":\"bert\",\"hidden_size\":8,"
    "\"num_hidden_layers\":2,\"num_attention_heads\":2,\"intermediate_size\":12,\"vocab_size\":8,"
    "\"max_position_embeddings\":16,\"type_vocab_size\":2,\"initializer_range\":0.02}";

static const char vocabulary[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n##c\n";

/* A small model of random numbers, and the folder "base" that holds its config and vocabulary. */
struct fixture {
    struct scratch scratch;
    const char *folder;
    struct model_config config; /* with two labels */
    struct tensor_layout layout;
    float *parameters; /* what a checkpoint holds */
    float *loaded;
};

static int
open_fixture(void **state)
{
    static struct fixture f;
    struct err err = {0};
    static char *labels[] = {"no", "yes"};
    scratch_open(&f.scratch);
    f.folder = scratch_folder(&f.scratch, "base");
    scratch_write_text(&f.scratch, "base/config.json", config_text);
    scratch_write_text(&f.scratch, "base/vocab.txt", vocabulary);
    assert_int_equal(model_config_read(f.folder, f.scratch.arena, &f.config, &err), 0);
    f.config.label_count = 2;
    f.config.labels = labels;
    f.config.max_seq_length = 12;
    assert_int_equal(tensor_layout_build(&f.config, f.scratch.arena, &f.layout, &err), 0);
    assert_true(f.layout.count <= MAX_TENSORS);
    f.parameters = mem_array(f.layout.total, sizeof(float));
    f.loaded = mem_array(f.layout.total, sizeof(float));
    for (size_t i = 0; i < f.layout.total; i++)
        f.parameters[i] = (float)(i % 1021) / 512.0f - 1.0f; /* exact in half precision too */
    *state = &f;
    return 0;
}

static int
close_fixture(void **state)
{
    struct fixture *f = *state;
    free(f->parameters);
    free(f->loaded);
    scratch_close(&f->scratch);
    return 0;
}

/* How a checkpoint spells its tensors. */
struct dialect {
    bool without_prefix;
    bool gamma_beta;
    const char *skip;   /* leave tensors out whose name holds this */
    const char *shrink; /* one column less for tensors whose name holds this */
    const char *extra;  /* one more tensor, of shape (2,2) */
};

static const char *
spell(struct fixture *f, const char *name, const struct dialect *dialect)
{
    if (dialect->without_prefix && strncmp(name, "bert.", 5) == 0)
        name += 5;
    const char *norm = strstr(name, "LayerNorm.");
    if (!dialect->gamma_beta || norm == NULL)
        return name;
    return arena_printf(f->scratch.arena, "%.*sLayerNorm.%s", (int)(norm - name), name,
                        strstr(norm, "weight") != NULL ? "gamma" : "beta");
}

static bool
holds(const char *name, const char *part)
{
    return part != NULL && strstr(name, part) != NULL;
}

static void
write_checkpoint(struct fixture *f, const struct dialect *dialect)
{
    struct safetensors_source sources[MAX_TENSORS + 1];
    size_t count = 0;
    struct err err = {0};
    for (size_t i = 0; i < f->layout.count; i++) {
        const struct tensor *tensor = &f->layout.tensors[i];
        if (holds(tensor->name, dialect->skip))
            continue;
        sources[count++] = (struct safetensors_source){
            .name = spell(f, tensor->name, dialect),
            .vector = tensor->vector,
            .rows = tensor->rows,
            .columns = tensor->columns - holds(tensor->name, dialect->shrink),
            .values = f->parameters + tensor->offset,
        };
    }
    if (dialect->extra != NULL)
        sources[count++] = (struct safetensors_source){
            .name = dialect->extra, .rows = 2, .columns = 2, .values = f->parameters};
    const char *path = scratch_path(&f->scratch, "base/model.safetensors");
    assert_int_equal(safetensors_write(path, sources, count, &err), 0);
}

/* Load the folder; model_dir_check must agree in result, message and report. */
static int
load(struct fixture *f, struct model_load_report *report, struct err *err)
{
    struct model_load_report checked = {0};
    struct err check_err = {0};
    memset(f->loaded, 0xff, f->layout.total * sizeof(float));
    *err = (struct err){0};
    int rc = model_dir_load(f->folder, &f->layout, SEED, f->loaded, report, err);
    assert_int_equal(model_dir_check(f->folder, &f->layout, &checked, &check_err), rc);
    assert_string_equal(err->message, check_err.message);
    if (rc == 0)
        assert_memory_equal(report, &checked, sizeof checked);
    return rc;
}

static bool
is_loaded(const struct fixture *f, size_t index)
{
    const struct tensor *tensor = &f->layout.tensors[index];
    return memcmp(f->loaded + tensor->offset, f->parameters + tensor->offset,
                  tensor->rows * tensor->columns * sizeof(float)) == 0;
}

/* Does a tensor hold what tensor_start gives it? */
static bool
is_fresh(const struct fixture *f, size_t index)
{
    const struct tensor *tensor = &f->layout.tensors[index];
    float *fresh = mem_array(f->layout.total, sizeof(float));
    tensor_start(&f->layout, index, &f->config, SEED, fresh);
    bool same = memcmp(f->loaded + tensor->offset, fresh + tensor->offset,
                       tensor->rows * tensor->columns * sizeof(float)) == 0;
    free(fresh);
    return same;
}

static void
checkpoint_is_read_under_all_its_names(void **state)
{
    struct fixture *f = *state;
    static const struct dialect dialects[] = {
        {0},
        {.without_prefix = true},
        {.gamma_beta = true},
        {.without_prefix = true, .gamma_beta = true},
        {.extra = "cls.predictions.bias"},
        {.extra = "bert.embeddings.position_ids"},
    };
    for (size_t i = 0; i < sizeof dialects / sizeof dialects[0]; i++) {
        struct model_load_report report;
        struct err err;
        write_checkpoint(f, &dialects[i]);
        assert_int_equal(load(f, &report, &err), 0);
        assert_memory_equal(f->loaded, f->parameters, f->layout.total * sizeof(float));
        assert_false(report.random_weights || report.missing_pooler || report.missing_classifier);
    }
}

static void
missing_pooler_and_classifier_start_afresh_and_are_reported(void **state)
{
    struct fixture *f = *state;
    static const struct {
        struct dialect dialect;
        const char *fresh;
        bool pooler, classifier;
    } cases[] = {
        {{.skip = "pooler"}, "pooler", true, false},
        {{.skip = "pooler.dense.bias"}, "pooler", true, false}, /* half of one is none */
        {{.skip = "classifier"}, "classifier", false, true},
        {{.skip = "classifier.bias"}, "classifier", false, true},
        {{.shrink = "classifier"}, "classifier", false, true}, /* other labels */
        {{.shrink = "classifier.bias"}, "classifier", false, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct model_load_report report;
        struct err err;
        write_checkpoint(f, &cases[i].dialect);
        assert_int_equal(load(f, &report, &err), 0);
        assert_int_equal(report.missing_pooler, cases[i].pooler);
        assert_int_equal(report.missing_classifier, cases[i].classifier);
        assert_false(report.random_weights);
        for (size_t t = 0; t < f->layout.count; t++)
            if (holds(f->layout.tensors[t].name, cases[i].fresh))
                assert_true(is_fresh(f, t));
            else
                assert_true(is_loaded(f, t));
    }
}

static void
missing_tensor_is_named_with_the_shape_it_must_have(void **state)
{
    struct fixture *f = *state;
    struct model_load_report report;
    struct err err;
    write_checkpoint(f, &(struct dialect){.skip = "layer.1.attention.self.key.weight"});
    assert_int_equal(load(f, &report, &err), ERR_INVALID);
    assert_string_equal(err.message,
                        "model.safetensors: tensor 'bert.encoder.layer.1.attention.self.key.weight'"
                        " is missing; by config.json it must have shape (8, 8)");
}

static void
misshapen_tensor_is_named_with_both_shapes(void **state)
{
    struct fixture *f = *state;
    struct model_load_report report;
    struct err err;
    write_checkpoint(f, &(struct dialect){.shrink = "embeddings.LayerNorm.bias"});
    assert_int_equal(load(f, &report, &err), ERR_INVALID);
    assert_string_equal(err.message,
                        "model.safetensors: tensor 'bert.embeddings.LayerNorm.bias' has shape (7,);"
                        " by config.json it must have shape (8,)");
    write_checkpoint(f, &(struct dialect){.shrink = "pooler.dense.weight"});
    assert_int_equal(load(f, &report, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "'bert.pooler.dense.weight' has shape (8, 7); by "
                                        "config.json it must have shape (8, 8)"));
}

/* Rewrite the checkpoint's F32 as two-byte numbers of dtype, made by convert. */
static void
write_narrow(struct fixture *f, const char *dtype, uint16_t (*convert)(float value))
{
    struct arena *arena = f->scratch.arena;
    json_t *root = json_object();
    uint16_t *values = arena_array(arena, f->layout.total, sizeof *values);
    for (size_t i = 0; i < f->layout.count; i++) {
        const struct tensor *t = &f->layout.tensors[i];
        json_t *shape = t->vector ? json_pack("[i]", (int)t->columns)
                                  : json_pack("[i,i]", (int)t->rows, (int)t->columns);
        size_t end = t->offset + t->rows * t->columns;
        json_object_set_new(root, t->name,
                            json_pack("{s:s,s:o,s:[i,i]}", "dtype", dtype, "shape", shape,
                                      "data_offsets", (int)t->offset * 2, (int)end * 2));
    }
    for (size_t i = 0; i < f->layout.total; i++)
        values[i] = convert(f->parameters[i]);
    char *header = json_text(root);
    json_decref(root);
    uint64_t length = strlen(header);
    size_t total = 8 + length + 2 * f->layout.total;
    char *bytes = arena_alloc(arena, total);
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, length);
    memcpy(bytes + 8 + length, values, 2 * f->layout.total);
    scratch_write(&f->scratch, "base/model.safetensors", bytes, total);
    free(header);
}

static uint16_t
to_bfloat(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)(bits >> 16);
}

/* Exact for multiples of 1/512 in -1 .. 1. */
static uint16_t
to_half(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (value == 0.0f)
        return 0;
    return (uint16_t)((bits >> 16 & 0x8000u) | (((bits >> 23 & 0xffu) - 112u) << 10) |
                      (bits >> 13 & 0x3ffu));
}

static void
half_and_bfloat_checkpoints_are_widened(void **state)
{
    struct fixture *f = *state;
    struct model_load_report report;
    struct err err;
    write_narrow(f, "F16", to_half);
    assert_int_equal(load(f, &report, &err), 0);
    assert_memory_equal(f->loaded, f->parameters, f->layout.total * sizeof(float));
    write_narrow(f, "BF16", to_bfloat);
    assert_int_equal(load(f, &report, &err), 0);
    for (size_t i = 0; i < f->layout.total; i++) {
        uint32_t bits;
        memcpy(&bits, &f->loaded[i], sizeof bits);
        assert_int_equal(bits, (uint32_t)to_bfloat(f->parameters[i]) << 16);
    }
    write_narrow(f, "I16", to_bfloat);
    assert_int_equal(load(f, &report, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "word_embeddings.weight' has dtype I16; F32, F16"));
}

static void
folder_without_weights_starts_at_random(void **state)
{
    struct fixture *f = *state;
    struct model_load_report report;
    struct err err;
    assert_int_equal(load(f, &report, &err), 0);
    assert_true(report.random_weights);
    for (size_t i = 0; i < f->layout.count; i++)
        assert_true(is_fresh(f, i));
}

static void
weights_in_other_forms_are_unsupported_by_name(void **state)
{
    struct fixture *f = *state;
    static const char *const files[] = {"tf_model.h5", "flax_model.msgpack"};
    struct model_load_report report;
    struct err err;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct model_summary summary;
        const char *path = scratch_write_text(
            &f->scratch, arena_printf(f->scratch.arena, "base/%s", files[i]), "x");
        assert_int_equal(load(f, &report, &err), ERR_UNSUPPORTED);
        assert_non_null(strstr(err.message, files[i]));
        assert_non_null(strstr(err.message, "save_pretrained"));
        assert_int_equal(model_dir_summarize(f->folder, false, f->scratch.arena, &summary, &err),
                         ERR_UNSUPPORTED);
        assert_int_equal(unlink(path), 0);
    }
    scratch_write_text(&f->scratch, "base/tf_model.h5", "x");
    scratch_write_text(&f->scratch, "base/pytorch_model.bin", "x");
    assert_int_equal(load(f, &report, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "pytorch_model.bin: this is no weights file of PyTorch"));
    write_checkpoint(f, &(struct dialect){0});
    assert_int_equal(load(f, &report, &err), 0); /* beside safetensors they do not matter */
}

static void
damaged_weights_are_refused_with_the_file(void **state)
{
    struct fixture *f = *state;
    struct model_load_report report;
    struct err err;
    scratch_write_text(&f->scratch, "base/model.safetensors", "not a model at all");
    assert_int_equal(load(f, &report, &err), ERR_INVALID);
    assert_non_null(strstr(err.message, "model.safetensors"));
}

static void
summary_tells_size_weights_and_hash(void **state)
{
    struct fixture *f = *state;
    struct model_summary summary;
    struct err err;
    char hash[65];
    struct arena *arena = f->scratch.arena;
    assert_int_equal(model_dir_summarize(f->folder, true, arena, &summary, &err), 0);
    assert_false(summary.has_weights);
    assert_string_equal(summary.sha256, "");
    assert_int_equal(summary.bytes, 0);
    assert_int_equal(summary.parameters, f->layout.total - 2 * 8 - 2); /* no classifier */
    write_checkpoint(f, &(struct dialect){0});
    assert_int_equal(model_dir_summarize(f->folder, false, arena, &summary, &err), 0);
    assert_true(summary.has_weights);
    assert_string_equal(summary.sha256, "");
    assert_true(summary.bytes > (int64_t)(f->layout.total * sizeof(float)));
    assert_int_equal(model_dir_summarize(f->folder, true, arena, &summary, &err), 0);
    const char *path = scratch_path(&f->scratch, "base/model.safetensors");
    assert_int_equal(fileio_sha256(path, hash, &err), 0);
    assert_string_equal(summary.sha256, hash);
}

/* Save the fixture's model as folder "tuned"; the result of model_dir_save. */
static int
save(struct fixture *f, const char *folder, struct err *err)
{
    struct tokenizer *tokenizer = NULL;
    assert_int_equal(tokenizer_open(f->folder, f->config.vocab_size, &tokenizer, err), 0);
    const struct model_save model = {
        .config = &f->config,
        .layout = &f->layout,
        .parameters = f->parameters,
        .tokenizer = tokenizer,
        .task = "classification",
        .target = "mood",
        .numerics_key = "test/fp32/1",
        .data_sha256 = "d1",
        .base_sha256 = NULL,
    };
    int rc = model_dir_save(&model, folder, err);
    tokenizer_free(tokenizer);
    return rc;
}

static void
saved_folder_is_loaded_again_with_its_head(void **state)
{
    struct fixture *f = *state;
    struct model_load_report report;
    struct model_config config;
    struct err err = {0};
    const char *folder = scratch_path(&f->scratch, "tuned");
    assert_int_equal(save(f, folder, &err), 0);
    assert_int_equal(model_config_read(folder, f->scratch.arena, &config, &err), 0);
    assert_int_equal(config.label_count, 2);
    assert_string_equal(config.labels[0], "no");
    assert_string_equal(config.labels[1], "yes");
    assert_int_equal(config.max_seq_length, 12);
    assert_int_equal(config.vocab_size, f->config.vocab_size);
    assert_int_equal(config.pad_token_id, f->config.pad_token_id);
    assert_true(config.layer_norm_eps == f->config.layer_norm_eps);
    assert_int_equal(model_dir_load(folder, &f->layout, SEED, f->loaded, &report, &err), 0);
    assert_false(report.missing_classifier);
    assert_memory_equal(f->loaded, f->parameters, f->layout.total * sizeof(float));
    struct tokenizer *tokenizer = NULL;
    assert_int_equal(tokenizer_open(folder, config.vocab_size, &tokenizer, &err), 0);
    tokenizer_free(tokenizer);
    assert_int_equal(access(scratch_path(&f->scratch, "tuned.tmp"), F_OK), -1);
}

static void
saved_config_says_what_transformers_and_we_need(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    f->config.hidden_dropout = 1.0 / 3.0; /* needs all its digits */
    f->config.pad_token_id = CONFIG_NO_PAD;
    assert_int_equal(save(f, scratch_path(&f->scratch, "tuned"), &err), 0);
    json_t *root = json_parse_file(scratch_path(&f->scratch, "tuned/config.json"), 10000, &err);
    assert_non_null(root);
    json_t *labels = json_pack("{s:s,s:s}", "0", "no", "1", "yes");
    json_t *ids = json_pack("{s:i,s:i}", "no", 0, "yes", 1);
    json_t *ours = json_pack("{s:s,s:s,s:i,s:i,s:s,s:s,s:n}", "task", "classification", "target",
                             "mood", "max_seq_length", 12, "tokenizer_version", 1, "numerics",
                             "test/fp32/1", "data_sha256", "d1", "base_sha256");
    json_t *architectures = json_pack("[s]", "BertForSequenceClassification");
    assert_true(json_equal(json_object_get(root, "id2label"), labels));
    assert_true(json_equal(json_object_get(root, "label2id"), ids));
    assert_true(json_equal(json_object_get(root, "finetuned"), ours));
    assert_string_equal(model_dir_target(scratch_path(&f->scratch, "tuned"), f->scratch.arena),
                        "mood");
    assert_null(model_dir_target(scratch_path(&f->scratch, "absent"), f->scratch.arena));
    assert_true(json_equal(json_object_get(root, "architectures"), architectures));
    assert_string_equal(json_string_value(json_object_get(root, "dtype")), "float32");
    assert_string_equal(json_string_value(json_object_get(root, "problem_type")),
                        "single_label_classification");
    assert_true(json_is_null(json_object_get(root, "pad_token_id")));
    assert_true(json_real_value(json_object_get(root, "hidden_dropout_prob")) == 1.0 / 3.0);
    json_decref(labels);
    json_decref(ids);
    json_decref(ours);
    json_decref(architectures);
    json_decref(root);
}

static void
existing_folder_is_never_overwritten(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    const char *folder = scratch_folder(&f->scratch, "tuned");
    assert_int_equal(save(f, folder, &err), ERR_CONFLICT);
    assert_int_equal(access(scratch_path(&f->scratch, "tuned.tmp"), F_OK), -1);
}

static void
left_over_of_a_crash_does_not_end_up_in_the_model(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    scratch_folder(&f->scratch, "tuned.tmp");
    scratch_write_text(&f->scratch, "tuned.tmp/half", "x");
    assert_int_equal(save(f, scratch_path(&f->scratch, "tuned"), &err), 0);
    assert_int_equal(access(scratch_path(&f->scratch, "tuned/half"), F_OK), -1);
}

static void
failed_save_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    /* A file where a folder is needed. */
    scratch_write_text(&f->scratch, "file", "x");
    assert_true(save(f, scratch_path(&f->scratch, "file/tuned"), &err) < 0);
    assert_non_null(strstr(err.message, "save model"));
    assert_int_equal(access(scratch_path(&f->scratch, "file/tuned.tmp"), F_OK), -1);
}

static void
random_tiny_models_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t layers, heads, intermediate;
    } models[] = {{"random_tiny_bert_h32_l1", 1, 2, 128}, {"random_tiny_bert_h32_l2", 2, 4, 64}};
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        struct arena *arena = arena_new();
        const char *folder = arena_printf(arena, SHARED_FOLDER "/models/%s", models[i].name);
        if (shared_is_there(folder)) {
            struct model_config config;
            struct tensor_layout layout;
            struct model_load_report report;
            struct err err = {0};
            assert_int_equal(model_config_read(folder, arena, &config, &err), 0);
            assert_int_equal(config.layers, models[i].layers);
            assert_int_equal(config.heads, models[i].heads);
            assert_int_equal(config.intermediate_size, models[i].intermediate);
            assert_int_equal(tensor_layout_build(&config, arena, &layout, &err), 0);
            float *parameters = mem_array(layout.total, sizeof(float));
            assert_int_equal(model_dir_load(folder, &layout, SEED, parameters, &report, &err), 0);
            assert_true(report.missing_pooler);
            assert_false(report.random_weights || report.missing_classifier);
            free(parameters);
        }
        arena_free(arena);
    }
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        CASE(checkpoint_is_read_under_all_its_names),
        CASE(missing_pooler_and_classifier_start_afresh_and_are_reported),
        CASE(missing_tensor_is_named_with_the_shape_it_must_have),
        CASE(misshapen_tensor_is_named_with_both_shapes),
        CASE(half_and_bfloat_checkpoints_are_widened),
        CASE(folder_without_weights_starts_at_random),
        CASE(weights_in_other_forms_are_unsupported_by_name),
        CASE(damaged_weights_are_refused_with_the_file),
        CASE(summary_tells_size_weights_and_hash),
        CASE(saved_folder_is_loaded_again_with_its_head),
        CASE(saved_config_says_what_transformers_and_we_need),
        CASE(existing_folder_is_never_overwritten),
        CASE(left_over_of_a_crash_does_not_end_up_in_the_model),
        CASE(failed_save_leaves_nothing),
        cmocka_unit_test(random_tiny_models_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
