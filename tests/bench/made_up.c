/* Made-up models and rows; see made_up.h. */
#include "tests/bench/made_up.h"

#include "core/base/fileio.h"
#include "core/base/mem.h"
#include "core/base/rng.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum {
    LABELS = 77,
    VOCAB_MAX_BYTES = 64 * 1024 * 1024,
    WORD_LETTERS = 4, /* 26^4 words are more than any shape here has */
    SPECIAL_TOKENS = 2
};

static const struct shape {
    const char *name;
    int layers, hidden, heads, intermediate, vocab;
} shapes[] = {
    {"tiny", 2, 64, 2, 128, 500},
    {"minilm", 6, 384, 12, 1536, 30522},
    {"base", 12, 768, 12, 3072, 30522},
};

static const char *const special[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};

/* ---- a model --------------------------------------------------------------------------------- */

static int
find_shape(const char *name, const struct shape **out, struct err *err)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        if (strcmp(shapes[i].name, name) == 0) {
            *out = &shapes[i];
            return 0;
        }
    }
    return err_set(err, ERR_INVALID, "'%s' is no shape; shapes are tiny, minilm and base", name);
}

static void
append_words(const struct shape *shape, struct buf *out)
{
    int count = (int)(sizeof special / sizeof *special);
    for (int i = 0; i < count; i++)
        buf_printf(out, "%s\n", special[i]);
    for (int i = count; i < shape->vocab; i++) {
        char word[WORD_LETTERS + 1] = {0};
        for (int j = WORD_LETTERS, rest = i; j-- > 0; rest /= 26)
            word[j] = (char)('a' + rest % 26);
        buf_printf(out, "%s\n", word);
    }
}

/* The bytes of vocab.txt, and how many tokens they are. */
static int
make_vocabulary(const struct shape *shape, const char *vocab, struct buf *out, size_t *tokens,
                struct err *err)
{
    if (vocab == NULL)
        append_words(shape, out);
    else if (fileio_read(vocab, VOCAB_MAX_BYTES, out, err) != 0)
        return err->code;
    for (size_t i = 0; i < out->length; i++)
        *tokens += out->data[i] == '\n';
    if (out->length > 0 && out->data[out->length - 1] != '\n')
        ++*tokens;
    return 0;
}

int
made_up_model(const char *folder, const char *shape_name, const char *vocab, struct err *err)
{
    const struct shape *shape = NULL;
    struct buf words = {0};
    struct buf config = {0};
    size_t tokens = 0;
    struct arena *arena = arena_new();
    int rc = 0;
    if ((rc = find_shape(shape_name, &shape, err)) != 0 ||
        (rc = fileio_make_folder(folder, err)) != 0 ||
        (rc = make_vocabulary(shape, vocab, &words, &tokens, err)) != 0)
        goto out;
    buf_printf(&config,
               "{\"architectures\": [\"BertModel\"], \"model_type\": \"bert\", \"vocab_size\": "
               "%zu, \"hidden_size\": %d, \"num_hidden_layers\": %d, \"num_attention_heads\": %d, "
               "\"intermediate_size\": %d, \"hidden_act\": \"gelu\", \"max_position_embeddings\": "
               "512, \"type_vocab_size\": 2, \"pad_token_id\": 0}\n",
               tokens, shape->hidden, shape->layers, shape->heads, shape->intermediate);
    rc = fileio_write(arena_printf(arena, "%s/vocab.txt", folder), words.data, words.length, err);
    if (rc == 0)
        rc = fileio_write(arena_printf(arena, "%s/config.json", folder), config.data, config.length,
                          err);
out:
    buf_fini(&words);
    buf_fini(&config);
    arena_free(arena);
    return rc;
}

/* ---- rows ------------------------------------------------------------------------------------ */

struct words {
    char **items;
    size_t count;
};

static bool
is_whole_word(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!islower((unsigned char)text[i]) && !isdigit((unsigned char)text[i]))
            return false;
    return length > 0;
}

/* Lines that are one token each, whatever stands beside them. */
static int
read_words(const char *model, struct arena *arena, struct words *out, struct err *err)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    const char *path = arena_printf(arena, "%s/vocab.txt", model);
    struct buf bytes = {0};
    if (!fileio_exists(path)) {
        for (size_t i = 0; i + 1 < sizeof letters; i++)
            buf_printf(&bytes, "%c\n", letters[i]);
    } else if (fileio_read(path, VOCAB_MAX_BYTES, &bytes, err) != 0) {
        buf_fini(&bytes);
        return err->code;
    }
    buf_append(&bytes, "\n", 1);
    size_t lines = 0;
    for (size_t i = 0; i < bytes.length; i++)
        lines += bytes.data[i] == '\n';
    out->items = arena_array(arena, lines, sizeof *out->items);
    for (size_t from = 0, i = 0; i < bytes.length; i++) {
        if (bytes.data[i] != '\n')
            continue;
        if (is_whole_word(bytes.data + from, i - from))
            out->items[out->count++] = arena_copy_bytes(arena, bytes.data + from, i - from);
        from = i + 1;
    }
    buf_fini(&bytes);
    if (out->count == 0)
        return err_set(err, ERR_INVALID, "%s has no word of small letters and digits", path);
    return 0;
}

int
made_up_rows(const char *path, const char *model, size_t rows, size_t length, struct err *err)
{
    struct arena *arena = arena_new();
    struct words words = {0};
    struct buf out = {0};
    struct rng_stream stream = rng_stream(1, RNG_SPLIT, 0, 0);
    int rc = read_words(model, arena, &words, err);
    if (rc != 0)
        goto out;
    for (size_t row = 0; row < rows; row++) {
        buf_append_string(&out, "{\"text\": \"");
        for (size_t i = 0; i + SPECIAL_TOKENS < length; i++) {
            uint32_t bits[4];
            rng_block(&stream, row * length + i, bits);
            buf_printf(&out, "%s%s", i > 0 ? " " : "", words.items[bits[0] % words.count]);
        }
        buf_printf(&out, "\", \"label\": \"label %02zu\"}\n", row % LABELS);
    }
    rc = fileio_write(path, out.data, out.length, err);
out:
    buf_fini(&out);
    arena_free(arena);
    return rc;
}
