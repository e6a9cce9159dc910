/* map: the expression is computed term by term on blocks of elements, in double, and rounded once.
 */
#include <math.h>

#include "kernels.h"

enum { BLOCK = 64, TERMS = 512 };

/* An input as its broadcast strides over the axes of the output. */
typedef struct view {
    const float *data;
    int64_t stride[CNN_MAX_RANK];
    bool dense;  /* the same shape as the output */
    bool single; /* one element for all */
} view;

static view view_of(const cnn_tensor *in, const cnn_type *out)
{
    view v = { .data = cnn_f32(in),
               .dense = cnn_same_shape(&in->type, out),
               .single = cnn_count(&in->type) == 1 };
    uint32_t lead = out->rank - in->type.rank;
    for (uint32_t i = 0; i < in->type.rank; i++)
        v.stride[lead + i] = in->type.dim[i] == 1 ? 0 : cnn_span(&in->type, i + 1, in->type.rank);
    return v;
}

static void load(const view *v, const cnn_type *out, int64_t first, int64_t n, double *to)
{
    for (int64_t k = 0; v->dense && k < n; k++)
        to[k] = (double)v->data[first + k];
    for (int64_t k = 0; v->single && !v->dense && k < n; k++)
        to[k] = (double)v->data[0];
    if (v->dense || v->single)
        return;
    for (int64_t k = 0; k < n; k++) {
        int64_t rest = first + k, at = 0;
        for (uint32_t axis = out->rank; axis > 0; axis--) {
            at += rest % out->dim[axis - 1] * v->stride[axis - 1];
            rest /= out->dim[axis - 1];
        }
        to[k] = (double)v->data[at];
    }
}

#define EACH(expression)            \
    for (int64_t i = 0; i < n; i++) \
        y[i] = (expression);        \
    break

/* One term for a block; a, b, c are its operands' blocks. */
static void compute(uint32_t op, const double *a, const double *b, const double *c, double *y,
                    int64_t n)
{
    switch (op) {
    case CNN_TERM_NEG:
        EACH(-a[i]);
    case CNN_TERM_ABS:
        EACH(fabs(a[i]));
    case CNN_TERM_SIGN:
        EACH((double)(a[i] > 0) - (double)(a[i] < 0));
    case CNN_TERM_FLOOR:
        EACH(floor(a[i]));
    case CNN_TERM_EXP:
        EACH(exp(a[i]));
    case CNN_TERM_EXPM1:
        EACH(expm1(a[i]));
    case CNN_TERM_LOG:
        EACH(log(a[i]));
    case CNN_TERM_LOG1P:
        EACH(log1p(a[i]));
    case CNN_TERM_SQRT:
        EACH(sqrt(a[i]));
    case CNN_TERM_RSQRT:
        EACH(1 / sqrt(a[i]));
    case CNN_TERM_SIN:
        EACH(sin(a[i]));
    case CNN_TERM_COS:
        EACH(cos(a[i]));
    case CNN_TERM_TANH:
        EACH(tanh(a[i]));
    case CNN_TERM_SIGMOID:
        EACH(1 / (1 + exp(-a[i])));
    case CNN_TERM_ERF:
        EACH(erf(a[i]));
    case CNN_TERM_ADD:
        EACH(a[i] + b[i]);
    case CNN_TERM_SUB:
        EACH(a[i] - b[i]);
    case CNN_TERM_MUL:
        EACH(a[i] * b[i]);
    case CNN_TERM_DIV:
        EACH(a[i] / b[i]);
    case CNN_TERM_POW:
        EACH(pow(a[i], b[i]));
    case CNN_TERM_MIN:
        EACH(a[i] < b[i] ? a[i] : b[i]);
    case CNN_TERM_MAX:
        EACH(b[i] < a[i] ? a[i] : b[i]);
    case CNN_TERM_LT:
        EACH((double)(a[i] < b[i]));
    case CNN_TERM_LE:
        EACH((double)(a[i] <= b[i]));
    case CNN_TERM_EQ:
        EACH((double)(a[i] == b[i]));
    case CNN_TERM_SELECT:
        EACH(a[i] != 0 ? b[i] : c[i]);
    default:
        EACH(NAN);
    }
}

#undef EACH

static void map_block(const cnn_kernel_args *args, const cnn_expr *expr, int64_t first, int64_t n)
{
    double values[TERMS][BLOCK];
    const cnn_type *out = &args->out[0].type;
    for (uint32_t t = 0; t < expr->count; t++) {
        const cnn_term *term = &expr->terms[t];
        if (term->op == CNN_TERM_INPUT) {
            view v = view_of(&args->in[term->a], out);
            load(&v, out, first, n, values[t]);
        } else if (term->op == CNN_TERM_CONST) {
            for (int64_t i = 0; i < n; i++)
                values[t][i] = term->k;
        } else {
            const double *none = values[t];
            compute(term->op, values[term->a], term->b >= 0 ? values[term->b] : none,
                    term->c >= 0 ? values[term->c] : none, values[t], n);
        }
    }
    float *y = cnn_f32(&args->out[0]) + first;
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)values[expr->count - 1][i];
}

/* Blocks per task: small enough to share the work, large enough to be worth a task. */
enum { TASK = 64 * BLOCK };

static void map_task(const cnn_kernel_args *args, int64_t task)
{
    const cnn_map_attrs *attrs = args->attrs;
    int64_t count = cnn_count(&args->out[0].type);
    int64_t end = (task + 1) * TASK < count ? (task + 1) * TASK : count;
    for (int64_t first = task * TASK; first < end; first += BLOCK)
        map_block(args, &attrs->expr, first, end - first < BLOCK ? end - first : BLOCK);
}

cnn_status reference_map(const cnn_kernel_args *args, cnn_error *err)
{
    const cnn_map_attrs *attrs = args->attrs;
    if (attrs->expr.count > TERMS)
        return cnn_fail(err, CNN_UNSUPPORTED, "an expression of %u terms, more than %d",
                        attrs->expr.count, TERMS);
    return reference_parallel(args, (cnn_count(&args->out[0].type) + TASK - 1) / TASK, map_task);
}
