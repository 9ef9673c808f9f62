/* Entities; see entities.h. */
#include "core/eval/entities.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- schemes --------------------------------------------------------------------------------- */

static uint32_t
type_of(struct entity_scheme *scheme, const char *name)
{
    for (size_t t = 0; t < scheme->types; t++)
        if (strcmp(scheme->type_names[t], name) == 0)
            return (uint32_t)t;
    scheme->type_names[scheme->types] = name;
    return (uint32_t)scheme->types++;
}

/* One of O B I E S, or '\0' when the name is no label of entities. BILOU's L is E, its U is S. */
static char
prefix_of(const char *name)
{
    bool is_typed = name[0] != '\0' && name[1] == '-' && name[2] != '\0';
    bool is_bare = name[0] != '\0' && name[1] == '\0';
    if (is_typed && (name[0] == 'L' || name[0] == 'U'))
        return name[0] == 'L' ? 'E' : 'S';
    if (is_bare ? strchr("OBIES", name[0]) != NULL : is_typed && strchr("BIES", name[0]) != NULL)
        return name[0];
    return '\0';
}

int
entity_scheme_make(const char *const *labels, size_t count, struct arena *arena,
                   struct entity_scheme *out, struct err *err)
{
    *out = (struct entity_scheme){.labels = count};
    out->prefixes = arena_array(arena, count, 1);
    out->type_ids = arena_array(arena, count, sizeof *out->type_ids);
    out->type_names = arena_array(arena, count, sizeof *out->type_names);
    for (size_t i = 0; i < count; i++) {
        const char *name = labels[i];
        char prefix = prefix_of(name);
        if (prefix == '\0')
            return err_set(err, ERR_INVALID,
                           "the label '%s' is neither O nor a prefix (B, I, E, S, or BILOU's L and "
                           "U) with a type, such as B-PER",
                           name);
        out->prefixes[i] = prefix;
        out->type_ids[i] = prefix == 'O' ? 0 : type_of(out, name[1] == '-' ? name + 2 : "_");
    }
    return 0;
}

bool
entity_scheme_find(const char *const *labels, size_t count, struct arena *arena,
                   struct entity_scheme *out)
{
    struct err ignored;
    return entity_scheme_make(labels, count, arena, out, &ignored) == 0 && out->types > 0;
}

/* ---- finding --------------------------------------------------------------------------------- */

/* A token's prefix and type; before the first and behind the last stands O. */
struct tag {
    char prefix;
    uint32_t type;
};

static bool
one_of(char prefix, const char *set)
{
    return strchr(set, prefix) != NULL;
}

/* conlleval's rules: does an entity end before this token, does one begin with it? */
static bool
ends_between(struct tag before, struct tag now)
{
    if (before.prefix == 'O')
        return false;
    return one_of(before.prefix, "ES") || one_of(now.prefix, "BSO") || before.type != now.type;
}

static bool
begins_at(struct tag before, struct tag now)
{
    if (now.prefix == 'O')
        return false;
    bool after_end = one_of(before.prefix, "ESO") && one_of(now.prefix, "EI");
    return one_of(now.prefix, "BS") || after_end || before.type != now.type;
}

static struct tag
tag_at(const struct entity_scheme *scheme, const uint32_t *ids, size_t length, size_t i)
{
    if (i >= length)
        return (struct tag){'O', 0};
    return (struct tag){scheme->prefixes[ids[i]], scheme->type_ids[ids[i]]};
}

static size_t
find_lenient(const struct entity_scheme *scheme, const uint32_t *ids, size_t length,
             struct entity *out)
{
    size_t count = 0, begin = 0;
    struct tag before = {'O', 0};
    for (size_t i = 0; i <= length; i++) {
        struct tag now = tag_at(scheme, ids, length, i);
        if (ends_between(before, now))
            out[count++] = (struct entity){begin, i - 1, before.type};
        if (begins_at(before, now))
            begin = i;
        before = now;
    }
    return count;
}

/* From a B: the last token of its entity, or false when the scheme says that it is none. */
static bool
strict_end(const struct entity_scheme *scheme, enum entity_mode mode, const uint32_t *ids,
           size_t length, size_t begin, size_t *last)
{
    struct tag first = tag_at(scheme, ids, length, begin);
    size_t i = begin + 1;
    struct tag now = tag_at(scheme, ids, length, i);
    while (now.prefix == 'I' && now.type == first.type)
        now = tag_at(scheme, ids, length, ++i);
    if (mode == ENTITY_IOB2) {
        *last = i - 1;
        return true;
    }
    *last = i;
    return now.prefix == 'E' && now.type == first.type;
}

static size_t
find_strict(const struct entity_scheme *scheme, enum entity_mode mode, const uint32_t *ids,
            size_t length, struct entity *out)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++) {
        struct tag now = tag_at(scheme, ids, length, i);
        size_t last = i;
        bool single = mode == ENTITY_IOBES && now.prefix == 'S';
        if (!single && !(now.prefix == 'B' && strict_end(scheme, mode, ids, length, i, &last)))
            continue;
        out[count++] = (struct entity){i, last, now.type};
        i = last;
    }
    return count;
}

size_t
entity_find(const struct entity_scheme *scheme, enum entity_mode mode, const uint32_t *ids,
            size_t length, struct entity *out)
{
    return mode == ENTITY_DEFAULT ? find_lenient(scheme, ids, length, out)
                                  : find_strict(scheme, mode, ids, length, out);
}

/* ---- measuring ------------------------------------------------------------------------------- */

/* Entities of one sequence. */
struct found {
    struct entity *truth, *predicted; /* room for the longest sequence */
    size_t true_count, predicted_count;
};

static void
close_found(struct found *found)
{
    free(found->truth);
    free(found->predicted);
}

static int
open_found(const struct entity_predictions *in, struct found *found, struct err *err)
{
    size_t longest = 1;
    for (size_t s = 0; s < in->sequences; s++) {
        size_t length = in->offsets[s + 1] - in->offsets[s];
        longest = length > longest ? length : longest;
    }
    *found = (struct found){.truth = mem_array(longest, sizeof *found->truth),
                            .predicted = mem_array(longest, sizeof *found->predicted)};
    if (found->truth != NULL && found->predicted != NULL)
        return 0;
    close_found(found);
    return err_set(err, ERR_MEMORY, "sequences of %zu tokens do not fit into memory", longest);
}

static void
find_both(const struct entity_scheme *scheme, enum entity_mode mode,
          const struct entity_predictions *in, size_t sequence, struct found *found)
{
    size_t from = in->offsets[sequence], length = in->offsets[sequence + 1] - from;
    found->true_count = entity_find(scheme, mode, in->truth + from, length, found->truth);
    found->predicted_count =
        entity_find(scheme, mode, in->predicted + from, length, found->predicted);
}

/* Both lists are in order of their first token, and entities of one list do not overlap. Returns
 * how many are in both; by_type: NULL, or gets these added by type. */
static uint64_t
count_hits(const struct found *found, uint64_t *by_type)
{
    uint64_t hits = 0;
    for (size_t t = 0, p = 0; t < found->true_count && p < found->predicted_count;) {
        const struct entity *a = &found->truth[t], *b = &found->predicted[p];
        if (a->first == b->first) {
            bool hit = a->last == b->last && a->type == b->type;
            hits += hit;
            if (by_type != NULL)
                by_type[a->type] += hit;
            t++;
            p++;
        } else if (a->first < b->first) {
            t++;
        } else {
            p++;
        }
    }
    return hits;
}

static void
count_sequence(const struct found *found, uint64_t *hits, struct class_scores *per_type)
{
    for (size_t i = 0; i < found->true_count; i++)
        per_type[found->truth[i].type].support++;
    for (size_t i = 0; i < found->predicted_count; i++)
        per_type[found->predicted[i].type].predicted++;
    count_hits(found, hits);
}

static void
average_types(const struct entity_scheme *scheme, const uint64_t *hits, struct entity_measures *out)
{
    struct class_scores all = {0};
    size_t occurring = 0;
    uint64_t all_hits = 0;
    for (size_t t = 0; t < scheme->types; t++) {
        struct class_scores *type = &out->per_type[t];
        *type = class_scores_make(hits[t], type->predicted, type->support);
        all.support += out->per_type[t].support;
        all.predicted += out->per_type[t].predicted;
        all_hits += hits[t];
        occurring += out->per_type[t].support + out->per_type[t].predicted > 0;
    }
    for (size_t t = 0; t < scheme->types; t++) {
        const struct class_scores *scores = &out->per_type[t];
        if (occurring > 0 && scores->support + scores->predicted > 0)
            class_averages_add(&out->macro, scores, 1.0 / (double)occurring);
        if (all.support > 0)
            class_averages_add(&out->weighted, scores,
                               (double)scores->support / (double)all.support);
    }
    all = class_scores_make(all_hits, all.predicted, all.support);
    class_averages_add(&out->micro, &all, 1.0);
}

static double
token_accuracy(const struct entity_predictions *in)
{
    size_t tokens = in->offsets[in->sequences], right = 0;
    for (size_t i = 0; i < tokens; i++)
        right += in->truth[i] == in->predicted[i];
    return tokens > 0 ? (double)right / (double)tokens : NAN;
}

int
entity_measure(const struct entity_scheme *scheme, enum entity_mode mode,
               const struct entity_predictions *in, struct arena *arena,
               struct entity_measures *out, struct err *err)
{
    size_t types = scheme->types > 0 ? scheme->types : 1;
    struct found found;
    *out = (struct entity_measures){.accuracy = token_accuracy(in)};
    out->per_type = arena_array(arena, types, sizeof *out->per_type);
    memset(out->per_type, 0, types * sizeof *out->per_type);
    if (open_found(in, &found, err) != 0)
        return err->code;
    int code = 0;
    uint64_t *hits = mem_array(types, sizeof *hits);
    if (hits == NULL) {
        code = err_set(err, ERR_MEMORY, "%zu types do not fit into memory", types);
    } else {
        for (size_t s = 0; s < in->sequences; s++) {
            find_both(scheme, mode, in, s, &found);
            count_sequence(&found, hits, out->per_type);
        }
        average_types(scheme, hits, out);
    }
    free(hits);
    close_found(&found);
    return code;
}

int
entity_count_each(const struct entity_scheme *scheme, enum entity_mode mode,
                  const struct entity_predictions *in, struct class_count *out, struct err *err)
{
    struct found found;
    if (open_found(in, &found, err) != 0)
        return err->code;
    for (size_t s = 0; s < in->sequences; s++) {
        find_both(scheme, mode, in, s, &found);
        out[s] = (struct class_count){.support = found.true_count,
                                      .predicted = found.predicted_count,
                                      .hits = count_hits(&found, NULL)};
    }
    close_found(&found);
    return 0;
}
