/* Golden files of measures; see golden_measures.h. */
#include "tests/support/golden_measures.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <zlib.h>

#include <cmocka.h>

enum { MOST_BYTES = 8 * 1024 * 1024 };

void
golden_measures_load(struct golden_measures *golden, const char *path)
{
    char *text = malloc(MOST_BYTES);
    gzFile file = gzopen(path, "rb"); /* reads what is not packed as it is */
    json_error_t error;
    assert_non_null(text);
    assert_non_null(file);
    int length = gzread(file, text, MOST_BYTES);
    gzclose(file);
    assert_in_range(length, 1, MOST_BYTES - 1);
    golden->all = json_loadb(text, (size_t)length, 0, &error);
    free(text);
    assert_non_null(golden->all);
    golden->arena = arena_new();
}

void
golden_measures_unload(struct golden_measures *golden)
{
    json_decref(golden->all);
    arena_free(golden->arena);
}

void
golden_measures_close(double found, const json_t *wanted, const char *what, size_t number)
{
    double value = json_number_value(wanted);
    bool same =
        json_is_null(wanted) ? isnan(found) : fabs(found - value) <= 1e-9 * (1.0 + fabs(value));
    if (wanted == NULL || !same)
        fail_msg("case %zu: %s is %.12g, not %s%.12g", number, what, found,
                 json_is_null(wanted) ? "undefined, " : "", value);
}

float *
golden_measures_floats(const struct golden_measures *golden, const json_t *one, const char *key,
                       double scale)
{
    const json_t *list = json_object_get(one, key);
    float *out = arena_array(golden->arena, json_array_size(list) + 1, sizeof *out);
    for (size_t i = 0; i < json_array_size(list); i++)
        out[i] = (float)(json_number_value(json_array_get(list, i)) * scale);
    return out;
}
