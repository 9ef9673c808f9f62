/* Ids have one exact form, and model ids are made as the interface promises. */
#include "daemon/store/ids.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
new_ids_are_valid_and_of_one_kind(void **state)
{
    (void)state;
    static const char *const prefixes[] = {"ftjob-",  "file-", "ftevent-", "ftckpt_",
                                           "upload_", "part_", "eval-"};
    for (int kind = 0; kind < ID_KIND_COUNT; kind++) {
        char id[IDS_SIZE];
        ids_new((enum id_kind)kind, id);
        assert_int_equal(strncmp(id, prefixes[kind], strlen(prefixes[kind])), 0);
        assert_int_equal(strlen(id), strlen(prefixes[kind]) + IDS_RANDOM_LENGTH);
        for (int other = 0; other < ID_KIND_COUNT; other++)
            assert_int_equal(ids_is_valid((enum id_kind)other, id), other == kind);
    }
}

static void
every_character_of_the_alphabet_appears(void **state)
{
    (void)state;
    size_t seen[256] = {0};
    for (int i = 0; i < 2000; i++) {
        char id[IDS_SIZE];
        ids_new(ID_JOB, id);
        for (const char *c = id + strlen("ftjob-"); *c != '\0'; c++)
            seen[(unsigned char)*c]++;
    }
    size_t distinct = 0;
    for (size_t c = 0; c < 256; c++) {
        distinct += seen[c] > 0;
        /* 48,000 draws, 774 expected of each: 10 standard deviations are 275. */
        assert_true(seen[c] == 0 || (seen[c] > 499 && seen[c] < 1049));
    }
    assert_int_equal(distinct, 62);
}

static void
malformed_ids_are_invalid(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "ftjob-",
        "ftjob-abc",
        "ftjob-00000000000000000000000/",
        "ftjob-0000000000000000000000000",
        "file-000000000000000000000000",
        "ftjob_000000000000000000000000",
        "../../../../etc/passwd",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(ids_is_valid(ID_JOB, texts[i]));
    assert_true(ids_is_valid(ID_JOB, "ftjob-000000000000000000000000"));
}

static void
model_ids_name_root_suffix_and_job(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    const char *job = "ftjob-abcdefghijklmnopqrstuvwx";
    assert_string_equal(ids_model(arena, "minilm", NULL, job), "ft:minilm:local::abcdefgh");
    const char *model = ids_model(arena, "minilm", "bank", job);
    assert_string_equal(model, "ft:minilm:local:bank:abcdefgh");
    assert_string_equal(ids_checkpoint_model(arena, model, 250),
                        "ft:minilm:local:bank:abcdefgh:ckpt-step-250");
    arena_free(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_ids_are_valid_and_of_one_kind),
        cmocka_unit_test(every_character_of_the_alphabet_appears),
        cmocka_unit_test(malformed_ids_are_invalid),
        cmocka_unit_test(model_ids_name_root_suffix_and_job),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
