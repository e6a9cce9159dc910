/* Learning rates against PyTorch 1.13: each row was printed by a loop of optimizer.step() and
 * scheduler.step() over the scheduler named beside it, with base rate 0.1. */
#include <cnnrun/plugin.h>

#include "test.h"

extern const cnn_plugin cnnrun_plugin;

#define TOLERANCE 1e-10 /* the rows have ten digits */
#define RATES(...) \
    (const double[]){ __VA_ARGS__ }, (int)(sizeof((double[]){ __VA_ARGS__ }) / sizeof(double))

static const cnn_schedule *find(const char *name)
{
    for (uint32_t i = 0; i < cnnrun_plugin.schedules.count; i++) {
        const cnn_schedule *s = cnn_table_at(&cnnrun_plugin.schedules, i);
        if (strcmp(s->c.name, name) == 0)
            return s;
    }
    return NULL;
}

/* Rates at the first and at the last step of each epoch of `per_epoch` steps. */
static void check(const char *name, const void *params, int64_t per_epoch, const double *rates,
                  int epochs)
{
    const cnn_schedule *s = find(name);
    if (!CHECK(s != NULL))
        return;
    for (int i = 0; i < epochs; i++) {
        cnn_progress at = { i * per_epoch, per_epoch, epochs * per_epoch, 0.1 };
        CHECK_NEAR(s->lr(params, &at), rates[i], TOLERANCE);
        at.step += per_epoch - 1;
        CHECK_NEAR(s->lr(params, &at), rates[i], TOLERANCE);
    }
}

static void constant_is_the_optimizers_rate(void)
{
    check("constant", NULL, 3, RATES(0.1, 0.1));
}

static void step_is_step_lr(void) /* StepLR(2, gamma=0.5) */
{
    struct {
        int64_t step_size;
        double gamma;
    } p = { 2, 0.5 };
    check("step", &p, 3, RATES(0.1, 0.1, 0.05, 0.05, 0.025, 0.025, 0.0125));
}

static void multistep_is_multi_step_lr(void) /* MultiStepLR([2, 5]) */
{
    struct {
        cnn_ints milestones;
        double gamma;
    } p = { { 2, -1, (const int64_t[]){ 2, 5 } }, 0.1 };
    check("multistep", &p, 3, RATES(0.1, 0.1, 0.01, 0.01, 0.01, 0.001, 0.001));
}

static void exponential_is_exponential_lr(void) /* ExponentialLR(0.9) */
{
    double gamma = 0.9;
    check("exponential", &gamma, 3, RATES(0.1, 0.09, 0.081, 0.0729, 0.06561));
}

static void cosine_is_cosine_annealing_lr(void) /* CosineAnnealingLR(6, eta_min=0.01) */
{
    struct {
        int64_t T_max;
        double eta_min;
    } p = { 6, 0.01 };
    check("cosine", &p, 3,
          RATES(0.1, 0.09397114317, 0.0775, 0.055, 0.0325, 0.01602885683, 0.01, 0.01602885683));
}

static void cosine_without_t_max_spans_all_epochs(void) /* the same, cut after 6 epochs */
{
    struct {
        int64_t T_max;
        double eta_min;
    } p = { 0, 0.01 };
    check("cosine", &p, 3, RATES(0.1, 0.09397114317, 0.0775, 0.055, 0.0325, 0.01602885683));
}

static void linear_is_linear_lr(void) /* LinearLR(), LinearLR(0.5, 0.9, 4) */
{
    struct {
        double start_factor, end_factor;
        int64_t total_iters;
    } p = { 0.3333333333333333, 1.0, 5 }, q = { 0.5, 0.9, 4 };
    check("linear", &p, 3,
          RATES(0.03333333333, 0.04666666667, 0.06, 0.07333333333, 0.08666666667, 0.1, 0.1));
    check("linear", &q, 1, RATES(0.05, 0.06, 0.07, 0.08, 0.09, 0.09));
}

static void polynomial_is_polynomial_lr(void) /* PolynomialLR(4, power=2.0) */
{
    struct {
        int64_t total_iters;
        double power;
    } p = { 4, 2.0 };
    check("polynomial", &p, 3, RATES(0.1, 0.05625, 0.025, 0.00625, 0.0, 0.0));
}

typedef struct cycle {
    double max_lr, pct_start;
    int32_t anneal_strategy;
    double div_factor, final_div_factor;
    bool three_phase;
} cycle;

static void one_cycle_is_one_cycle_lr(void) /* OneCycleLR(0.5, total_steps=10) */
{
    cycle p = { 0.5, 0.3, 0, 25.0, 1e4, false };
    check("one_cycle", &p, 1,
          RATES(0.02, 0.26, 0.5, 0.475242316, 0.405872827, 0.305631011, 0.194370989, 0.09412917303,
                0.02475968399, 2e-06));
}

/* OneCycleLR(0.5, total_steps=10, anneal_strategy="linear", pct_start=0.25, div_factor=10,
 * final_div_factor=100) */
static void one_cycle_anneals_along_a_line(void)
{
    cycle p = { 0.5, 0.25, 1, 10.0, 100.0, false };
    check("one_cycle", &p, 1,
          RATES(0.05, 0.35, 0.4667, 0.4001, 0.3335, 0.2669, 0.2003, 0.1337, 0.0671, 0.0005));
}

static void one_cycle_has_three_phases(void) /* OneCycleLR(0.5, total_steps=10, three_phase=True) */
{
    cycle p = { 0.5, 0.3, 0, 25.0, 1e4, true };
    check("one_cycle", &p, 1,
          RATES(0.02, 0.26, 0.5, 0.26, 0.02, 0.01809036093, 0.01309086093, 0.006911139073,
                0.001911639073, 2e-06));
}

/* OneCycleLR(0.5, total_steps=2), OneCycleLR(0.5, total_steps=4, pct_start=0.0) */
static void one_cycle_bears_a_rise_shorter_than_a_step(void)
{
    cycle p = { 0.5, 0.3, 0, 25.0, 1e4, false }, q = p;
    q.pct_start = 0.0;
    check("one_cycle", &p, 1, RATES(0.405872827, 2e-06));
    check("one_cycle", &q, 1, RATES(0.4267769882, 0.250001, 0.07322501181, 2e-06));
}

static void one_cycle_stays_finite_for_a_single_step(void)
{
    cycle p = { 0.5, 1.0, 0, 25.0, 1e4, false };
    cnn_progress only = { 0, 1, 1, 0.1 }, behind = { 7, 1, 1, 0.1 };
    CHECK(isfinite(find("one_cycle")->lr(&p, &only)));
    CHECK_NEAR(find("one_cycle")->lr(&p, &behind), find("one_cycle")->lr(&p, &only), 0.0);
}

int main(void)
{
    return RUN_TESTS(TEST(constant_is_the_optimizers_rate), TEST(step_is_step_lr),
                     TEST(multistep_is_multi_step_lr), TEST(exponential_is_exponential_lr),
                     TEST(cosine_is_cosine_annealing_lr),
                     TEST(cosine_without_t_max_spans_all_epochs), TEST(linear_is_linear_lr),
                     TEST(polynomial_is_polynomial_lr), TEST(one_cycle_is_one_cycle_lr),
                     TEST(one_cycle_anneals_along_a_line), TEST(one_cycle_has_three_phases),
                     TEST(one_cycle_bears_a_rise_shorter_than_a_step),
                     TEST(one_cycle_stays_finite_for_a_single_step));
}
