/* oneDNN's functions found by name; see onednn_api.h. */
#include "core/gemm/onednn_api.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

/* Numbers of the library's published interface, the same in versions 2 and 3. */
enum { ENGINE_CPU = 1, STREAM_IN_ORDER = 1, RUNTIME_SEQUENTIAL = 1, RUNTIME_OPENMP = 2 };

/* Compiled products that the library itself remembers: enough that two threads which want the same
 * new one share it. How many are kept is our cache's business. */
enum { LIBRARY_CACHE = 64 };

/* ---- functions ------------------------------------------------------------------------------- */

enum { BOTH, ONLY_2, ONLY_3 };

#define FUNCTION(versions, field, name)                                                            \
    {                                                                                              \
        name, offsetof(struct onednn_api, field), versions                                         \
    }

static const struct {
    const char *name;
    size_t offset;
    int versions;
} functions[] = {
    FUNCTION(BOTH, get_isa, "dnnl_get_effective_cpu_isa"),
    FUNCTION(BOTH, set_cache_capacity, "dnnl_set_primitive_cache_capacity"),
    FUNCTION(BOTH, sgemm, "dnnl_sgemm"),
    FUNCTION(BOTH, engine_create, "dnnl_engine_create"),
    FUNCTION(BOTH, engine_destroy, "dnnl_engine_destroy"),
    FUNCTION(BOTH, stream_create, "dnnl_stream_create"),
    FUNCTION(BOTH, stream_destroy, "dnnl_stream_destroy"),
    FUNCTION(BOTH, memory_create, "dnnl_memory_create"),
    FUNCTION(BOTH, memory_set_data, "dnnl_memory_set_data_handle"),
    FUNCTION(BOTH, memory_destroy, "dnnl_memory_destroy"),
    FUNCTION(BOTH, attributes_create, "dnnl_primitive_attr_create"),
    FUNCTION(BOTH, attributes_destroy, "dnnl_primitive_attr_destroy"),
    FUNCTION(BOTH, attributes_set_scratchpad, "dnnl_primitive_attr_set_scratchpad_mode"),
    FUNCTION(BOTH, attributes_set_post_ops, "dnnl_primitive_attr_set_post_ops"),
    FUNCTION(BOTH, post_ops_create, "dnnl_post_ops_create"),
    FUNCTION(BOTH, post_ops_destroy, "dnnl_post_ops_destroy"),
    FUNCTION(BOTH, query_description, "dnnl_primitive_desc_query_md"),
    FUNCTION(BOTH, description_bytes, "dnnl_memory_desc_get_size"),
    FUNCTION(BOTH, primitive_description_destroy, "dnnl_primitive_desc_destroy"),
    FUNCTION(BOTH, primitive_create, "dnnl_primitive_create"),
    FUNCTION(BOTH, primitive_execute, "dnnl_primitive_execute"),
    FUNCTION(BOTH, primitive_destroy, "dnnl_primitive_destroy"),
    FUNCTION(ONLY_2, description_init, "dnnl_memory_desc_init_by_strides"),
    FUNCTION(ONLY_2, append_sum_2, "dnnl_post_ops_append_sum"),
    FUNCTION(ONLY_2, matmul_init, "dnnl_matmul_desc_init"),
    FUNCTION(ONLY_2, primitive_description_create, "dnnl_primitive_desc_create"),
    FUNCTION(ONLY_3, description_create, "dnnl_memory_desc_create_with_strides"),
    FUNCTION(ONLY_3, description_destroy, "dnnl_memory_desc_destroy"),
    FUNCTION(ONLY_3, append_sum_3, "dnnl_post_ops_append_sum"),
    FUNCTION(ONLY_3, matmul_create, "dnnl_matmul_primitive_desc_create"),
};

/* dlsym's result as a function pointer; POSIX guarantees that the representation carries over. */
static int
find(struct onednn_api *api, const char *name, size_t offset, struct err *err)
{
    void *symbol = dlsym(api->library, name);
    if (symbol == NULL)
        return err_set(err, ERR_UNSUPPORTED, "oneDNN has no function %s", name);
    memcpy((char *)api + offset, &symbol, sizeof symbol);
    return 0;
}

/* Ask for the version first: what may be called, and how, follows from it. */
static int
check_version(struct onednn_api *api, struct err *err)
{
    if (find(api, "dnnl_version", offsetof(struct onednn_api, get_version), err) != 0)
        return err->code;
    api->version = api->get_version();
    if (api->version->major != 2 && api->version->major != 3)
        return err_set(err, ERR_UNSUPPORTED, "oneDNN %d.%d is neither version 2 nor 3",
                       api->version->major, api->version->minor);
    if (api->version->cpu_runtime != RUNTIME_OPENMP &&
        api->version->cpu_runtime != RUNTIME_SEQUENTIAL)
        return err_set(err, ERR_UNSUPPORTED,
                       "oneDNN is built for a threading library other than OpenMP, and would not "
                       "keep to one thread");
    return 0;
}

static int
find_functions(struct onednn_api *api, struct err *err)
{
    int other = api->version->major == 2 ? ONLY_3 : ONLY_2;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (functions[i].versions != other &&
            find(api, functions[i].name, functions[i].offset, err) != 0)
            return err->code;
    return 0;
}

/* ---- the library ----------------------------------------------------------------------------- */

/* It stays in memory once loaded (NODELETE): threads hold objects of it until they end, and version
 * 3 leaks some bytes each time that it is unloaded. */
int
onednn_api_open(const char *const *sonames, struct onednn_api *api, struct err *err)
{
    *api = (struct onednn_api){0};
    for (size_t i = 0; sonames[i] != NULL && api->library == NULL; i++)
        api->library = dlopen(sonames[i], RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (api->library == NULL)
        return err_set(err, ERR_UNSUPPORTED,
                       "oneDNN does not load (%s); install Debian's libdnnl2 or libdnnl3.6",
                       sonames[0] == NULL ? "no library is named" : dlerror());
    if (check_version(api, err) != 0 || find_functions(api, err) != 0)
        goto out;
    if (api->set_cache_capacity(LIBRARY_CACHE) != 0 ||
        api->engine_create(&api->engine, ENGINE_CPU, 0) != 0) {
        err_set(err, ERR_UNSUPPORTED, "oneDNN does not start on this processor");
        goto out;
    }
    return 0;
out:
    dlclose(api->library);
    *api = (struct onednn_api){0};
    return err->code;
}

void
onednn_api_close(struct onednn_api *api)
{
    api->engine_destroy(api->engine);
    dlclose(api->library);
}

void *
onednn_api_stream(const struct onednn_api *api)
{
    void *stream = NULL;
    return api->stream_create(&stream, api->engine, STREAM_IN_ORDER) == 0 ? stream : NULL;
}

/* Sets of instructions by the library's numbers: the bits of a set hold those of lesser ones. The
 * two whose meaning changed with version 3 are not named. */
static const struct {
    int isa;
    const char *name;
} isas[] = {
    {0x1, "sse41"},
    {0x3, "avx"},
    {0x7, "avx2"},
    {0x27, "avx512_core"},
    {0x67, "avx512_core_vnni"},
    {0xe7, "avx512_core_bf16"},
    {0x1ef, "avx512_core_fp16"},
    {0x3e7, "avx512_core_amx"}, /* version 2 */
    {0xfef, "avx512_core_amx"}, /* version 3 */
    {0x1fef, "avx512_core_amx_fp16"},
};

void
onednn_api_name(const struct onednn_api *api, size_t bytes, char *name)
{
    const struct onednn_version *version = api->version;
    int isa = api->get_isa();
    char number[16];
    snprintf(number, sizeof number, "isa%x", (unsigned)isa);
    const char *set = number;
    for (size_t i = 0; i < sizeof isas / sizeof *isas; i++)
        if (isas[i].isa == isa)
            set = isas[i].name;
    snprintf(name, bytes, "onednn-%d.%d.%d-%s", version->major, version->minor, version->patch,
             set);
}

bool
onednn_api_has_bf16(const struct onednn_api *api)
{
    const int bf16 = 0xe7;
    return (api->get_isa() & bf16) == bf16;
}
