/* lion: Chen et al., "Symbolic Discovery of Optimization Algorithms", 2023, algorithm 2. */
#include <cnnrun/plugin.h>

typedef struct lion_params {
    double lr;
    cnn_floats betas;
    double weight_decay;
} lion_params;

static const cnn_param params[] = {
    { CNN_FIELD(lion_params, lr, FLOAT), .def = "1e-4", .max = 1e9, .help = "learning rate" },
    { CNN_FIELD(lion_params, betas, FLOATS), .def = "[0.9, 0.99]", .max = 1, .min_count = 2,
      .max_count = 2, .help = "share of the old direction in the step, and in what is remembered" },
    { CNN_FIELD(lion_params, weight_decay, FLOAT), .def = "0", .max = 1e9,
      .help = "so much of the weight is taken off, times lr" },
};

/* keep * old + (1 - keep) * fresh */
static cnn_value mix(cnn_builder *b, cnn_value old, cnn_value fresh, double keep)
{
    return cnn_add(b, cnn_scale(b, old, keep), cnn_scale(b, fresh, 1 - keep));
}

/* w <- w - lr * (sign(mix(m, g, beta1)) + weight_decay * w);  m <- mix(m, g, beta2) */
static void update(cnn_builder *b, const void *options, cnn_value w, cnn_value g,
                   const cnn_value *scalars)
{
    const lion_params *p = options;
    cnn_value m = cnn_state(b, "exp_avg", *cnn_type_of(b, w), 0);
    cnn_value step = cnn_sign(b, mix(b, m, g, p->betas.v[0]));
    step = cnn_add(b, step, cnn_scale(b, w, p->weight_decay));
    cnn_assign(b, w, cnn_sub(b, w, cnn_mul(b, step, scalars[0])));
    cnn_assign(b, m, mix(b, m, g, p->betas.v[1]));
}

static const cnn_optimizer optimizers[] = {
    { .c = CNN_COMPONENT(cnn_optimizer, "lion", sizeof(lion_params), CNN_TABLE(params),
                         "steps of equal size, in the direction of the momentum's sign",
                         "lion: {lr: 1e-4, weight_decay: 0.1}"),
      .n_scalars = 1, /* the learning rate alone */
      .update = update },
};

CNN_PLUGIN(.name = "lion", .version = "1.0.0", .license = "MIT", .summary = "The Lion optimizer",
           .optimizers = CNN_TABLE(optimizers));
