/* Batch normalisation by the batch's own statistics, and its gradients. */
#include <math.h>

#include "explain/lesson.h"

/* All numbers of one channel: of every sample and place. */
typedef struct channel {
    const cnn_lesson *lesson;
    int32_t value;
    int64_t c, n, space;
    double *numbers;
} channel;

static cnn_spot place_in(const channel *ch, int64_t index)
{
    const cnn_type *type = cnn_lesson_type(ch->lesson, ch->value);
    cnn_spot spot = { .value = ch->value, .at = { index / ch->space, ch->c } };
    int64_t rest = index % ch->space;
    for (uint32_t i = type->rank; i > 2; i--) {
        spot.at[i - 1] = rest % type->dim[i - 1];
        rest /= type->dim[i - 1];
    }
    return spot;
}

static channel channel_of(const cnn_lesson *lesson, int32_t value, int64_t c)
{
    const cnn_type *type = cnn_lesson_type(lesson, value);
    channel ch = { lesson, value, c, 0, cnn_span(type, 2, type->rank), NULL };
    ch.n = type->dim[0] * ch.space;
    ch.numbers = CNN_NEW_ARRAY(lesson->page.arena, double, ch.n);
    for (int64_t i = 0; i < ch.n; i++) {
        const cnn_spot spot = place_in(&ch, i);
        ch.numbers[i] = cnn_lesson_read(lesson, &spot);
    }
    return ch;
}

static double at_channel(const cnn_lesson *lesson, int32_t value, int64_t c)
{
    return cnn_lesson_number(lesson, value, c);
}

static void place_label(const void *context, int64_t line, char *out, size_t size)
{
    const channel *ch = context;
    const cnn_spot spot = place_in(ch, line);
    char place[CNN_SPOT_SIZE];
    (void)snprintf(out, size, "%.90s", cnn_spot_place(ch->lesson, &spot, place));
}

/* Index in its channel of the spot of a value [N, C, ...]. */
static int64_t index_of(const channel *ch, const cnn_spot *spot)
{
    const cnn_type *type = cnn_lesson_type(ch->lesson, ch->value);
    int64_t index = spot->at[0];
    for (uint32_t i = 2; i < type->rank; i++)
        index = index * type->dim[i] + spot->at[i];
    return index;
}

/* ---- forward ---- */

typedef struct moments {
    double mean, variance, squares;
} moments;

static moments tell_moments(cnn_lesson *lesson, const channel *ch, int64_t chosen)
{
    static const char *const titles[2] = { "x", "(x - mean)^2" };
    double *numbers = CNN_NEW_ARRAY(lesson->page.arena, double, 2 * ch->n);
    double *squares = CNN_NEW_ARRAY(lesson->page.arena, double, ch->n);
    char t[2][CNN_NUMBER_SIZE];
    moments m = { 0, 0, 0 };
    for (int64_t i = 0; i < ch->n; i++)
        m.mean += ch->numbers[i] / (double)ch->n;
    for (int64_t i = 0; i < ch->n; i++) {
        numbers[2 * i] = ch->numbers[i];
        numbers[2 * i + 1] = squares[i] = pow(ch->numbers[i] - m.mean, 2);
        m.squares += squares[i];
    }
    m.variance = m.squares / (double)ch->n;
    cnn_page_text(&lesson->page,
                  "Training normalises by the batch itself: the mean and the variance of channel "
                  "%lld over all samples and places, %lld numbers.",
                  (long long)ch->c, (long long)ch->n);
    cnn_page_add(&lesson->page, "\n");
    cnn_page_list(&lesson->page,
                  &(cnn_list){ titles, 2, ch->n, numbers, chosen, true, place_label, ch });
    cnn_page_add(&lesson->page, "\n");
    cnn_page_sum(&lesson->page, "sum of x: ", ch->numbers, ch->n);
    cnn_page_text(&lesson->page, "mean = that / %lld = %s", (long long)ch->n,
                  cnn_digits(m.mean, t[0]));
    cnn_page_sum(&lesson->page, "sum of squares: ", squares, ch->n);
    cnn_page_text(&lesson->page, "var = that / %lld = %s", (long long)ch->n,
                  cnn_digits(m.variance, t[1]));
    return m;
}

cnn_worked cnn_work_batch_norm(cnn_lesson *lesson, const cnn_node *node, const cnn_spot *spot)
{
    const cnn_batch_norm_attrs *a = node->attrs;
    bool result = spot->value == node->out[0];
    int64_t c = spot->at[result ? 1 : 0];
    const channel ch = channel_of(lesson, node->in[0], c);
    const moments m = tell_moments(lesson, &ch, result ? index_of(&ch, spot) : -1);
    char t[6][CNN_NUMBER_SIZE];
    if (!result)
        return (cnn_worked){ spot->value == node->out[1] ? m.mean : m.variance,
                             fabs(m.mean) + m.variance };
    double x = ch.numbers[index_of(&ch, spot)], w = at_channel(lesson, node->in[1], c);
    double bias = at_channel(lesson, node->in[2], c), scaled = (x - m.mean) * w;
    double value = scaled / sqrt(m.variance + a->eps) + bias;
    cnn_page_text(&lesson->page, "(x - mean) / sqrt(var + eps) * weight + bias");
    cnn_page_text(&lesson->page, "(%s - %s) / sqrt(%s + %s) × %s + %s = %s", cnn_operand(x, t[0]),
                  cnn_operand(m.mean, t[1]), cnn_operand(m.variance, t[2]),
                  cnn_operand(a->eps, t[3]), cnn_operand(w, t[4]), cnn_operand(bias, t[5]),
                  cnn_digits(value, (char[CNN_NUMBER_SIZE]){ "" }));
    return (cnn_worked){ value, fabs(scaled) / sqrt(m.variance + a->eps) + fabs(bias) };
}

/* ---- gradients ---- */

/* What all three gradients are made of: the normalised numbers and two sums. */
typedef struct slopes {
    double *normal, *products;
    double r; /* 1 / sqrt(var + eps) */
    double sum, product_sum, scale;
} slopes;

static slopes tell_slopes(cnn_lesson *lesson, const cnn_node *node, const channel *x,
                          const channel *dy, int64_t chosen)
{
    static const char *const titles[3] = { "x' = (x - mean) r", "dL/d output", "product" };
    const cnn_batch_norm_attrs *a = node->attrs;
    cnn_arena *arena = lesson->page.arena;
    double *numbers = CNN_NEW_ARRAY(arena, double, 3 * x->n);
    double mean = at_channel(lesson, node->in[2], x->c);
    slopes s = {
        CNN_NEW_ARRAY(arena, double, x->n), CNN_NEW_ARRAY(arena, double, x->n), 0, 0, 0, 0
    };
    char t[CNN_NUMBER_SIZE];
    s.r = 1 / sqrt(at_channel(lesson, node->in[3], x->c) + a->eps);
    for (int64_t i = 0; i < x->n; i++) {
        numbers[3 * i] = s.normal[i] = (x->numbers[i] - mean) * s.r;
        numbers[3 * i + 1] = dy->numbers[i];
        numbers[3 * i + 2] = s.products[i] = s.normal[i] * dy->numbers[i];
        s.sum += dy->numbers[i];
        s.product_sum += s.products[i];
        s.scale += fabs(dy->numbers[i]) + fabs(s.products[i]);
    }
    cnn_page_text(&lesson->page,
                  "Every number of channel %lld has a part in its mean and variance, so every "
                  "gradient flows to all. r = 1 / sqrt(var + eps) = %s.",
                  (long long)x->c, cnn_digits(s.r, t));
    cnn_page_add(&lesson->page, "\n");
    cnn_page_list(&lesson->page,
                  &(cnn_list){ titles, 3, x->n, numbers, chosen, true, place_label, x });
    cnn_page_add(&lesson->page, "\n");
    cnn_page_sum(&lesson->page, "S = sum of dL/d output: ", dy->numbers, x->n);
    cnn_page_sum(&lesson->page, "T = sum of products: ", s.products, x->n);
    return s;
}

static cnn_worked input_slope(cnn_lesson *lesson, const slopes *s, const channel *dy, double w,
                              int64_t at)
{
    double n = (double)dy->n, d = dy->numbers[at], x = s->normal[at];
    double value = w * s->r * (d - s->sum / n - x * s->product_sum / n);
    char t[8][CNN_NUMBER_SIZE];
    cnn_page_text(&lesson->page, "weight × r × (dL/d output - S / n - x' × T / n)");
    cnn_page_text(&lesson->page, "%s × %s × (%s - %s / %s - %s × %s / %s) = %s",
                  cnn_operand(w, t[0]), cnn_operand(s->r, t[1]), cnn_operand(d, t[2]),
                  cnn_operand(s->sum, t[3]), cnn_operand(n, t[4]), cnn_operand(x, t[5]),
                  cnn_operand(s->product_sum, t[6]), t[4], cnn_digits(value, t[7]));
    return (cnn_worked){ value, fabs(w * s->r) * (fabs(d) + s->scale * (1 + fabs(x)) / n) };
}

cnn_worked cnn_work_batch_norm_grad(cnn_lesson *lesson, const cnn_node *node, const cnn_spot *spot)
{
    bool input = spot->value == node->out[0];
    int64_t c = spot->at[input ? 1 : 0];
    const channel x = channel_of(lesson, node->in[0], c), dy = channel_of(lesson, node->in[4], c);
    int64_t at = input ? index_of(&x, spot) : -1;
    const slopes s = tell_slopes(lesson, node, &x, &dy, at);
    if (input)
        return input_slope(lesson, &s, &dy, at_channel(lesson, node->in[1], c), at);
    bool weight = spot->value == node->out[1];
    cnn_page_text(&lesson->page, weight ? "The weight multiplies x': its gradient is T."
                                        : "The bias is added to all: its gradient is S.");
    return (cnn_worked){ weight ? s.product_sum : s.sum, s.scale };
}
