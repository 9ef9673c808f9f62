/*
 * A network's gradients against finite differences of its loss, dropout's masks held.
 */
#ifndef TESTS_SUPPORT_NETWORK_DIFFERENCE_H
#define TESTS_SUPPORT_NETWORK_DIFFERENCE_H

#include "tests/support/small_model.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Compare some of a tensor's gradients, its greatest among them, at this step of the run; fails the
 * test with name and place. False when all of the tensor's are too small to say anything.
 */
bool network_difference_check(struct small_run *run, size_t step, const struct tensor *tensor,
                              const float *gradients);

#endif
