/* Random ids and the names of models; see ids.h. */
#include "daemon/store/ids.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

enum { ALPHABET_SIZE = sizeof alphabet - 1, MODEL_JOB_CHARACTERS = 8 };

_Static_assert(ALPHABET_SIZE == 62, "base 62");

static const char *const prefixes[] = {
    [ID_JOB] = "ftjob-",
    [ID_FILE] = "file-",
    [ID_EVENT] = "ftevent-",
    [ID_CHECKPOINT] = "ftckpt_",
    [ID_UPLOAD] = "upload_",
    [ID_PART] = "part_",
    [ID_EVALUATION] = "eval-",
};

_Static_assert(sizeof prefixes / sizeof prefixes[0] == ID_KIND_COUNT, "a prefix for each kind");

void
ids_new(enum id_kind kind, char out[IDS_SIZE])
{
    /* Cheap when done before, and thread-safe; it fails only where the system has no randomness. */
    int ready = sodium_init();
    assert(ready >= 0);
    (void)ready;
    size_t length = strlen(prefixes[kind]);
    assert(length + IDS_RANDOM_LENGTH < IDS_SIZE);
    memcpy(out, prefixes[kind], length);
    for (size_t i = 0; i < IDS_RANDOM_LENGTH; i++)
        out[length + i] = alphabet[randombytes_uniform(ALPHABET_SIZE)];
    out[length + IDS_RANDOM_LENGTH] = '\0';
}

bool
ids_is_valid(enum id_kind kind, const char *text)
{
    size_t length = strlen(prefixes[kind]);
    if (strncmp(text, prefixes[kind], length) != 0)
        return false;
    const char *random = text + length;
    return strlen(random) == IDS_RANDOM_LENGTH && strspn(random, alphabet) == IDS_RANDOM_LENGTH;
}

const char *
ids_model(struct arena *arena, const char *root, const char *suffix, const char *job_id)
{
    assert(ids_is_valid(ID_JOB, job_id));
    return arena_printf(arena, "ft:%s:local:%s:%.*s", root, suffix == NULL ? "" : suffix,
                        MODEL_JOB_CHARACTERS, job_id + strlen(prefixes[ID_JOB]));
}

const char *
ids_checkpoint_model(struct arena *arena, const char *model, int64_t step)
{
    return arena_printf(arena, "%s:ckpt-step-%lld", model, (long long)step);
}
