/* Finite differences of whole networks; see network_difference.h. */
#include "tests/support/network_difference.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/*
 * The loss is a sum of float operations with about 1e-7 of noise, and is differentiated with a step
 * of 1e-2 by Richardson's rule, (8 (f(h/2) - f(-h/2)) - (f(h) - f(-h))) / 6h, whose truncation
 * error h^4 f^(5) / 480 is about 1e-9 here; the noise makes 18 / 6h times 1e-7 = 3e-5. A
 * parameter's gradient may differ by that noise, and by 1 % of its tensor's greatest.
 */
#define DIFFERENCE_STEP     1e-2f
#define DIFFERENCE_NOISE    3e-5
#define DIFFERENCE_RELATIVE 1e-2

static double
loss_beside(struct small_run *run, size_t step, float *parameter, float shift)
{
    float kept = *parameter;
    *parameter = kept + shift;
    double loss = small_run_forward(run, step);
    *parameter = kept;
    return loss;
}

static double
numeric_gradient(struct small_run *run, size_t step, float *parameter)
{
    float h = DIFFERENCE_STEP;
    double far_difference =
        loss_beside(run, step, parameter, h) - loss_beside(run, step, parameter, -h);
    double near_difference =
        loss_beside(run, step, parameter, h / 2) - loss_beside(run, step, parameter, -h / 2);
    return (8 * near_difference - far_difference) / (6 * (double)h);
}

bool
network_difference_check(struct small_run *run, size_t step, const struct tensor *tensor,
                         const float *all_gradients)
{
    size_t count = tensor->rows * tensor->columns;
    const float *gradients = all_gradients + tensor->offset;
    size_t picked[3] = {0, count / 3, count - 1 - count / 7};
    for (size_t i = 0; i < count; i++)
        if (fabsf(gradients[i]) > fabsf(gradients[picked[0]]))
            picked[0] = i;
    double greatest = fabs((double)gradients[picked[0]]);
    for (size_t p = 0; p < 3; p++) {
        float *parameter = run->model->parameters + tensor->offset + picked[p];
        double want = numeric_gradient(run, step, parameter);
        double error = fabs((double)gradients[picked[p]] - want);
        if (error > DIFFERENCE_NOISE + DIFFERENCE_RELATIVE * greatest)
            fail_msg("%s[%zu]: gradient %g, by differences %g", tensor->name, picked[p],
                     (double)gradients[picked[p]], want);
    }
    return greatest > 10 * DIFFERENCE_NOISE;
}
