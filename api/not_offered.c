/* Paths of the hosted API without meaning here; see not_offered.h. */
#include "api/not_offered.h"

#include <string.h>

enum { PATTERN_SEGMENTS = 5 };

/* NULL matches any segment; what follows the last one named may be anything. */
static const struct {
    const char *segments[PATTERN_SEGMENTS];
    size_t count;
    const char *reason;
} paths[] = {
    {{"v1", "fine_tuning", "checkpoints", NULL, "permissions"},
     5,
     "Permissions of checkpoints are not offered: they share a checkpoint among the projects of an "
     "organization, and this daemon has neither. Whoever can reach it can use every checkpoint as "
     "a model: GET /v1/fine_tuning/jobs/{job}/checkpoints lists them."},
    {{"v1", "fine_tuning", "alpha", "graders", NULL},
     4,
     "Graders are not offered: they score the answers of models that write text, for "
     "reinforcement fine-tuning. Here a test_file measures a job, and /v1/classifications tries a "
     "model."},
};

const char *
not_offered_reason(const struct target *target)
{
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        size_t matched = 0;
        while (matched < paths[i].count && matched < target->segment_count &&
               (paths[i].segments[matched] == NULL ||
                strcmp(paths[i].segments[matched], target->segments[matched]) == 0))
            matched++;
        if (matched == paths[i].count)
            return paths[i].reason;
    }
    return NULL;
}
