/* Along an axis of classes: softmax, cross-entropy, argmax, and gradients. */
#include <math.h>

#include "explain/lesson.h"

/* A line of scores along an axis, their exponentials and probabilities. */
typedef struct line {
    int64_t n, axis;
    double *x, *exps, *p;
    double largest, sum, log_sum;
} line;

static void class_label(const void *context, int64_t index, char *out, size_t size)
{
    (void)snprintf(out, size, "%s %lld", (const char *)context, (long long)index);
}

static double *read_line(const cnn_lesson *lesson, int32_t value, cnn_spot spot, int64_t axis,
                         int64_t *n)
{
    *n = cnn_lesson_type(lesson, value)->dim[axis];
    double *numbers = CNN_NEW_ARRAY(lesson->page.arena, double, *n);
    spot.value = value;
    for (int64_t i = 0; i < *n; i++) {
        spot.at[axis] = i;
        numbers[i] = cnn_lesson_read(lesson, &spot);
    }
    return numbers;
}

static line line_of(const cnn_lesson *lesson, int32_t value, const cnn_spot *spot, int64_t axis)
{
    line l = { .axis = axis, .largest = -INFINITY };
    l.x = read_line(lesson, value, *spot, axis, &l.n);
    l.exps = CNN_NEW_ARRAY(lesson->page.arena, double, l.n);
    l.p = CNN_NEW_ARRAY(lesson->page.arena, double, l.n);
    for (int64_t i = 0; i < l.n; i++)
        l.largest = fmax(l.largest, l.x[i]);
    for (int64_t i = 0; i < l.n; i++)
        l.sum += l.exps[i] = exp(l.x[i] - l.largest);
    for (int64_t i = 0; i < l.n; i++)
        l.p[i] = l.exps[i] / l.sum;
    l.log_sum = l.largest + log(l.sum);
    return l;
}

/* Columns side by side as a list. */
static void print_columns(cnn_lesson *lesson, const char *label, const char *const *titles,
                          double *const *columns, uint32_t n_columns, int64_t n, int64_t chosen)
{
    double *numbers = CNN_NEW_ARRAY(lesson->page.arena, double, n *n_columns);
    for (int64_t i = 0; i < n; i++)
        for (uint32_t c = 0; c < n_columns; c++)
            numbers[i * n_columns + c] = columns[c][i];
    cnn_page_add(&lesson->page, "\n");
    cnn_page_list(&lesson->page,
                  &(cnn_list){ titles, n_columns, n, numbers, chosen, false, class_label, label });
    cnn_page_add(&lesson->page, "\n");
}

static void tell_exps(cnn_lesson *lesson, const line *l)
{
    char number[CNN_NUMBER_SIZE];
    cnn_page_text(&lesson->page,
                  "exp of each score, divided by the sum of all. The largest score, %s, is "
                  "subtracted first: that changes no quotient and keeps exp small.",
                  cnn_digits(l->largest, number));
}

static void print_probabilities(cnn_lesson *lesson, const char *label, const line *l,
                                int64_t chosen)
{
    static const char *const titles[3] = { "score x", "exp(x - max)", "p" };
    double *const columns[3] = { l->x, l->exps, l->p };
    tell_exps(lesson, l);
    print_columns(lesson, label, titles, columns, 3, l->n, chosen);
    cnn_page_sum(&lesson->page, "sum of exp: ", l->exps, l->n);
}

/* ---- softmax ---- */

cnn_worked cnn_work_softmax(cnn_lesson *lesson, const cnn_node *node, const cnn_spot *spot)
{
    const cnn_softmax_attrs *a = node->attrs;
    const line l = line_of(lesson, node->in[0], spot, a->axis);
    int64_t own = spot->at[a->axis];
    char x[CNN_NUMBER_SIZE], y[CNN_NUMBER_SIZE], z[CNN_NUMBER_SIZE];
    print_probabilities(lesson, "entry", &l, own);
    cnn_page_text(&lesson->page, "p[%lld] = %s / %s = %s", (long long)own,
                  cnn_digits(l.exps[own], x), cnn_digits(l.sum, y), cnn_digits(l.p[own], z));
    if (!a->log)
        return (cnn_worked){ l.p[own], 0 };
    cnn_page_text(&lesson->page, "log p[%lld] = log %s = %s", (long long)own,
                  cnn_digits(l.p[own], x), cnn_digits(l.x[own] - l.log_sum, y));
    return (cnn_worked){ l.x[own] - l.log_sum, fabs(l.x[own]) + fabs(l.log_sum) };
}

cnn_worked cnn_work_softmax_grad(cnn_lesson *lesson, const cnn_node *node, const cnn_spot *spot)
{
    const cnn_softmax_attrs *a = node->attrs;
    int64_t n, own = spot->at[a->axis];
    double *y = read_line(lesson, node->in[0], *spot, a->axis, &n);
    double *dy = read_line(lesson, node->in[1], *spot, a->axis, &n);
    double *parts = CNN_NEW_ARRAY(lesson->page.arena, double, n), sum = 0, scale = 0;
    char name[CNN_SPOT_SIZE], t[4][CNN_NUMBER_SIZE];
    for (int64_t i = 0; i < n; i++) {
        parts[i] = a->log ? dy[i] : y[i] * dy[i];
        sum += parts[i];
        scale += fabs(parts[i]);
    }
    const char *const titles[3] = { a->log ? "log p" : "p",
                                    cnn_value_name(lesson, node->in[1], name),
                                    a->log ? "the same" : "product" };
    double *const columns[3] = { y, dy, parts };
    cnn_page_text(&lesson->page, "A score moves all results, for it is in the sum below each.");
    print_columns(lesson, "entry", titles, columns, a->log ? 2 : 3, n, own);
    cnn_page_sum(&lesson->page, "S = ", parts, n);
    double value = a->log ? dy[own] - exp(y[own]) * sum : y[own] * (dy[own] - sum);
    (void)cnn_operand(dy[own], t[0]);
    (void)cnn_operand(a->log ? exp(y[own]) : y[own], t[1]);
    (void)cnn_operand(sum, t[2]);
    (void)cnn_digits(value, t[3]);
    if (a->log)
        cnn_page_text(&lesson->page, "dL/d output - p S = %s - %s × %s = %s", t[0], t[1], t[2],
                      t[3]);
    else
        cnn_page_text(&lesson->page, "p (dL/d output - S) = %s × (%s - %s) = %s", t[1], t[0], t[2],
                      t[3]);
    return (cnn_worked){ value, fabs(dy[own]) + scale };
}

/* ---- cross-entropy ---- */

static int64_t target_of(const cnn_lesson *lesson, int32_t target, const cnn_spot *spot)
{
    const cnn_type *type = cnn_lesson_type(lesson, target);
    cnn_spot at = { .value = target, .at = { spot->at[0] } };
    for (uint32_t i = 1; i < type->rank; i++)
        at.at[i] = spot->at[i];
    return (int64_t)cnn_lesson_read(lesson, &at);
}

/* The element of scores [N, C, ...] with class 0 for one of the targets [N, ...]. */
static cnn_spot scores_at(const cnn_lesson *lesson, int32_t scores, const cnn_spot *spot)
{
    cnn_spot at = { .value = scores, .at = { spot->at[0] } };
    for (uint32_t i = 2; i < cnn_lesson_type(lesson, scores)->rank; i++)
        at.at[i] = spot->at[i - 1];
    return at;
}

static double mean_of(const line *l)
{
    double sum = 0;
    for (int64_t i = 0; i < l->n; i++)
        sum += l->x[i];
    return sum / (double)l->n;
}

cnn_worked cnn_work_cross_entropy(cnn_lesson *lesson, const cnn_node *node, const cnn_spot *spot)
{
    const cnn_cross_entropy_attrs *a = node->attrs;
    const cnn_spot at = scores_at(lesson, node->in[0], spot);
    const line l = line_of(lesson, node->in[0], &at, 1);
    int64_t target = target_of(lesson, node->in[1], spot);
    double e = a->label_smoothing;
    char t[4][CNN_NUMBER_SIZE];
    if (target == a->ignore_index) {
        cnn_page_text(&lesson->page, "The target is %lld, ignore_index: the loss is 0.",
                      (long long)target);
        return (cnn_worked){ 0, 0 };
    }
    cnn_page_text(&lesson->page, "The target is class %lld.", (long long)target);
    print_probabilities(lesson, "class", &l, target);
    double hit = l.log_sum - l.x[target], value = hit;
    cnn_page_text(&lesson->page, "-log p[%lld] = -log %s = %s", (long long)target,
                  cnn_digits(l.p[target], t[0]), cnn_digits(hit, t[1]));
    if (e > 0) {
        double mean = l.log_sum - mean_of(&l);
        value = (1 - e) * hit + e * mean;
        cnn_page_text(&lesson->page,
                      "label_smoothing %s: that share goes to all classes alike, whose mean of "
                      "-log p is %s.",
                      cnn_digits(e, t[0]), cnn_digits(mean, t[2]));
        cnn_page_text(&lesson->page, "(1 - %s) × %s + %s × %s = %s", t[0], t[1], t[0], t[2],
                      cnn_digits(value, t[3]));
    }
    return (cnn_worked){ value, fabs(l.log_sum) + fabs(l.x[target]) };
}

cnn_worked cnn_work_cross_entropy_grad(cnn_lesson *lesson, const cnn_node *node,
                                       const cnn_spot *spot)
{
    static const char *const titles[4] = { "score x", "p", "wanted", "p - wanted" };
    const cnn_cross_entropy_attrs *a = node->attrs;
    const line l = line_of(lesson, node->in[0], spot, 1);
    cnn_spot sample = { .value = node->in[2], .at = { spot->at[0] } };
    for (uint32_t i = 2; i < cnn_lesson_type(lesson, node->in[0])->rank; i++)
        sample.at[i - 1] = spot->at[i];
    int64_t target = target_of(lesson, node->in[1], &sample), own = spot->at[1];
    double *wanted = CNN_NEW_ARRAY(lesson->page.arena, double, l.n);
    double *less = CNN_NEW_ARRAY(lesson->page.arena, double, l.n);
    double d = cnn_lesson_read(lesson, &sample), e = a->label_smoothing;
    char t[3][CNN_NUMBER_SIZE];
    for (int64_t i = 0; i < l.n; i++) {
        wanted[i] = e / (double)l.n + (i == target ? 1 - e : 0);
        less[i] = l.p[i] - wanted[i];
    }
    if (target == a->ignore_index) {
        cnn_page_text(&lesson->page, "The target is %lld, ignore_index: nothing flows back.",
                      (long long)target);
        return (cnn_worked){ 0, 0 };
    }
    double *const columns[4] = { l.x, l.p, wanted, less };
    cnn_page_text(
        &lesson->page,
        "The target is class %lld. The gradient is the softmax of the scores less what is "
        "wanted: too high where the network believes too much, times the gradient of the "
        "sample's loss.",
        (long long)target);
    print_columns(lesson, "class", titles, columns, 4, l.n, own);
    cnn_page_text(&lesson->page, "%s × %s = %s; the second is the gradient of the sample's loss",
                  cnn_digits(less[own], t[0]), cnn_digits(d, t[1]),
                  cnn_digits(less[own] * d, t[2]));
    return (cnn_worked){ less[own] * d, fabs(d) };
}

/* ---- argmax ---- */

cnn_worked cnn_work_argmax(cnn_lesson *lesson, const cnn_node *node, const cnn_spot *spot)
{
    static const char *const titles[1] = { "number" };
    const cnn_axis_attrs *a = node->attrs;
    const cnn_type *type = cnn_lesson_type(lesson, node->in[0]);
    cnn_spot at = { .value = node->in[0] };
    for (uint32_t i = 0, k = 0; i < type->rank; i++)
        if (i != (uint32_t)a->axis)
            at.at[i] = spot->at[k++];
    int64_t n, best = 0;
    double *x = read_line(lesson, node->in[0], at, a->axis, &n);
    for (int64_t i = 1; i < n; i++)
        best = x[i] > x[best] || (isnan(x[i]) && !isnan(x[best])) ? i : best;
    cnn_page_text(&lesson->page, "Where the largest number stands; of equal ones, the first.");
    print_columns(lesson, "entry", titles, &x, 1, n, best);
    cnn_page_text(&lesson->page, "It stands at place %lld.", (long long)best);
    return (cnn_worked){ (double)best, 0 };
}
