/* The numbers of adam and adamw that change from step to step: 1 - beta^t and what follows. */
#include <cnnrun/plugin.h>

#include "test.h"

extern const cnn_plugin cnnrun_plugin;

typedef struct adam {
    double lr;
    cnn_floats betas;
    double eps, weight_decay;
    bool amsgrad, maximize;
} adam;

static const double betas[2] = { 0.9, 0.999 };
static const adam params = { .lr = 0.5, .betas = { 2, -1, betas }, .weight_decay = 0.01 };

/* lr / (1 - 0.9^t) and sqrt(1 - 0.999^t), with lr = 0.5 of the schedule */
static void adam_corrects_the_bias_of_both_means(void)
{
    const cnn_optimizer *o = cnn_table_at(&cnnrun_plugin.optimizers, 0);
    double out[CNN_MAX_SCALARS] = { 0.5 };
    CHECK_STR(o->c.name, "adam");
    CHECK_INT(o->n_scalars, 3);
    o->scalars(&params, 1, out);
    CHECK_NEAR(out[1], 5.0, 1e-12);
    CHECK_NEAR(out[2], 0.0316227766017, 1e-12);
    o->scalars(&params, 3, out);
    CHECK_NEAR(out[1], 0.5 / 0.271, 1e-12);
    CHECK_NEAR(out[2] * out[2], 0.002997001, 1e-12);
}

static void adamw_shrinks_by_the_current_rate(void)
{
    const cnn_optimizer *o = cnn_table_at(&cnnrun_plugin.optimizers, 1);
    double out[CNN_MAX_SCALARS] = { 0.5 };
    CHECK_STR(o->c.name, "adamw");
    CHECK_INT(o->n_scalars, 4);
    o->scalars(&params, 1, out);
    CHECK_NEAR(out[1], 5.0, 1e-12);
    CHECK_NEAR(out[3], 0.995, 1e-15);
}

int main(void)
{
    return RUN_TESTS(TEST(adam_corrects_the_bias_of_both_means),
                     TEST(adamw_shrinks_by_the_current_rate));
}
