/* How registers are blocked: so many channels times so many columns at once, whichever takes the
 * fewest cycles. */
#include "conv_plan.h"

enum { MOST_HEIGHT = 12 };

/* Cycles per tap: two multiply-adds, two loads, about four instructions a cycle; sums need four
 * cycles each. */
double cpu_block_cycles(int64_t height, int64_t width)
{
    const double products = (double)(height * width), loads = (double)(height + width);
    double c = products / 2 > loads / 2 ? products / 2 : loads / 2;
    c = c > (products + loads + 4) / 4 ? c : (products + loads + 4) / 4;
    return c > 4 ? c : 4;
}

/* Width of the blocks in which `columns` are done cheapest at a height. */
static int64_t best_width(const cpu_kernels *k, int64_t height, int64_t columns, int64_t taps,
                          double *cost)
{
    int64_t best = 1;
    *cost = 1e300;
    for (int64_t width = 1; width <= columns && k->has_block(height, width); width++) {
        int64_t full = columns / width, rest = columns % width;
        double start = 12 + 2 * (double)(height * width);
        double c = (double)full * ((double)taps * cpu_block_cycles(height, width) + start) +
                   (rest > 0 ? (double)taps * cpu_block_cycles(height, rest) + start : 0);
        if (c < *cost) {
            *cost = c;
            best = width;
        }
    }
    return best;
}

/* As many blocks of channels as are cheapest, of heights that differ by one at most. */
static int64_t best_blocks(const cpu_kernels *k, int64_t channels, int64_t columns, int64_t taps,
                           double *cycles)
{
    int64_t best = channels;
    double least = 1e300;
    for (int64_t n = cpu_divided_up(channels, MOST_HEIGHT); n <= channels; n++) {
        int64_t low = channels / n, n_high = channels % n;
        double cost_low = 0, cost_high = 0;
        if (!k->has_block(low + (n_high > 0), 1))
            continue;
        (void)best_width(k, low, columns, taps, &cost_low);
        if (n_high > 0)
            (void)best_width(k, low + 1, columns, taps, &cost_high);
        double cost = (double)(n - n_high) * cost_low + (double)n_high * cost_high;
        if (cost < least) {
            least = cost;
            best = n;
        }
    }
    *cycles = least;
    return best;
}

double cpu_product_cycles(const cpu_kernels *k, int64_t channels, int64_t columns, int64_t taps)
{
    double cycles;
    (void)best_blocks(k, channels, columns, taps, &cycles);
    return cycles;
}

int64_t cpu_block_width(const cpu_kernels *k, int64_t height, int64_t columns, int64_t taps)
{
    double cost;
    return best_width(k, height, columns, taps, &cost);
}

void cpu_plan_blocks(cpu_plan *plan, cpu_packing *p, int64_t columns)
{
    double cycles;
    int64_t n = best_blocks(plan->kernels, p->out_channels, columns, cpu_taps_of(p), &cycles);
    int64_t low = p->out_channels / n, n_high = p->out_channels % n, first = 0;
    p->blocks = cpu_plan_alloc(plan, (size_t)n, sizeof *p->blocks);
    p->n_blocks = (int32_t)n;
    p->n_shapes = n_high > 0 ? 2 : 1;
    for (int64_t i = 0; i < n && p->blocks != NULL; i++) {
        int64_t height = low + (i < n_high);
        p->blocks[i] =
            (cpu_conv_block){ (int32_t)first, (int32_t)height, n_high > 0 && i >= n_high ? 1 : 0,
                              first * cpu_taps_of(p) };
        first += height;
    }
    p->packed = p->out_channels * cpu_taps_of(p);
}
