/* What the daemon's own routes say of themselves; see operation.h. */
#include "api/operation.h"

#include "api/encode.h"

const struct operation_group operation_groups[] = {
    {"Files", "Labelled data, uploaded once and named by its id."},
    {"Jobs", "Training: created, queued, run one after the other."},
    {"Progress", "What jobs say while they run, and after."},
    {"Models", "Base models to start from, and what jobs made of them."},
    {"Use", "Asking a fine-tuned model."},
    {"Daemon", "Health, versions, and this document."},
    {0},
};

static const struct input_row verbose_query[] = {
    {"verbose", INPUT_FLAG, .doc = "One line of text a check, as Kubernetes prints them."},
    {0},
};

const struct operation livez_operation = {
    .id = "livez",
    .group = "Daemon",
    .summary = "Is the process alive?",
    .query = verbose_query,
    .answers = (const struct answer_row[]){{200, &alive_fields, "text/plain", "It is."}, {0}},
};

#define READY_ANSWERS                                                                              \
    (const struct answer_row[])                                                                    \
    {                                                                                              \
        {200, &health_fields, "text/plain", "It can."},                                            \
            {503, &health_fields, "text/plain", "It cannot; the checks say why."},                 \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

const struct operation readyz_operation = {
    .id = "readyz",
    .group = "Daemon",
    .summary = "Can the daemon take work?",
    .query = verbose_query,
    .answers = READY_ANSWERS,
};

const struct operation healthz_operation = {
    .id = "healthz",
    .group = "Daemon",
    .summary = "The same as /readyz, for older probes",
    .query = verbose_query,
    .answers = READY_ANSWERS,
};

const struct operation version_operation = {
    .id = "version",
    .group = "Daemon",
    .summary = "Versions, engine and processor",
    .answers = (const struct answer_row[]){{200, &version_fields, NULL, "The versions."}, {0}},
};

const struct operation openapi_operation = {
    .id = "openapi",
    .group = "Daemon",
    .summary = "This interface as an OpenAPI 3.1 document",
    .answers = (const struct answer_row[]){{200, NULL, "application/json", "The document."}, {0}},
};

const struct operation docs_operation = {
    .id = "docs",
    .group = "Daemon",
    .summary = "This interface as a page for people",
    .answers = (const struct answer_row[]){{200, NULL, "text/html", "The page."}, {0}},
};

const struct operation docs_file_operation = {
    .id = "docs.file",
    .group = "Daemon",
    .summary = "A file that the page needs",
    .answers = (const struct answer_row[]){{200, NULL, "text/css", "Its style."},
                                           {200, NULL, "text/javascript", "Its program."},
                                           {200, NULL, "text/html", "The page itself."},
                                           {0}},
};
