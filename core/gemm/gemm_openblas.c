/*
 * OpenBLAS as an engine, loaded at run time.
 *
 * OpenBLAS picks its kernels in a library constructor, and versions before 0.3.25 do not know
 * recent processors: they fall back to Haswell or even Prescott kernels, two to five times slower.
 * The kernel set is therefore chosen here from CPUID before dlopen. One thread per call: its own
 * threading is neither deterministic nor, before 0.3.34, safe to enter from several threads.
 */
#include "core/gemm/backend.h"

#include "core/base/cpu.h"
#include "core/base/mem.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef FINETUNED_OPENBLAS_SONAME
#define FINETUNED_OPENBLAS_SONAME "libopenblas.so.0"
#endif

/* The values of CBLAS's enumerations, fixed by its published interface. */
enum { CBLAS_ROW_MAJOR = 101, CBLAS_NO_TRANS = 111, CBLAS_TRANS = 112 };

typedef void sgemm_function(int order, int trans_a, int trans_b, int m, int n, int k, float alpha,
                            const float *a, int lda, const float *b, int ldb, float beta, float *c,
                            int ldc);
typedef char *text_function(void);

struct openblas {
    void *library;
    sgemm_function *sgemm;
};

/* Say which kernels to use, unless the user did; nothing where our table has no better knowledge.
 */
static void
choose_kernels(void)
{
    const char *present = getenv("OPENBLAS_CORETYPE");
    struct cpu_features cpu = cpu_features();
    const char *kernels = cpu.avx512 ? "SkylakeX" : cpu.avx2 ? "Haswell" : NULL;
    if ((present == NULL || present[0] == '\0') && kernels != NULL)
        setenv("OPENBLAS_CORETYPE", kernels, 1);
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    setenv("OMP_NUM_THREADS", "1", 1);
}

/* dlsym's result as a function pointer; POSIX guarantees that the representation carries over. */
static int
find(void *library, const char *name, void *function, struct err *err)
{
    void *symbol = dlsym(library, name);
    if (symbol == NULL)
        return err_set(err, ERR_UNSUPPORTED, "%s has no function %s", FINETUNED_OPENBLAS_SONAME,
                       name);
    memcpy(function, &symbol, sizeof symbol);
    return 0;
}

/* "OpenBLAS 0.3.21 NO_LAPACKE …" -> "0.3.21" */
static void
read_version(const char *config, char version[32])
{
    snprintf(version, 32, "unknown");
    const char *space = strchr(config, ' ');
    if (space != NULL)
        snprintf(version, 32, "%.*s", (int)strcspn(space + 1, " "), space + 1);
}

static int
openblas_load(struct gemm_loaded *loaded, struct err *err)
{
    choose_kernels();
    void *library = dlopen(FINETUNED_OPENBLAS_SONAME, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        return err_set(err, ERR_UNSUPPORTED, "OpenBLAS does not load (%s); install libopenblas0",
                       dlerror());
    sgemm_function *sgemm = NULL;
    text_function *get_config = NULL;
    text_function *get_corename = NULL;
    if (find(library, "cblas_sgemm", &sgemm, err) != 0 ||
        find(library, "openblas_get_config", &get_config, err) != 0 ||
        find(library, "openblas_get_corename", &get_corename, err) != 0)
        goto out;
    if (strstr(get_config(), "USE64BITINT") != NULL) {
        err_set(err, ERR_UNSUPPORTED, "%s is built with 64-bit integers; install libopenblas0",
                FINETUNED_OPENBLAS_SONAME);
        goto out;
    }
    char version[32];
    read_version(get_config(), version);
    snprintf(loaded->name, sizeof loaded->name, "openblas-%s-%.40s", version, get_corename());
    struct openblas *openblas = mem_small(sizeof *openblas);
    *openblas = (struct openblas){library, sgemm};
    loaded->state = openblas;
    return 0;
out:
    dlclose(library);
    return err->code;
}

static void
openblas_unload(void *state)
{
    struct openblas *openblas = state;
    dlclose(openblas->library);
    free(openblas);
}

static void
openblas_run(const void *state, const struct gemm_call *call)
{
    const struct openblas *openblas = state;
    float beta = call->bias != NULL || call->accumulate ? 1.0f : 0.0f;
    if (call->bias != NULL)
        gemm_fill_bias(call);
    openblas->sgemm(CBLAS_ROW_MAJOR, call->form == GEMM_TN ? CBLAS_TRANS : CBLAS_NO_TRANS,
                    call->form == GEMM_NT ? CBLAS_TRANS : CBLAS_NO_TRANS, (int)call->m,
                    (int)call->n, (int)call->k, 1.0f, call->a, (int)call->lda, call->b,
                    (int)call->ldb, beta, call->c, (int)call->ldc);
}

const struct gemm_backend gemm_openblas = {"openblas", openblas_load, openblas_unload,
                                           openblas_run};
