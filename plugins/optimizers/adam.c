/* Adam (Kingma and Ba, 2015), AMSGrad (Reddi et al., 2018) and AdamW (Loshchilov and Hutter, 2019);
 * formulas and defaults of torch.optim. */
#include <math.h>

#include <cnnrun/plugin.h>

#include "gradient.h"

typedef struct adam_params {
    double lr;
    cnn_floats betas;
    double eps, weight_decay;
    bool amsgrad, maximize;
} adam_params;

#define SHARED_ROWS                                                                                \
    { CNN_FIELD(adam_params, lr, FLOAT), .def = "1e-3", .help = "learning rate",                   \
      .max = INFINITY },                                                                           \
        { CNN_FIELD(adam_params, betas, FLOATS),                                                   \
          .def = "[0.9, 0.999]",                                                                   \
          .help = "how slowly the means of the gradient and of its square change, below 1",        \
          .max = 1,                                                                                \
          .min_count = 2,                                                                          \
          .max_count = 2 },                                                                        \
        { CNN_FIELD(adam_params, eps, FLOAT), .def = "1e-8",                                       \
          .help = "added to the root of the squares' mean", .max = INFINITY },                     \
        { CNN_FIELD(adam_params, amsgrad, BOOL), .def = "false",                                   \
          .help = "divide by the largest mean of squares so far" },                                \
    {                                                                                              \
        CNN_FIELD(adam_params, maximize, BOOL), .def = "false", .help = "climb instead of descend" \
    }

static const cnn_param adam_table[] = {
    SHARED_ROWS,
    { CNN_FIELD(adam_params, weight_decay, FLOAT), .def = "0",
      .help = "L2 penalty: so much of the weight is added to its gradient", .max = INFINITY },
};

static const cnn_param adamw_table[] = {
    SHARED_ROWS,
    { CNN_FIELD(adam_params, weight_decay, FLOAT), .def = "0.01",
      .help = "weights shrink by lr times this share each step", .max = INFINITY },
};

enum { LR, STEP_SIZE, ROOT, SHRINK, ADAM_SCALARS = SHRINK, ADAMW_SCALARS };

/* Bias corrections: the means start at 0, so the first ones are too small by 1 - beta^step. */
static void adam_scalars(const void *options, int64_t step, double *out)
{
    const adam_params *p = options;
    double t = (double)step;
    out[STEP_SIZE] = out[LR] / (1.0 - pow(p->betas.v[0], t));
    out[ROOT] = sqrt(1.0 - pow(p->betas.v[1], t));
}

static void adamw_scalars(const void *options, int64_t step, double *out)
{
    const adam_params *p = options;
    adam_scalars(options, step, out);
    out[SHRINK] = 1.0 - out[LR] * p->weight_decay;
}

/* m <- beta1 m + (1 - beta1) g;  v <- beta2 v + (1 - beta2) g^2;
 * w <- w - step_size * m / (sqrt(v) / root + eps) */
static void update(cnn_builder *b, const adam_params *p, cnn_value w, cnn_value shrunk, cnn_value g,
                   const cnn_value *scalars)
{
    if (p->betas.v[0] >= 1.0 || p->betas.v[1] >= 1.0) {
        (void)cnn_reject(b, "betas %g and %g must be less than 1", p->betas.v[0], p->betas.v[1]);
        return;
    }
    cnn_value m = zero_state(b, "exp_avg", w), v = zero_state(b, "exp_avg_sq", w);
    cnn_value mean = running_mean(b, m, g, p->betas.v[0]);
    cnn_value squares = running_mean(b, v, cnn_mul(b, g, g), p->betas.v[1]);
    cnn_assign(b, m, mean);
    cnn_assign(b, v, squares);
    if (p->amsgrad) {
        cnn_value largest = zero_state(b, "max_exp_avg_sq", w);
        squares = cnn_max(b, largest, squares);
        cnn_assign(b, largest, squares);
    }
    cnn_value root = cnn_offset(b, cnn_div(b, cnn_sqrt(b, squares), scalars[ROOT]), p->eps);
    cnn_value change = cnn_div(b, cnn_mul(b, mean, scalars[STEP_SIZE]), root);
    cnn_assign(b, w, cnn_sub(b, shrunk, change));
}

static void adam_update(cnn_builder *b, const void *options, cnn_value w, cnn_value gradient,
                        const cnn_value *scalars)
{
    const adam_params *p = options;
    cnn_value g = decayed_gradient(b, w, gradient, p->weight_decay, p->maximize);
    update(b, p, w, w, g, scalars);
}

/* The weight shrinks by itself; the decay does not enter the means. */
static void adamw_update(cnn_builder *b, const void *options, cnn_value w, cnn_value gradient,
                         const cnn_value *scalars)
{
    const adam_params *p = options;
    cnn_value shrunk = p->weight_decay == 0.0 ? w : cnn_mul(b, w, scalars[SHRINK]);
    update(b, p, w, shrunk, decayed_gradient(b, w, gradient, 0.0, p->maximize), scalars);
}

static const cnn_optimizer optimizers[] = {
    { .c = CNN_COMPONENT(cnn_optimizer, "adam", sizeof(adam_params), CNN_TABLE(adam_table),
                         "steps scaled by running means of the gradient and its square",
                         "adam: {lr: 1e-3, betas: [0.9, 0.999]}"),
      .n_scalars = ADAM_SCALARS,
      .scalars = adam_scalars,
      .update = adam_update },
    { .c = CNN_COMPONENT(cnn_optimizer, "adamw", sizeof(adam_params), CNN_TABLE(adamw_table),
                         "adam with weight decay apart from the gradient",
                         "adamw: {lr: 1e-3, weight_decay: 0.01}"),
      .n_scalars = ADAMW_SCALARS,
      .scalars = adamw_scalars,
      .update = adamw_update },
};

CNN_PLUGIN(.name = "adam", .version = "0.1.0", .license = "MIT", .summary = "Adam and AdamW",
           .optimizers = CNN_TABLE(optimizers));
