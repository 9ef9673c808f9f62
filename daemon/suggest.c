/* The nearest legal spelling; see suggest.h. Optimal string alignment over three rows. */
#include "daemon/suggest.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Fewer letters than this in common prove nothing. */
enum { CONTAINED_MIN_BYTES = 3 };

static char
folded(char c)
{
    return c == '-' ? '_' : (char)tolower((unsigned char)c);
}

static size_t
smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t
suggest_distance(const char *a, const char *b)
{
    size_t n = strlen(a);
    size_t m = strlen(b);
    if (n > SUGGEST_MAX_BYTES || m > SUGGEST_MAX_BYTES)
        return n > m ? n : m;
    size_t rows[3][SUGGEST_MAX_BYTES + 1] = {0};
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *now = rows[i % 3];
        const size_t *before = rows[(i + 2) % 3];
        const size_t *earlier = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            char x = folded(a[i - 1]);
            char y = folded(b[j - 1]);
            now[j] = smaller(smaller(before[j], now[j - 1]) + 1, before[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == folded(b[j - 2]) && folded(a[i - 2]) == y)
                now[j] = smaller(now[j], earlier[j - 2] + 1);
        }
    }
    return rows[n % 3][m];
}

const char *
suggest_nearest(const char *word, const char *const *names, size_t count)
{
    const char *nearest = NULL;
    size_t best = SIZE_MAX;
    size_t length = strlen(word);
    if (length > SUGGEST_MAX_BYTES)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (names[i] == NULL)
            continue;
        size_t other = strlen(names[i]);
        size_t longer = length > other ? length : other;
        bool contained = smaller(length, other) >= CONTAINED_MIN_BYTES &&
                         (strstr(word, names[i]) != NULL || strstr(names[i], word) != NULL);
        size_t distance = suggest_distance(word, names[i]);
        if (distance < best && (distance * 3 <= longer || contained)) {
            best = distance;
            nearest = names[i];
        }
    }
    return nearest;
}
