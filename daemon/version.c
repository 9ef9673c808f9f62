/* The program's version; see version.h. */
#include "daemon/version.h"

const char *
version_text(void)
{
    return FINETUNED_VERSION;
}

const char *
version_commit(void)
{
    return
#include "commit.inc"
        ;
}
