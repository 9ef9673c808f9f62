/* Folders of small classifiers; see classifier_folder.h. */
#include "tests/support/classifier_folder.h"

#include "core/hub/safetensors.h"
#include "tests/support/small_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_TENSORS = 64 };

static const char *const words[] = {"good", "bad",  "fine", "awful", "lovely", "the", "film",
                                    "book", "room", "was",  "is",    "very",   "not", "we"};

enum { WORD_COUNT = sizeof words / sizeof words[0], SPECIAL_COUNT = 5 };

static void
write_vocabulary(struct scratch *scratch, const char *name)
{
    const char *text = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
    for (size_t i = 0; i < WORD_COUNT; i++)
        text = arena_printf(scratch->arena, "%s%s\n", text, words[i]);
    scratch_write_text(scratch, arena_printf(scratch->arena, "%s/vocab.txt", name), text);
}

static void
write_config(struct scratch *scratch, const char *name, size_t types, const char *class)
{
    const char *text = arena_printf(
        scratch->arena,
        "{\"model_type\": \"bert\", \"architectures\": [\"%s\"], "
        "\"hidden_size\": %d, \"num_hidden_layers\": 2, \"num_attention_heads\": 4, "
        "\"intermediate_size\": 64, \"vocab_size\": %d, \"max_position_embeddings\": %d, "
        "\"type_vocab_size\": %zu, \"pad_token_id\": 0, "
        "\"id2label\": {\"0\": \"a\", \"1\": \"b\", \"2\": \"c\"}}\n",
        class, CLASSIFIER_HIDDEN, WORD_COUNT + SPECIAL_COUNT, CLASSIFIER_LONGEST, types);
    scratch_write_text(scratch, arena_printf(scratch->arena, "%s/config.json", name), text);
}

static void
write_weights(struct scratch *scratch, const char *folder, uint64_t seed)
{
    struct small_model model;
    struct model_config config;
    struct safetensors_source sources[MAX_TENSORS];
    struct err err;
    if (model_config_read(folder, scratch->arena, &config, &err) != 0)
        fail_msg("%s", err.message);
    small_model_random(&model, &config, seed);
    assert_true(model.layout.count <= MAX_TENSORS);
    for (size_t i = 0; i < model.layout.count; i++) {
        const struct tensor *tensor = &model.layout.tensors[i];
        sources[i] = (struct safetensors_source){.name = tensor->name,
                                                 .vector = tensor->vector,
                                                 .rows = tensor->rows,
                                                 .columns = tensor->columns,
                                                 .values = model.parameters + tensor->offset};
    }
    if (safetensors_write(arena_printf(scratch->arena, "%s/model.safetensors", folder), sources,
                          model.layout.count, &err) != 0)
        fail_msg("%s", err.message);
    small_model_free(&model);
}

const char *
classifier_folder_write(struct scratch *scratch, const char *name, size_t types, uint64_t seed)
{
    const char *folder = scratch_folder(scratch, name);
    write_vocabulary(scratch, name);
    write_config(scratch, name, types, "BertForSequenceClassification");
    write_weights(scratch, folder, seed);
    return folder;
}

void
classifier_folder_set_class(struct scratch *scratch, const char *name, const char *class)
{
    write_config(scratch, name, 2, class);
}

struct text
classifier_text(struct scratch *scratch, size_t count, uint64_t seed)
{
    struct rng_stream stream = rng_stream(seed, RNG_SPLIT, 0, 0);
    const char *text = "";
    for (size_t i = 0; i < count; i++) {
        uint32_t bits[4];
        rng_block(&stream, i, bits);
        text = arena_printf(scratch->arena, "%s%s%s", text, i > 0 ? " " : "",
                            words[bits[0] % WORD_COUNT]);
    }
    return (struct text){.first = text, .first_length = strlen(text)};
}
