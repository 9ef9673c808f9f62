/* Names of the tasks; see task.h. */
#include "core/data/task.h"

const char *
task_name(enum task task)
{
    switch (task) {
    case TASK_AUTO:
        return "auto";
    case TASK_CLASSIFICATION:
        return "classification";
    case TASK_MULTI_LABEL:
        return "multi_label";
    case TASK_REGRESSION:
        return "regression";
    case TASK_TOKEN_CLASSIFICATION:
        return "token_classification";
    }
    return "auto";
}
