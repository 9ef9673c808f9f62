/*
 * What did you mean? The nearest legal spelling of a name that is not known.
 */
#ifndef DAEMON_SUGGEST_H
#define DAEMON_SUGGEST_H

#include <stddef.h>

/* Longer names are not compared: nothing legal is that long. */
enum { SUGGEST_MAX_BYTES = 64 };

/*
 * How far two names are apart: the fewest insertions, deletions, replacements and swaps of
 * neighbours that turn one into the other, letter case and '-' for '_' costing nothing.
 */
size_t suggest_distance(const char *a, const char *b);

/*
 * The one of `names` (count, NULL members are skipped) that is nearest to `word` and near enough to
 * have been meant: at most a third of the longer name differs, or one contains the other. NULL when
 * none is.
 */
const char *suggest_nearest(const char *word, const char *const *names, size_t count);

#endif
