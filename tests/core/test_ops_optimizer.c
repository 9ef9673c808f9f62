/* The kernels of Adam, AdamW and SGD against PyTorch's trajectories and a twin in double. */
#include "core/ops/ops.h"
#include "tests/support/close.h"
#include "tests/support/golden.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { LENGTH = 37, STEPS = 10, LONGEST = 1000 };

/* The settings of optimizers() in tests/fixtures/golden_operators.py. */
struct settings {
    const char *name;
    bool sgd;
    double rate, beta1, beta2, epsilon, coupled, decoupled; /* beta1: SGD's momentum, too */
};

static const struct settings all_settings[] = {
    {"adam", false, 1e-2, 0.9, 0.999, 1e-8, 0, 0},
    {"adam_decay", false, 1e-2, 0.9, 0.999, 1e-6, 0.1, 0},
    {"adamw", false, 1e-2, 0.8, 0.95, 1e-8, 0, 0.1},
    {"sgd", true, 1e-1, 0, 0, 0, 0.1, 0},
    {"momentum", true, 1e-2, 0.9, 0, 0, 0, 0},
};

static struct adam_step
adam_step_of(const struct settings *s, int t)
{
    return (struct adam_step){
        .gradient_factor = 1.0f,
        .beta2 = (float)s->beta2,
        .epsilon = (float)s->epsilon,
        .fresh1 = (float)(1 - s->beta1),
        .fresh2 = (float)(1 - s->beta2),
        .step_size = (float)(s->rate / (1 - pow(s->beta1, t))),
        .root_correction = (float)(1 / sqrt(1 - pow(s->beta2, t))),
        .coupled_decay = (float)s->coupled,
        .decoupled_decay = (float)(s->rate * s->decoupled),
    };
}

static struct sgd_step
sgd_step_of(const struct settings *s, int t)
{
    return (struct sgd_step){
        .gradient_factor = 1.0f,
        .learning_rate = (float)s->rate,
        .momentum = (float)s->beta1,
        .first = t == 1,
        .coupled_decay = (float)s->coupled,
    };
}

/* The textbook update in double; v is not used by SGD. */
static void
twin_update(const struct settings *s, int t, const float *gradient, double *w, double *m, double *v)
{
    for (size_t i = 0; i < LENGTH; i++) {
        double g = (double)gradient[i] + s->coupled * w[i];
        if (s->sgd) {
            m[i] = t == 1 ? g : s->beta1 * m[i] + g;
            w[i] -= s->rate * (s->beta1 > 0 ? m[i] : g);
            continue;
        }
        m[i] = s->beta1 * m[i] + (1 - s->beta1) * g;
        v[i] = s->beta2 * v[i] + (1 - s->beta2) * g * g;
        w[i] -= s->rate * s->decoupled * w[i];
        w[i] -= s->rate * (m[i] / (1 - pow(s->beta1, t))) /
                (sqrt(v[i] / (1 - pow(s->beta2, t))) + s->epsilon);
    }
}

/* Walk one trajectory and return the worst distance from the reference's and from the twin's. */
static double
walk(const struct settings *s, struct golden *golden, const struct ops *ops)
{
    float w[LENGTH];
    float m[LENGTH] = {0};
    float v[LENGTH] = {0};
    double exact[3][LENGTH] = {{0}};
    double worst = 0;
    const float *gradients = golden_values(golden, LENGTH * STEPS, "optimizer.gradients");
    const float *path = golden_values(golden, LENGTH * STEPS, "optimizer.%s.path", s->name);
    memcpy(w, golden_values(golden, LENGTH, "optimizer.start"), sizeof w);
    close_widen(w, LENGTH, exact[0]);
    for (int t = 1; t <= STEPS; t++) {
        const float *g = gradients + (t - 1) * LENGTH;
        struct adam_step adam = adam_step_of(s, t);
        struct sgd_step sgd = sgd_step_of(s, t);
        if (s->sgd)
            ops->sgd(LENGTH, &sgd, g, w, m);
        else
            ops->adam(LENGTH, &adam, g, w, m, v);
        twin_update(s, t, g, exact[0], exact[1], exact[2]);
        worst = fmax(worst, close_worst(w, path + (t - 1) * LENGTH, LENGTH));
        worst = fmax(worst, close_worst_double(w, exact[0], LENGTH));
    }
    return worst;
}

/*
 * Weights are of order 1 and float has 6e-8 of rounding a step, so ten steps may be off by 1e-6.
 * An update of Adam is about the learning rate, 1e-2: an error in the formula would show as 1e-4.
 */
#define TOLERANCE_TRAJECTORY 1e-6

static void
ten_steps_equal_the_reference(void **state)
{
    (void)state;
    struct golden *golden = golden_open(FIXTURES "/operators/operators.safetensors");
    for (size_t i = 0; i < sizeof all_settings / sizeof *all_settings; i++) {
        double worst = walk(&all_settings[i], golden, ops_best());
        printf("  %s: worst error of a weight %.2g\n", all_settings[i].name, worst);
        close_assert(worst, TOLERANCE_TRAJECTORY, all_settings[i].name);
    }
    golden_close(golden);
}

static void
a_parameter_that_never_had_a_gradient_stays_to_the_bit(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof all_settings / sizeof *all_settings; i++) {
        const struct settings *s = &all_settings[i];
        if (s->coupled > 0 || s->decoupled > 0)
            continue;
        float w[17], kept[17];
        float m[17] = {0};
        float v[17] = {0};
        float g[17] = {0};
        close_noise(w, 17, 1, 1.0);
        w[0] = -0.0f;
        memcpy(kept, w, sizeof kept);
        for (int t = 1; t <= 3; t++) {
            struct adam_step adam = adam_step_of(s, t);
            struct sgd_step sgd = sgd_step_of(s, t);
            if (s->sgd)
                ops_best()->sgd(17, &sgd, g, w, m);
            else
                ops_best()->adam(17, &adam, g, w, m, v);
        }
        assert_memory_equal(w, kept, sizeof w);
    }
}

static void
the_clipping_factor_multiplies_the_gradient_before_all_else(void **state)
{
    (void)state;
    const struct settings *s = &all_settings[1];
    float g[33], halved[33], w[2][33], m[2][33], v[2][33];
    close_noise(g, 33, 1, 1.0);
    for (int side = 0; side < 2; side++) {
        close_noise(w[side], 33, 2, 1.0);
        close_noise(m[side], 33, 3, 0.1);
        for (size_t i = 0; i < 33; i++) {
            v[side][i] = 0.01f;
            halved[i] = 0.5f * g[i];
        }
    }
    struct adam_step step = adam_step_of(s, 3);
    ops_best()->adam(33, &step, halved, w[0], m[0], v[0]);
    step.gradient_factor = 0.5f;
    ops_best()->adam(33, &step, g, w[1], m[1], v[1]);
    assert_memory_equal(w[0], w[1], sizeof w[0]);
    assert_memory_equal(m[0], m[1], sizeof m[0]);
    assert_memory_equal(v[0], v[1], sizeof v[0]);
}

static void
plain_sgd_leaves_the_momentum_alone(void **state)
{
    (void)state;
    float w[5] = {1, 2, 3, 4, 5};
    float g[5] = {1, 1, 1, 1, 1};
    float m[5] = {9, 9, 9, 9, 9};
    struct sgd_step step = {.gradient_factor = 1.0f, .learning_rate = 0.5f};
    ops_best()->sgd(5, &step, g, w, m);
    for (size_t i = 0; i < 5; i++)
        assert_true(m[i] == 9.0f && w[i] == (float)i + 0.5f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_steps_equal_the_reference),
        cmocka_unit_test(a_parameter_that_never_had_a_gradient_stays_to_the_bit),
        cmocka_unit_test(the_clipping_factor_multiplies_the_gradient_before_all_else),
        cmocka_unit_test(plain_sgd_leaves_the_momentum_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
