/* RMSprop (Tieleman and Hinton, 2012); formulas and defaults of torch.optim.RMSprop. */
#include <math.h>

#include <cnnrun/plugin.h>

#include "gradient.h"

typedef struct rmsprop_params {
    double lr, alpha, eps, weight_decay, momentum;
    bool centered, maximize;
} rmsprop_params;

static const cnn_param params[] = {
    { CNN_FIELD(rmsprop_params, lr, FLOAT), .def = "0.01", .help = "learning rate",
      .max = INFINITY },
    { CNN_FIELD(rmsprop_params, alpha, FLOAT), .def = "0.99",
      .help = "how slowly the mean of the squared gradient changes", .max = 1 },
    { CNN_FIELD(rmsprop_params, eps, FLOAT), .def = "1e-8",
      .help = "added to the root of the squares' mean", .max = INFINITY },
    { CNN_FIELD(rmsprop_params, weight_decay, FLOAT), .def = "0",
      .help = "L2 penalty: so much of the weight is added to its gradient", .max = INFINITY },
    { CNN_FIELD(rmsprop_params, momentum, FLOAT), .def = "0",
      .help = "share of the last step's direction that is kept", .max = INFINITY },
    { CNN_FIELD(rmsprop_params, centered, BOOL), .def = "false",
      .help = "divide by the gradient's standard deviation instead of its root mean square" },
    { CNN_FIELD(rmsprop_params, maximize, BOOL), .def = "false",
      .help = "climb instead of descend" },
};

/* s <- alpha s + (1 - alpha) g^2;  step = g / (sqrt(s [- mean(g)^2]) + eps);
 * v <- momentum v + step;  w <- w - lr * v */
static void rmsprop_update(cnn_builder *b, const void *options, cnn_value w, cnn_value gradient,
                           const cnn_value *scalars)
{
    const rmsprop_params *p = options;
    cnn_value g = decayed_gradient(b, w, gradient, p->weight_decay, p->maximize);
    cnn_value squares = zero_state(b, "square_avg", w);
    cnn_value spread = running_mean(b, squares, cnn_mul(b, g, g), p->alpha);
    cnn_assign(b, squares, spread);
    if (p->centered) {
        cnn_value average = zero_state(b, "grad_avg", w);
        cnn_value mean = running_mean(b, average, g, p->alpha);
        cnn_assign(b, average, mean);
        spread = cnn_sub(b, spread, cnn_mul(b, mean, mean));
    }
    cnn_value step = cnn_div(b, g, cnn_offset(b, cnn_sqrt(b, spread), p->eps));
    if (p->momentum != 0.0) {
        cnn_value v = zero_state(b, "momentum_buffer", w);
        step = cnn_add(b, cnn_scale(b, v, p->momentum), step);
        cnn_assign(b, v, step);
    }
    cnn_assign(b, w, cnn_sub(b, w, cnn_mul(b, step, scalars[0])));
}

static const cnn_optimizer optimizers[] = {
    { .c = CNN_COMPONENT(cnn_optimizer, "rmsprop", sizeof(rmsprop_params), CNN_TABLE(params),
                         "steps divided by a running root mean square of the gradient",
                         "rmsprop: {lr: 0.01, momentum: 0.9}"),
      .n_scalars = 1,
      .update = rmsprop_update },
};

CNN_PLUGIN(.name = "rmsprop", .version = "0.1.0", .license = "MIT", .summary = "RMSprop",
           .optimizers = CNN_TABLE(optimizers));
