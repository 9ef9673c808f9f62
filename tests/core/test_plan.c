/* What a plan refuses of a request's computation, and the numerics key that follows from it. */
#include "core/train/numerics.h"
#include "tests/core/plan_fixture.h"

#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void
bf16_is_refused_where_the_machine_has_none(void **state)
{
    struct plan_fixture *f = *state;
    struct train_fault fault = {0};
    struct err err;
    f->request.training = plan_rows(f, "train.jsonl", 60, 0);
    f->request.params.precision = GEMM_BF16;
    assert_int_equal(train_plan_make(&f->request, f->scratch.arena, &f->plan, &fault, &err),
                     ERR_INVALID);
    assert_int_equal(fault.part, PART_PARAMETERS);
    assert_string_equal(fault.parameter, "precision");
    assert_false(fault.unsupported);
    assert_non_null(strstr(err.message, "AVX512_BF16")); /* the reason */
    assert_non_null(strstr(err.message, "\"fp32\""));    /* what to do */
}

static void
bf16_is_planned_where_the_machine_has_it(void **state)
{
    struct plan_fixture *f = *state;
    f->request.training = plan_rows(f, "train.jsonl", 60, 0);
    plan_make(f);
    assert_int_equal(f->plan.params.precision, GEMM_FP32);
    f->request.has_bf16 = true;
    plan_make(f);
    assert_int_equal(f->plan.params.precision, GEMM_BF16);
    f->request.params.precision = GEMM_FP32;
    plan_make(f);
    assert_int_equal(f->plan.params.precision, GEMM_FP32);
    f->request.params.precision = GEMM_BF16;
    plan_make(f);
    assert_int_equal(f->plan.params.precision, GEMM_BF16);
    f->request.params.precision = PRECISION_AUTO;
    f->request.params.method = METHOD_LINEAR_PROBE; /* the features that it learns from */
    plan_make(f);
    assert_int_equal(f->plan.params.precision, GEMM_BF16);
}

static void
the_numerics_key_says_engine_precision_and_version(void **state)
{
    (void)state;
    struct gemm_engine *engine = NULL;
    struct err err;
    char key[NUMERICS_KEY_BYTES];
    char want[NUMERICS_KEY_BYTES];
    assert_int_equal(gemm_engine_open(NULL, &engine, &err), 0);
    numerics_key(engine, GEMM_BF16, key);
    snprintf(want, sizeof want, "%s/bf16/%d", gemm_engine_name(engine), NUMERICS_VERSION);
    assert_string_equal(key, want);
    numerics_key(engine, GEMM_FP32, key);
    snprintf(want, sizeof want, "%s/fp32/%d", gemm_engine_name(engine), NUMERICS_VERSION);
    assert_string_equal(key, want);
    gemm_engine_close(engine);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLAN_TEST(bf16_is_refused_where_the_machine_has_none),
        PLAN_TEST(bf16_is_planned_where_the_machine_has_it),
        cmocka_unit_test(the_numerics_key_says_engine_precision_and_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
