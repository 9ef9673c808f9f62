/* What a model is trained to say. Only classification is built yet; the names are the API's. */
#ifndef CORE_DATA_TASK_H
#define CORE_DATA_TASK_H

enum task {
    TASK_AUTO, /* decided by the labels of the training file */
    TASK_CLASSIFICATION,
    TASK_MULTI_LABEL,
    TASK_REGRESSION,
    TASK_TOKEN_CLASSIFICATION
};

/* "classification", …; "auto" for TASK_AUTO. */
const char *task_name(enum task task);

#endif
