/* Learning rate schedules: the closed forms of torch.optim.lr_scheduler. All but one_cycle change
 * once an epoch. */
#include <math.h>

#include <cnnrun/plugin.h>

#define PI 3.14159265358979323846
#define AT_LEAST_1 .min = 1, .max = INT32_MAX

static int64_t epoch_of(const cnn_progress *at)
{
    return at->step / at->steps_per_epoch;
}

static double constant_lr(const void *options, const cnn_progress *at)
{
    (void)options;
    return at->base_lr;
}

typedef struct step_params {
    int64_t step_size;
    double gamma;
} step_params;

static const cnn_param step_table[] = {
    { CNN_FIELD(step_params, step_size, INT), .unit = "epochs", .help = "between two changes",
      AT_LEAST_1 },
    { CNN_FIELD(step_params, gamma, FLOAT), .def = "0.1", .help = "factor of each change",
      .max = INFINITY },
};

static double step_lr(const void *options, const cnn_progress *at)
{
    const step_params *p = options;
    return at->base_lr * pow(p->gamma, (double)(epoch_of(at) / p->step_size));
}

typedef struct multistep_params {
    cnn_ints milestones;
    double gamma;
} multistep_params;

static const cnn_param multistep_table[] = {
    { CNN_FIELD(multistep_params, milestones, INTS), .unit = "epochs",
      .help = "finished epochs after which the rate changes", AT_LEAST_1 },
    { CNN_FIELD(multistep_params, gamma, FLOAT), .def = "0.1", .help = "factor of each change",
      .max = INFINITY },
};

static double multistep_lr(const void *options, const cnn_progress *at)
{
    const multistep_params *p = options;
    int64_t passed = 0;
    for (uint32_t i = 0; i < p->milestones.count; i++)
        passed += p->milestones.v[i] <= epoch_of(at);
    return at->base_lr * pow(p->gamma, (double)passed);
}

typedef struct exponential_params {
    double gamma;
} exponential_params;

static const cnn_param exponential_table[] = {
    { CNN_FIELD(exponential_params, gamma, FLOAT), .help = "factor of each epoch",
      .max = INFINITY },
};

static double exponential_lr(const void *options, const cnn_progress *at)
{
    const exponential_params *p = options;
    return at->base_lr * pow(p->gamma, (double)epoch_of(at));
}

typedef struct cosine_params {
    int64_t T_max;
    double eta_min;
} cosine_params;

static const cnn_param cosine_table[] = {
    { CNN_FIELD(cosine_params, T_max, INT), .def = "0", .unit = "epochs",
      .help = "until the lowest rate; 0: all epochs of the training", .max = INT32_MAX },
    { CNN_FIELD(cosine_params, eta_min, FLOAT), .def = "0", .help = "lowest rate",
      .max = INFINITY },
};

static double cosine_lr(const void *options, const cnn_progress *at)
{
    const cosine_params *p = options;
    int64_t all = (at->total_steps + at->steps_per_epoch - 1) / at->steps_per_epoch;
    int64_t half = p->T_max > 0 ? p->T_max : all > 0 ? all : 1;
    double turn = cos(PI * (double)epoch_of(at) / (double)half);
    return p->eta_min + (at->base_lr - p->eta_min) * (1.0 + turn) / 2.0;
}

typedef struct linear_params {
    double start_factor, end_factor;
    int64_t total_iters;
} linear_params;

static const cnn_param linear_table[] = {
    { CNN_FIELD(linear_params, start_factor, FLOAT), .def = "0.3333333333333333",
      .help = "factor in the first epoch", .max = 1 },
    { CNN_FIELD(linear_params, end_factor, FLOAT), .def = "1", .help = "factor in the end",
      .max = 1 },
    { CNN_FIELD(linear_params, total_iters, INT), .def = "5", .unit = "epochs",
      .help = "from the first factor to the last", AT_LEAST_1 },
};

/* How much of `total` epochs is over, at most 1. */
static double share_done(const cnn_progress *at, int64_t total)
{
    int64_t epoch = epoch_of(at);
    return epoch < total ? (double)epoch / (double)total : 1.0;
}

static double linear_lr(const void *options, const cnn_progress *at)
{
    const linear_params *p = options;
    double rise = (p->end_factor - p->start_factor) * share_done(at, p->total_iters);
    return at->base_lr * (p->start_factor + rise);
}

typedef struct polynomial_params {
    int64_t total_iters;
    double power;
} polynomial_params;

static const cnn_param polynomial_table[] = {
    { CNN_FIELD(polynomial_params, total_iters, INT), .def = "5", .unit = "epochs",
      .help = "until the rate is 0", AT_LEAST_1 },
    { CNN_FIELD(polynomial_params, power, FLOAT), .def = "1", .help = "of the polynomial",
      .max = INFINITY },
};

static double polynomial_lr(const void *options, const cnn_progress *at)
{
    const polynomial_params *p = options;
    return at->base_lr * pow(1.0 - share_done(at, p->total_iters), p->power);
}

typedef struct one_cycle_params {
    double max_lr, pct_start;
    int32_t anneal_strategy;
    double div_factor, final_div_factor;
    bool three_phase;
} one_cycle_params;

static const cnn_param one_cycle_table[] = {
    { CNN_FIELD(one_cycle_params, max_lr, FLOAT),
      .help = "highest rate; the optimizer's lr is not used, and its momentum is not cycled",
      .max = INFINITY },
    { CNN_FIELD(one_cycle_params, pct_start, FLOAT), .def = "0.3",
      .help = "share of all steps in which the rate rises", .max = 1 },
    { CNN_FIELD(one_cycle_params, anneal_strategy, CHOICE), .def = "cos", .choices = "cos|linear",
      .help = "how the rate goes from one value to the next" },
    { CNN_FIELD(one_cycle_params, div_factor, FLOAT), .def = "25",
      .help = "the first rate is max_lr divided by it", .min = 1e-12, .max = INFINITY },
    { CNN_FIELD(one_cycle_params, final_div_factor, FLOAT), .def = "1e4",
      .help = "the last rate is the first one divided by it", .min = 1e-12, .max = INFINITY },
    { CNN_FIELD(one_cycle_params, three_phase, BOOL), .def = "false",
      .help = "come down to the first rate before the last one" },
};

static double anneal(const one_cycle_params *p, double from, double to, double share)
{
    if (p->anneal_strategy == 0)
        return to + (from - to) / 2.0 * (1.0 + cos(PI * share));
    return from + (to - from) * share;
}

/* Smith and Topin, "Super-Convergence", 2018. A phase ends at step `end` with rate `lr`. */
static double one_cycle_lr(const void *options, const cnn_progress *at)
{
    typedef struct phase {
        double end, lr;
    } phase;
    const one_cycle_params *p = options;
    double rise = p->pct_start * (double)at->total_steps, last = (double)at->total_steps - 1.0;
    double first_lr = p->max_lr / p->div_factor, last_lr = first_lr / p->final_div_factor;
    const phase two[] = { { rise - 1.0, p->max_lr }, { last, last_lr } };
    const phase three[] = { two[0], { 2.0 * rise - 2.0, first_lr }, two[1] };
    const phase *phases = p->three_phase ? three : two;
    int n = p->three_phase ? 3 : 2, i = 0;
    double step = fmin((double)at->step, last);
    while (i < n - 1 && step > phases[i].end)
        i++;
    double start = i == 0 ? 0.0 : phases[i - 1].end;
    double from = i == 0 ? first_lr : phases[i - 1].lr;
    double length = phases[i].end - start;
    return anneal(p, from, phases[i].lr, length > 0.0 ? (step - start) / length : 1.0);
}

#define ROW(name, summary, example)                                                             \
    {                                                                                           \
        .c = CNN_COMPONENT(cnn_schedule, #name, sizeof(name##_params), CNN_TABLE(name##_table), \
                           summary, example),                                                   \
        .lr = name##_lr                                                                         \
    }

static const cnn_schedule schedules[] = {
    { .c = CNN_COMPONENT(cnn_schedule, "constant", 0, CNN_NO_PARAMS, "the optimizer's rate",
                         "constant"),
      .lr = constant_lr },
    ROW(step, "times gamma every step_size epochs", "step: {step_size: 30, gamma: 0.1}"),
    ROW(multistep, "times gamma at each milestone", "multistep: {milestones: [30, 80]}"),
    ROW(exponential, "times gamma every epoch", "exponential: {gamma: 0.95}"),
    ROW(cosine, "half a cosine down to eta_min", "cosine: {T_max: 50}"),
    ROW(linear, "a straight line to end_factor: a warm-up", "linear: {total_iters: 5}"),
    ROW(polynomial, "a polynomial down to 0", "polynomial: {total_iters: 20, power: 2}"),
    ROW(one_cycle, "up to max_lr and far down again, step by step", "one_cycle: {max_lr: 0.1}"),
};

CNN_PLUGIN(.name = "schedules", .version = "0.1.0", .license = "MIT",
           .summary = "PyTorch's learning rate schedules", .schedules = CNN_TABLE(schedules));
