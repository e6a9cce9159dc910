/* The builder: how layers, optimizers and gradients write down what to compute.
 *
 * Functions return handles of values in the graph being built. Errors are sticky: the first one is
 * kept with the layer it came from, every later call returns CNN_NONE and does nothing, so
 * expressions nest without checks. All of it runs on the main thread, inside a build, update or
 * grad callback; handles are meaningless elsewhere. */
#ifndef CNNRUN_BUILDER_H
#define CNNRUN_BUILDER_H

#include <stdarg.h>
#include <stdio.h>

#include "expr.h"
#include "status.h"
#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t cnn_value;
#define CNN_NONE ((cnn_value)-1)

/* What the graph is for. A pipeline is built once for each. */
typedef enum cnn_mode {
    CNN_TRAIN = 1, /* dropout drops, batch norm uses the batch and updates its running statistics */
    CNN_EVAL,      /* with targets: loss and metrics */
    CNN_PREDICT,   /* no target */
} cnn_mode;

/* How a new weight is filled; names and formulas are torch.nn.init's. fan_in, fan_out come from the
 * shape: dim 1 (dim 0) times the product of the dims from 2 on. */
typedef enum cnn_init_kind {
    CNN_INIT_CONSTANT = 1,   /* a */
    CNN_INIT_UNIFORM,        /* [a, b) */
    CNN_INIT_NORMAL,         /* mean a, std b */
    CNN_INIT_TRUNC_NORMAL,   /* mean a, std b, cut at +-2 (absolute values, as PyTorch's default) */
    CNN_INIT_XAVIER_UNIFORM, /* gain a */
    CNN_INIT_XAVIER_NORMAL,  /* gain a */
    CNN_INIT_KAIMING_UNIFORM, /* gain a, over fan_in (b = 0) or fan_out (b = 1) */
    CNN_INIT_KAIMING_NORMAL,  /* the same */
    CNN_INIT_ORTHOGONAL,      /* gain a */
    CNN_INIT_DIRAC,           /* identity for convolutions */
    CNN_INIT_EYE,             /* identity matrix */
} cnn_init_kind;

typedef struct cnn_init {
    uint32_t kind; /* cnn_init_kind */
    double a, b;
} cnn_init;

typedef struct cnn_builder cnn_builder;

/* The host's side. Plugins call the inline functions below. */
typedef struct cnn_builder_api {
    uint32_t size;
    uint32_t mode; /* cnn_mode */
    uint32_t (*input_count)(cnn_builder *);
    cnn_value (*input)(cnn_builder *, uint32_t index);
    const char *(*input_name)(cnn_builder *, uint32_t index);
    cnn_value (*target)(cnn_builder *);
    int64_t (*classes)(cnn_builder *);
    const cnn_type *(*type)(cnn_builder *, cnn_value);
    cnn_value (*weight)(cnn_builder *, const char *name, const cnn_type *, const cnn_init *);
    cnn_value (*state)(cnn_builder *, const char *name, const cnn_type *, double fill);
    cnn_value (*constant)(cnn_builder *, const cnn_type *, const void *data);
    cnn_value (*number)(cnn_builder *, double);
    cnn_value (*map)(cnn_builder *, uint32_t term_op, cnn_value a, cnn_value b, cnn_value c);
    cnn_value (*expand)(cnn_builder *, cnn_value, const cnn_type *);
    cnn_status (*op)(cnn_builder *, const char *name, const void *attrs, const cnn_value *in,
                     uint32_t n_in, cnn_value *out, uint32_t n_out);
    void (*assign)(cnn_builder *, cnn_value state, cnn_value value);
    void (*reject)(cnn_builder *, const char *text, const char *hint);
    uint32_t (*stream)(cnn_builder *);
} cnn_builder_api;

/* Only its head is public; the rest is the host's. */
struct cnn_builder {
    const cnn_builder_api *api;
};

/* ---- what the layer was given
 * ------------------------------------------------------------------------------------ */

static inline uint32_t cnn_get_mode(cnn_builder *b)
{
    return b->api->mode;
}

/* Number of inputs: 1, or the number of branches of a join. */
static inline uint32_t cnn_input_count(cnn_builder *b)
{
    return b->api->input_count(b);
}

/* The i-th input; rejects when there is none. */
static inline cnn_value cnn_input(cnn_builder *b, uint32_t i)
{
    return b->api->input(b, i);
}

/* The branch's name for messages, "" where it has none. Lives as long as the build. */
static inline const char *cnn_input_name(cnn_builder *b, uint32_t i)
{
    return b->api->input_name(b, i);
}

/* The data set's target of each sample (N labels, or N x ... values). For losses and metrics. */
static inline cnn_value cnn_target(cnn_builder *b)
{
    return b->api->target(b);
}

/* Classes of the data set, 0 if it has none. */
static inline int64_t cnn_classes(cnn_builder *b)
{
    return b->api->classes(b);
}

/* Type of a value. Never NULL (a scalar after an error); valid until the build ends. */
static inline const cnn_type *cnn_type_of(cnn_builder *b, cnn_value v)
{
    return b->api->type(b, v);
}

static inline int64_t cnn_dim(cnn_builder *b, cnn_value v, uint32_t axis)
{
    const cnn_type *t = b->api->type(b, v);
    return axis < t->rank ? t->dim[axis] : 0;
}

/* ---- leaves
 * ------------------------------------------------------------------------------------------------------
 */

/* A weight that is trained, stored as "<layer path>.<name>". f32. */
static inline cnn_value cnn_weight(cnn_builder *b, const char *name, cnn_type type, cnn_init init)
{
    return b->api->weight(b, name, &type, &init);
}

/* A tensor that lives from step to step but is not trained (running mean, momentum), filled with
 * `fill` at first. */
static inline cnn_value cnn_state(cnn_builder *b, const char *name, cnn_type type, double fill)
{
    return b->api->state(b, name, &type, fill);
}

/* A constant tensor; data is copied. */
static inline cnn_value cnn_constant(cnn_builder *b, cnn_type type, const void *data)
{
    return b->api->constant(b, &type, data);
}

/* A scalar constant; it becomes part of the expressions that use it. */
static inline cnn_value cnn_number(cnn_builder *b, double k)
{
    return b->api->number(b, k);
}

/* At the end of the step, state := value (same type). Every read in the step sees the old contents.
 */
static inline void cnn_assign(cnn_builder *b, cnn_value state, cnn_value value)
{
    b->api->assign(b, state, value);
}

/* ---- ops
 * ---------------------------------------------------------------------------------------------------------
 */

/* Any op by name with n_out results; attributes are copied. ops.h has the catalogue and typed
 * wrappers. */
static inline cnn_status cnn_op_n(cnn_builder *b, const char *name, const void *attrs,
                                  const cnn_value *in, uint32_t n_in, cnn_value *out,
                                  uint32_t n_out)
{
    return b->api->op(b, name, attrs, in, n_in, out, n_out);
}

/* An op with one result. */
static inline cnn_value cnn_op1(cnn_builder *b, const char *name, const void *attrs,
                                const cnn_value *in, uint32_t n_in)
{
    cnn_value out = CNN_NONE;
    (void)b->api->op(b, name, attrs, in, n_in, &out, 1);
    return out;
}

/* The layer refuses its inputs or options: one sentence, with the arithmetic, and a remedy or "".
 */
CNN_PRINTF(3, 4)
static inline cnn_value cnn_reject_hint(cnn_builder *b, const char *hint, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    b->api->reject(b, text, hint);
    return CNN_NONE;
}

#define cnn_reject(b, ...) cnn_reject_hint((b), "", __VA_ARGS__)

/* A number that is different for each `random` op of the graph and the same in every run. */
static inline uint32_t cnn_stream(cnn_builder *b)
{
    return b->api->stream(b);
}

/* x broadcast to the shape of `type` (NumPy's rules). */
static inline cnn_value cnn_expand(cnn_builder *b, cnn_value x, cnn_type type)
{
    return b->api->expand(b, x, &type);
}

/* ---- elementwise: everything below is a `map`, differentiated and fused by the framework
 * --------------------------
 */

#define CNN_MAP1(name, TERM)                                           \
    static inline cnn_value cnn_##name(cnn_builder *b, cnn_value x)    \
    {                                                                  \
        return b->api->map(b, CNN_TERM_##TERM, x, CNN_NONE, CNN_NONE); \
    }

#define CNN_MAP2(name, TERM)                                                     \
    static inline cnn_value cnn_##name(cnn_builder *b, cnn_value x, cnn_value y) \
    {                                                                            \
        return b->api->map(b, CNN_TERM_##TERM, x, y, CNN_NONE);                  \
    }

CNN_MAP1(neg, NEG)
CNN_MAP1(abs, ABS)
CNN_MAP1(sign, SIGN)
CNN_MAP1(floor, FLOOR)
CNN_MAP1(exp, EXP)
CNN_MAP1(expm1, EXPM1)
CNN_MAP1(log, LOG)
CNN_MAP1(log1p, LOG1P)
CNN_MAP1(sqrt, SQRT)
CNN_MAP1(rsqrt, RSQRT)
CNN_MAP1(sin, SIN)
CNN_MAP1(cos, COS)
CNN_MAP1(tanh, TANH)
CNN_MAP1(sigmoid, SIGMOID)
CNN_MAP1(erf, ERF)
CNN_MAP2(add, ADD)
CNN_MAP2(sub, SUB)
CNN_MAP2(mul, MUL)
CNN_MAP2(div, DIV)
CNN_MAP2(pow, POW)
CNN_MAP2(min, MIN)
CNN_MAP2(max, MAX)
CNN_MAP2(lt, LT)
CNN_MAP2(le, LE)
CNN_MAP2(eq, EQ)

#undef CNN_MAP1
#undef CNN_MAP2

/* condition != 0 ? x : y */
static inline cnn_value cnn_select(cnn_builder *b, cnn_value condition, cnn_value x, cnn_value y)
{
    return b->api->map(b, CNN_TERM_SELECT, condition, x, y);
}

/* x + k and k * x for a constant k. */
static inline cnn_value cnn_offset(cnn_builder *b, cnn_value x, double k)
{
    return cnn_add(b, x, cnn_number(b, k));
}

static inline cnn_value cnn_scale(cnn_builder *b, cnn_value x, double k)
{
    return cnn_mul(b, x, cnn_number(b, k));
}

#ifdef __cplusplus
}
#endif
#endif
