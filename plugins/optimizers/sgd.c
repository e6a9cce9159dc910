/* Stochastic gradient descent with momentum; formulas and defaults of torch.optim.SGD. */
#include <math.h>

#include <cnnrun/plugin.h>

#include "gradient.h"

typedef struct sgd_params {
    double lr, momentum, dampening, weight_decay;
    bool nesterov, maximize;
} sgd_params;

static const cnn_param params[] = {
    { CNN_FIELD(sgd_params, lr, FLOAT), .def = "1e-3", .help = "learning rate", .max = INFINITY },
    { CNN_FIELD(sgd_params, momentum, FLOAT), .def = "0",
      .help = "share of the last step's direction that is kept", .max = INFINITY },
    { CNN_FIELD(sgd_params, dampening, FLOAT), .def = "0",
      .help = "share of the gradient that does not enter the momentum, from the second step on",
      .min = -INFINITY, .max = INFINITY },
    { CNN_FIELD(sgd_params, weight_decay, FLOAT), .def = "0",
      .help = "L2 penalty: so much of the weight is added to its gradient", .max = INFINITY },
    { CNN_FIELD(sgd_params, nesterov, BOOL), .def = "false",
      .help = "Nesterov momentum: look one step ahead" },
    { CNN_FIELD(sgd_params, maximize, BOOL), .def = "false", .help = "climb instead of descend" },
};

enum { LR, SHARE, N_SCALARS };

/* The buffer starts as the gradient itself: only later gradients are dampened. */
static void sgd_scalars(const void *options, int64_t step, double *out)
{
    const sgd_params *p = options;
    out[SHARE] = step == 1 ? 1.0 : 1.0 - p->dampening;
}

/* v <- momentum * v + share * g;  w <- w - lr * (nesterov ? g + momentum * v : v) */
static void sgd_update(cnn_builder *b, const void *options, cnn_value w, cnn_value gradient,
                       const cnn_value *scalars)
{
    const sgd_params *p = options;
    cnn_value g = decayed_gradient(b, w, gradient, p->weight_decay, p->maximize);
    if (p->nesterov && (p->momentum <= 0.0 || p->dampening != 0.0)) {
        (void)cnn_reject_hint(b, "give momentum: 0.9 and leave dampening out",
                              "nesterov needs a momentum above 0 and dampening 0, but they are %g "
                              "and %g",
                              p->momentum, p->dampening);
        return;
    }
    if (p->momentum != 0.0) {
        cnn_value v = zero_state(b, "momentum_buffer", w);
        cnn_value share = p->dampening == 0.0 ? g : cnn_mul(b, g, scalars[SHARE]);
        cnn_value next = cnn_add(b, cnn_scale(b, v, p->momentum), share);
        cnn_assign(b, v, next);
        g = p->nesterov ? cnn_add(b, g, cnn_scale(b, next, p->momentum)) : next;
    }
    cnn_assign(b, w, cnn_sub(b, w, cnn_mul(b, g, scalars[LR])));
}

static const cnn_optimizer optimizers[] = {
    { .c = CNN_COMPONENT(cnn_optimizer, "sgd", sizeof(sgd_params), CNN_TABLE(params),
                         "stochastic gradient descent, with momentum if asked for",
                         "sgd: {lr: 0.01, momentum: 0.5}"),
      .n_scalars = N_SCALARS,
      .scalars = sgd_scalars,
      .update = sgd_update },
};

CNN_PLUGIN(.name = "sgd", .version = "0.1.0", .license = "MIT",
           .summary = "stochastic gradient descent", .optimizers = CNN_TABLE(optimizers));
