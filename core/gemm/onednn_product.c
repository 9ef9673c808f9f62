/* Describing a product to either version of oneDNN, and running it; see onednn_product.h. */
#include "core/gemm/onednn_product.h"

#include "core/base/mem.h"

#include <stdlib.h>
#include <string.h>

/* Numbers of the library's published interface, the same in versions 2 and 3. */
enum {
    SCRATCHPAD_OF_USER = 1,
    QUERY_SCRATCHPAD = 136,
    ARGUMENT_A = 1,
    ARGUMENT_C = 17,
    ARGUMENT_B = 33,
    ARGUMENT_BIAS = 41,
    ARGUMENT_SCRATCHPAD = 80,
    TYPE_UNCHANGED = 0
};

/* ---- descriptions ---------------------------------------------------------------------------- */

/* A memory descriptor: in version 2 a struct of 696 bytes, in version 3 an object of the library.
 */
struct description {
    union {
        unsigned char bytes[1024];
        int64_t alignment;
    } in_place;
    void *object;
};

/* The operation's descriptor of version 2, 2,800 bytes: four of the above and some numbers. */
union operation {
    unsigned char bytes[8192];
    int64_t alignment;
};

static bool
describe(const struct onednn_api *api, int64_t rows, int64_t columns, int64_t ld, bool transposed,
         enum onednn_type type, struct description *out)
{
    const int64_t sizes[2] = {rows, columns};
    const int64_t strides[2] = {transposed ? 1 : ld, transposed ? ld : 1};
    *out = (struct description){.object = NULL};
    if (api->version->major == 2)
        return api->description_init(out->in_place.bytes, 2, sizes, type, strides) == 0;
    return api->description_create(&out->object, 2, sizes, type, strides) == 0;
}

static const void *
handle_of(const struct description *description)
{
    return description->object != NULL ? description->object
                                       : (const void *)description->in_place.bytes;
}

static void
forget(const struct onednn_api *api, struct description *description)
{
    if (description->object != NULL)
        api->description_destroy(description->object);
}

/* A, B, C and bias of one product; release with forget_matrices, whatever this returns. */
struct matrices {
    struct description a, b, c, bias;
};

static bool
describe_matrices(const struct onednn_api *api, const struct onednn_shape *shape,
                  struct matrices *out)
{
    bool a =
        describe(api, shape->m, shape->k, shape->lda, shape->a_transposed, shape->type, &out->a);
    bool b =
        describe(api, shape->k, shape->n, shape->ldb, shape->b_transposed, shape->type, &out->b);
    bool c = describe(api, shape->m, shape->n, shape->ldc, false, ONEDNN_F32, &out->c);
    bool bias = describe(api, 1, shape->n, shape->n, false, ONEDNN_F32, &out->bias);
    return a && b && c && bias;
}

static void
forget_matrices(const struct onednn_api *api, struct matrices *matrices)
{
    forget(api, &matrices->a);
    forget(api, &matrices->b);
    forget(api, &matrices->c);
    forget(api, &matrices->bias);
}

/* ---- a product ------------------------------------------------------------------------------- */

static bool
add_sum(const struct onednn_api *api, void *attributes)
{
    void *post_ops = NULL;
    if (api->post_ops_create(&post_ops) != 0)
        return false;
    int status = api->version->major == 2 ? api->append_sum_2(post_ops, 1.0f)
                                          : api->append_sum_3(post_ops, 1.0f, 0, TYPE_UNCHANGED);
    if (status == 0)
        status = api->attributes_set_post_ops(attributes, post_ops);
    api->post_ops_destroy(post_ops);
    return status == 0;
}

/* The scratchpad is the caller's, so that several threads can run products at a time. */
static void *
attributes_of(const struct onednn_api *api, const struct onednn_shape *shape)
{
    void *attributes = NULL;
    if (api->attributes_create(&attributes) != 0)
        return NULL;
    if (api->attributes_set_scratchpad(attributes, SCRATCHPAD_OF_USER) == 0 &&
        (!shape->accumulate || add_sum(api, attributes)))
        return attributes;
    api->attributes_destroy(attributes);
    return NULL;
}

/* The library's choice of an implementation; NULL when it has none. */
static void *
plan_matmul(const struct onednn_api *api, const struct onednn_shape *shape,
            const struct matrices *matrices)
{
    void *attributes = attributes_of(api, shape);
    if (attributes == NULL)
        return NULL;
    const void *a = handle_of(&matrices->a);
    const void *b = handle_of(&matrices->b);
    const void *c = handle_of(&matrices->c);
    const void *bias = shape->bias ? handle_of(&matrices->bias) : NULL;
    void *plan = NULL;
    union operation operation = {.alignment = 0};
    int status = 0;
    if (api->version->major == 3) {
        status = api->matmul_create(&plan, api->engine, a, b, bias, c, attributes);
    } else {
        status = api->matmul_init(operation.bytes, a, b, bias, c);
        if (status == 0)
            status = api->primitive_description_create(&plan, operation.bytes, attributes,
                                                       api->engine, NULL);
    }
    api->attributes_destroy(attributes);
    return status == 0 ? plan : NULL;
}

static bool
make_memory(const struct onednn_api *api, const void *description, void **memory)
{
    return api->memory_create(memory, description, api->engine, NULL) == 0;
}

static bool
compile(const struct onednn_api *api, const struct matrices *matrices, const void *plan,
        struct onednn_product *product)
{
    const void *scratchpad = api->query_description(plan, QUERY_SCRATCHPAD, 0);
    product->scratchpad_bytes = scratchpad == NULL ? 0 : api->description_bytes(scratchpad);
    return api->primitive_create(&product->primitive, plan) == 0 &&
           make_memory(api, handle_of(&matrices->a), &product->a) &&
           make_memory(api, handle_of(&matrices->b), &product->b) &&
           make_memory(api, handle_of(&matrices->c), &product->c) &&
           (!product->shape.bias || make_memory(api, handle_of(&matrices->bias), &product->bias)) &&
           (product->scratchpad_bytes == 0 || make_memory(api, scratchpad, &product->scratchpad));
}

struct onednn_product *
onednn_product_new(const struct onednn_api *api, const struct onednn_shape *shape)
{
    struct onednn_product *product = mem_small(sizeof *product);
    *product = (struct onednn_product){.shape = *shape};
    struct matrices matrices;
    void *plan = NULL;
    if (describe_matrices(api, shape, &matrices))
        plan = plan_matmul(api, shape, &matrices);
    bool made = plan != NULL && compile(api, &matrices, plan, product);
    if (plan != NULL)
        api->primitive_description_destroy(plan);
    forget_matrices(api, &matrices);
    if (made)
        return product;
    onednn_product_free(api, product);
    return NULL;
}

void
onednn_product_free(const struct onednn_api *api, struct onednn_product *product)
{
    if (product == NULL)
        return;
    void *memories[] = {product->a, product->b, product->c, product->bias, product->scratchpad};
    for (size_t i = 0; i < sizeof memories / sizeof *memories; i++)
        if (memories[i] != NULL)
            api->memory_destroy(memories[i]);
    if (product->primitive != NULL)
        api->primitive_destroy(product->primitive);
    free(product);
}

/* The library reads and writes through pointers without const; A, B and bias are only read. */
static void *
without_const(const void *data)
{
    void *out;
    memcpy(&out, &data, sizeof out);
    return out;
}

bool
onednn_product_run(const struct onednn_api *api, struct onednn_product *product, void *stream,
                   const struct onednn_data *data)
{
    const struct {
        int index;
        void *memory;
        void *data;
    } all[] = {
        {ARGUMENT_A, product->a, without_const(data->a)},
        {ARGUMENT_B, product->b, without_const(data->b)},
        {ARGUMENT_C, product->c, data->c},
        {ARGUMENT_BIAS, product->bias, without_const(data->bias)},
        {ARGUMENT_SCRATCHPAD, product->scratchpad, data->scratchpad},
    };
    struct onednn_argument arguments[sizeof all / sizeof *all];
    int count = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i].memory == NULL)
            continue;
        if (api->memory_set_data(all[i].memory, all[i].data) != 0)
            return false;
        arguments[count++] = (struct onednn_argument){all[i].index, all[i].memory};
    }
    return api->primitive_execute(product->primitive, stream, count, arguments) == 0;
}
