/* The number of sgd that changes from step to step. */
#include <cnnrun/plugin.h>

#include "test.h"

extern const cnn_plugin cnnrun_plugin;

typedef struct sgd {
    double lr, momentum, dampening, weight_decay;
    bool nesterov, maximize;
} sgd;

static void dampening_begins_with_the_second_step(void)
{
    const cnn_optimizer *o = cnn_table_at(&cnnrun_plugin.optimizers, 0);
    sgd p = { .lr = 0.1, .momentum = 0.9, .dampening = 0.25 };
    double out[CNN_MAX_SCALARS] = { 0.1 };
    CHECK_INT(o->n_scalars, 2);
    o->scalars(&p, 1, out);
    CHECK_NEAR(out[1], 1.0, 0.0);
    o->scalars(&p, 2, out);
    CHECK_NEAR(out[1], 0.75, 0.0);
    CHECK_NEAR(out[0], 0.1, 0.0);
}

int main(void)
{
    return RUN_TESTS(TEST(dampening_begins_with_the_second_step));
}
