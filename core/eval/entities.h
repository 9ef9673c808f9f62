/*
 * Measures of token classification: entities, exact spans, as seqeval counts them.
 *
 * Labels are "O" or a prefix and a type: B-PER, I-PER, E-PER, S-PER; BILOU's L-PER is E-PER, its
 * U-PER is S-PER. ENTITY_DEFAULT is conlleval's lenient reading (an I without a B begins an
 * entity); ENTITY_IOB2 and ENTITY_IOBES are seqeval's strict mode: only what the scheme allows is
 * an entity.
 */
#ifndef CORE_EVAL_ENTITIES_H
#define CORE_EVAL_ENTITIES_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/eval/classification.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum entity_mode { ENTITY_DEFAULT, ENTITY_IOB2, ENTITY_IOBES };

/* Tokens first..last of one sequence. */
struct entity {
    size_t first, last;
    uint32_t type; /* of the scheme's types */
};

/* The labels of a model taken apart once: prefix and type of each id. */
struct entity_scheme {
    size_t labels, types;
    char *prefixes;          /* (labels): one of O B I E S */
    uint32_t *type_ids;      /* (labels): of types; undefined for O */
    const char **type_names; /* (types), in the order of first use */
};

/*
 * Take label names apart. A name that is neither O nor PREFIX-TYPE (also "B", whose type is "_") is
 * ERR_INVALID and named. Everything lives in arena.
 */
int entity_scheme_make(const char *const *labels, size_t count, struct arena *arena,
                       struct entity_scheme *out, struct err *err);

/* Do the labels mark entities of some type? Then the scheme is made. */
bool entity_scheme_find(const char *const *labels, size_t count, struct arena *arena,
                        struct entity_scheme *out);

/* The entities of a sequence of label ids, in order; out has room for `length`. Returns how many.
 */
size_t entity_find(const struct entity_scheme *scheme, enum entity_mode mode, const uint32_t *ids,
                   size_t length, struct entity *out);

struct entity_measures {
    double accuracy; /* of tokens */
    struct class_averages micro, macro, weighted;
    struct class_scores *per_type; /* (types) */
};

/* Sequences end to end: sequence s is tokens offsets[s] .. offsets[s + 1] of both arrays. */
struct entity_predictions {
    const size_t *offsets; /* (sequences + 1) */
    size_t sequences;
    const uint32_t *truth, *predicted;
};

/* Of each sequence: entities of all types that are true (support), predicted, and both (hits). out
 * (sequences). ERR_MEMORY. */
int entity_count_each(const struct entity_scheme *scheme, enum entity_mode mode,
                      const struct entity_predictions *predictions, struct class_count *out,
                      struct err *err);

/* per_type lives in arena. Averages are over types with a true or predicted entity. ERR_MEMORY. */
int entity_measure(const struct entity_scheme *scheme, enum entity_mode mode,
                   const struct entity_predictions *predictions, struct arena *arena,
                   struct entity_measures *out, struct err *err);

#endif
