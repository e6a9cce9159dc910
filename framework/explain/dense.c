/* Matrix products and reductions: sums over a list. */
#include <math.h>

#include "explain/lesson.h"

/* ---- matmul ---- */

/* What is summed over: k, or the samples of the batch. */
static void k_label(const void *context, int64_t line, char *out, size_t size)
{
    (void)snprintf(out, size, "%s%lld", (const char *)context, (long long)line);
}

/* "4.weight[0, k]"; "input[k]" where the other axis is the only sample. */
static const char *operand_text(const cnn_lesson *lesson, int32_t value, bool k_first,
                                int64_t fixed, char *out)
{
    const cnn_value_info *info = cnn_value_at(lesson->program, value);
    char name[CNN_SPOT_SIZE];
    (void)cnn_value_name(lesson, value, name);
    if (!k_first && info->batched != 0 && info->type.dim[0] == 1)
        (void)snprintf(out, CNN_SPOT_SIZE, "%.120s[k]", name);
    else if (k_first)
        (void)snprintf(out, CNN_SPOT_SIZE, "%.120s[k, %lld]", name, (long long)fixed);
    else
        (void)snprintf(out, CNN_SPOT_SIZE, "%.120s[%lld, k]", name, (long long)fixed);
    return out;
}

cnn_worked cnn_work_matmul(cnn_lesson *lesson, const cnn_node *node, const cnn_spot *spot)
{
    const cnn_matmul_attrs *m = node->attrs;
    const cnn_type *a = cnn_lesson_type(lesson, node->in[0]);
    int64_t k = a->dim[m->trans_a ? 0 : 1];
    double *numbers = CNN_NEW_ARRAY(lesson->page.arena, double, 3 * k);
    double *products = CNN_NEW_ARRAY(lesson->page.arena, double, k);
    char left[CNN_SPOT_SIZE], right[CNN_SPOT_SIZE];
    cnn_worked worked = { 0, 0 };
    for (int64_t i = 0; i < k; i++) {
        const cnn_spot x = { node->in[0],
                             { m->trans_a ? i : spot->at[0], m->trans_a ? spot->at[0] : i } };
        const cnn_spot y = { node->in[1],
                             { m->trans_b ? spot->at[1] : i, m->trans_b ? i : spot->at[1] } };
        numbers[3 * i] = cnn_lesson_read(lesson, &x);
        numbers[3 * i + 1] = cnn_lesson_read(lesson, &y);
        numbers[3 * i + 2] = products[i] = numbers[3 * i] * numbers[3 * i + 1];
        worked.value += products[i];
        worked.scale += fabs(products[i]);
    }
    const char *const titles[3] = {
        operand_text(lesson, node->in[0], m->trans_a, spot->at[0], left),
        operand_text(lesson, node->in[1], !m->trans_b, spot->at[1], right), "product"
    };
    bool samples = m->trans_a && cnn_value_at(lesson->program, node->in[0])->batched != 0;
    if (samples)
        cnn_page_text(&lesson->page, "The sum of %s × %s over the samples k of the batch.", left,
                      right);
    else
        cnn_page_text(&lesson->page, "The sum of %s × %s over k from 0 to %lld.", left, right,
                      (long long)(k - 1));
    cnn_page_add(&lesson->page, "\n");
    cnn_page_list(&lesson->page, &(cnn_list){ titles, 3, k, numbers, -1, true, k_label,
                                              samples ? "sample " : "k = " });
    cnn_page_list_sum(&lesson->page, products, k);
    return worked;
}

/* ---- reduce ---- */

/* The elements of x that go into one result. */
typedef struct gathered {
    const cnn_lesson *lesson;
    int32_t value;
    int64_t axes, count;
    cnn_spot first;
} gathered;

static cnn_spot element_of(const gathered *g, int64_t index)
{
    const cnn_type *type = cnn_lesson_type(g->lesson, g->value);
    cnn_spot spot = g->first;
    for (uint32_t i = type->rank; i > 0; i--) {
        if ((g->axes >> (i - 1) & 1) == 0)
            continue;
        spot.at[i - 1] = index % type->dim[i - 1];
        index /= type->dim[i - 1];
    }
    return spot;
}

static gathered gather(const cnn_lesson *lesson, const cnn_node *node, const cnn_spot *spot)
{
    const cnn_reduce_attrs *a = node->attrs;
    const cnn_type *type = cnn_lesson_type(lesson, node->in[0]);
    gathered g = { lesson, node->in[0], a->axes, 1, { .value = node->in[0] } };
    uint32_t kept = 0;
    for (uint32_t i = 0; i < type->rank; i++) {
        bool gone = (a->axes >> i & 1) != 0;
        g.count *= gone ? type->dim[i] : 1;
        if (!gone)
            g.first.at[i] = spot->at[a->keepdim ? i : kept];
        kept += !gone;
    }
    return g;
}

static void element_label(const void *context, int64_t line, char *out, size_t size)
{
    const gathered *g = context;
    const cnn_spot spot = element_of(g, line);
    char name[CNN_SPOT_SIZE];
    (void)snprintf(out, size, "%.90s", cnn_spot_name(g->lesson, &spot, name));
}

static cnn_worked finish_reduce(const cnn_lesson *lesson, const cnn_reduce_attrs *a,
                                const double *numbers, int64_t count)
{
    char sum[CNN_NUMBER_SIZE], number[CNN_NUMBER_SIZE];
    cnn_worked worked = { 0, 0 };
    for (int64_t i = 0; i < count; i++) {
        worked.value += numbers[i];
        worked.scale += fabs(numbers[i]);
    }
    cnn_page_list_sum(&lesson->page, numbers, count);
    if (a->kind == CNN_REDUCE_MEAN) {
        (void)cnn_digits(worked.value, sum);
        worked.value /= (double)count;
        worked.scale /= (double)count;
        cnn_page_text(&lesson->page, "%s / %lld = %s", sum, (long long)count,
                      cnn_digits(worked.value, number));
    }
    return worked;
}

static cnn_worked tell_one(const cnn_lesson *lesson, const gathered *g, const char *word,
                           double value)
{
    char name[CNN_SPOT_SIZE], number[CNN_NUMBER_SIZE];
    cnn_page_text(&lesson->page, "The %s of one number is that number: %s = %s.", word,
                  cnn_spot_name(lesson, &g->first, name), cnn_digits(value, number));
    return (cnn_worked){ value, 0 };
}

cnn_worked cnn_work_reduce(cnn_lesson *lesson, const cnn_node *node, const cnn_spot *spot)
{
    static const char *const words[] = { "sum", "mean", "largest" };
    static const char *const titles[1] = { "number" };
    const cnn_reduce_attrs *a = node->attrs;
    const gathered g = gather(lesson, node, spot);
    double *numbers = CNN_NEW_ARRAY(lesson->page.arena, double, g.count);
    int64_t best = 0;
    for (int64_t i = 0; i < g.count; i++) {
        const cnn_spot at = element_of(&g, i);
        numbers[i] = cnn_lesson_read(lesson, &at);
        best = isnan(numbers[i]) || numbers[i] > numbers[best] ? i : best;
    }
    bool max = a->kind == CNN_REDUCE_MAX;
    if (g.count == 1)
        return tell_one(lesson, &g, words[a->kind], numbers[0]);
    cnn_page_text(&lesson->page, "The %s of %lld numbers.", words[a->kind], (long long)g.count);
    cnn_page_add(&lesson->page, "\n");
    cnn_page_list(&lesson->page, &(cnn_list){ titles, 1, g.count, numbers, max ? best : -1, !max,
                                              element_label, &g });
    return max ? (cnn_worked){ numbers[best], 0 } : finish_reduce(lesson, a, numbers, g.count);
}
