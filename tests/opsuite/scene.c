/* Drawing random programs: numbers, leaves, and what stands around the op that is tested. */
#include "opsuite.h"

#include <stdio.h>
#include <string.h>

int64_t between(scene *s, int64_t low, int64_t high)
{
    return low + (int64_t)cnn_rng_below(&s->rng, (uint32_t)(high - low + 1));
}

bool one_in(scene *s, int64_t n)
{
    return between(s, 1, n) == 1;
}

void note(scene *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(s->log + s->logged, LOG_SIZE - s->logged, format, args);
    va_end(args);
    s->logged += n > 0 ? (size_t)n : 0;
    if (s->logged >= LOG_SIZE)
        s->logged = LOG_SIZE - 1;
}

/* ---- leaves ---- */

static float special(scene *s)
{
    static const float specials[] = { INFINITY, -INFINITY, NAN, -0.0f, 0.0f, 1.0f, -1.0f };
    return specials[between(s, 0, 6)];
}

static float draw_float(scene *s, filling f)
{
    switch (f) {
    case DYADIC:
        return (float)between(s, -16, 16) / 8;
    case SMALL:
        return (float)between(s, -16, 16) / 32;
    case NEAR_1:
        return 0.5f + cnn_rng_uniform(&s->rng);
    case SPECIAL:
        return one_in(s, 6) ? special(s) : (float)between(s, -16, 16) / 8;
    default:
        return 2 * cnn_rng_uniform(&s->rng) - 1;
    }
}

static void *draw_data(scene *s, const cnn_type *type, filling f)
{
    void *data = cnn_arena_alloc(s->arena, (size_t)cnn_bytes(type));
    float *x = data;
    int32_t *k = data;
    uint8_t *bytes = data;
    for (int64_t i = 0; i < cnn_count(type); i++)
        if (type->dtype == CNN_U8)
            bytes[i] = (uint8_t)between(s, 0, 255);
        else if (f == LABELS)
            k[i] = (int32_t)(one_in(s, 5) ? s->ignore : between(s, 0, s->classes - 1));
        else
            x[i] = draw_float(s, f);
    if (f == SMOOTH || f == NEAR_1)
        s->exact = false;
    return data;
}

static cnn_value add_leaf(scene *s, cnn_value v, void *data, bool state)
{
    if (s->n_leaves < MAX_LEAVES)
        s->leaves[s->n_leaves++] = (leaf){ v, data, state, s->g->values[v].type.dtype == CNN_F32 };
    return v;
}

cnn_value add_input(scene *s, cnn_type type, filling f)
{
    const char *name = cnn_arena_printf(s->arena, "in%u", s->n_leaves);
    if (s->g->failed)
        return CNN_NONE;
    cnn_value v = cnn_graph_input(s->g, name, &type, true);
    return add_leaf(s, v, draw_data(s, &type, f), false);
}

cnn_value add_weight(scene *s, cnn_type type, filling f)
{
    const cnn_init zero = { .kind = CNN_INIT_CONSTANT };
    const char *name = cnn_arena_printf(s->arena, "w%u", s->n_leaves);
    cnn_value v = cnn_graph_state(s->g, name, &type, &zero, true);
    if (s->g->failed)
        return CNN_NONE;
    void *data = draw_data(s, &type, f);
    s->g->states[s->g->n_states - 1].data = data;
    return add_leaf(s, v, data, true);
}

cnn_type batch_type(const scene *s, uint32_t rank, int64_t a, int64_t b, int64_t c)
{
    const int64_t dims[4] = { s->batch, a, b, c };
    cnn_type type = cnn_scalar_type(CNN_F32);
    type.rank = rank;
    memcpy(type.dim, dims, rank * sizeof dims[0]);
    return type;
}

cnn_value draw_image(scene *s, int64_t channels, int64_t side)
{
    if (s->batch > 9) { /* the reference is slow */
        channels = channels > 9 ? 9 : channels;
        side = side > 9 ? 9 : side;
    }
    if (!one_in(s, 8))
        channels = (channels + 2) / 3;
    int64_t c = between(s, 1, channels), h = between(s, 1, side), w = between(s, 1, side);
    note(s, "image %lld x %lld x %lld x %lld\n", (long long)s->batch, (long long)c, (long long)h,
         (long long)w);
    return add_input(s, batch_type(s, 4, c, h, w), DYADIC);
}

/* ---- around the op ---- */

static cnn_value convolve(scene *s, cnn_value x, int64_t channels, int64_t h, int64_t w)
{
    const cnn_conv2d_attrs a = { { 1, 1 }, { 1, 1 }, { h / 2, h / 2, w / 2, w / 2 }, 1, { 0, 0 } };
    cnn_value k = add_weight(s, cnn_type4(CNN_F32, channels, cnn_dim(s->b, x, 1), h, w), SMALL);
    note(s, "conv2d to %lld channels, kernel %lldx%lld\n", (long long)channels, (long long)h,
         (long long)w);
    note_conv(s, &a, h, w);
    cnn_value y = cnn_conv2d(s->b, x, k, &a);
    if (one_in(s, 2))
        return y;
    cnn_value bias = add_weight(s, cnn_type1(CNN_F32, channels), DYADIC);
    note(s, "bias\n");
    return cnn_add(s->b, y, cnn_per_channel(s->b, bias, y));
}

void note_conv(scene *s, const cnn_conv2d_attrs *a, int64_t h, int64_t w)
{
    s->exact = s->exact && (h != 3 || w != 3 || a->groups != 1 || a->stride[0] != 1 ||
                            a->stride[1] != 1 || a->dilation[0] != 1 || a->dilation[1] != 1);
}

cnn_value small_conv(scene *s, cnn_value x, int64_t channels)
{
    const int64_t k = one_in(s, 4) ? 1 : 3;
    return convolve(s, x, channels, k, k);
}

/* Of a form that is summed as it stands. */
static cnn_value exact_conv(scene *s, cnn_value x, int64_t channels)
{
    return one_in(s, 4) ? convolve(s, x, channels, 1, 1) : convolve(s, x, channels, 3, 5);
}

cnn_value relu(scene *s, cnn_value x)
{
    cnn_value low = cnn_number(s->b, 0), high = cnn_number(s->b, 1.5);
    if (!s->exact && !s->no_gradient)
        return cnn_tanh(s->b, cnn_scale(s->b, x, 1.0 / 16));
    if (one_in(s, 3)) {
        note(s, "clamp to [0, 1.5]\n");
        return cnn_select(s->b, cnn_le(s->b, x, low), low,
                          cnn_select(s->b, cnn_le(s->b, high, x), high, x));
    }
    note(s, "relu\n");
    return cnn_select(s->b, cnn_le(s->b, x, low), low, x);
}

/* Numbers stay exact: see `exact`. */
cnn_value before(scene *s, cnn_value x)
{
    cnn_builder *b = s->b;
    switch (between(s, 0, 5)) {
    case 0:
        return exact_conv(s, x, between(s, 1, 7));
    case 1:
        return relu(s, exact_conv(s, x, between(s, 1, 7)));
    case 2:
        note(s, "x 0.5 + 1\n");
        return cnn_offset(b, cnn_scale(b, x, 0.5), 1);
    case 3:
        note(s, "concat x, x 2\n");
        return cnn_concat(b, (cnn_value[]){ x, cnn_scale(b, x, 2) }, 2, 1);
    default:
        return x;
    }
}

cnn_value after(scene *s, cnn_value y)
{
    cnn_builder *b = s->b;
    if (s->g->failed || cnn_type_of(b, y)->rank != 4 || !s->g->values[y].batched)
        return y;
    switch (between(s, 0, 6)) {
    case 0:
        return small_conv(s, y, between(s, 1, 7));
    case 1:
        return relu(s, y);
    case 2:
        note(s, "mean over h, w\n");
        return cnn_reduce(b, y, CNN_REDUCE_MEAN, 12, one_in(s, 2));
    case 3:
        note(s, "y + conv2d(y)\n");
        return cnn_add(b, y, small_conv(s, y, cnn_dim(b, y, 1)));
    case 4:
        note(s, "concat conv2d(y), y\n");
        return cnn_concat(b, (cnn_value[]){ small_conv(s, y, 3), y }, 2, 1);
    default:
        return y;
    }
}

void show(scene *s, cnn_value y)
{
    if (s->n_shown < MAX_SHOWN && y != CNN_NONE)
        s->shown[s->n_shown++] = y;
}

void add_loss(scene *s, cnn_value y)
{
    cnn_builder *b = s->b;
    const cnn_type type = *cnn_type_of(b, y);
    if (s->g->failed || s->n_leaves == MAX_LEAVES)
        return;
    if (s->no_gradient) /* else it is the gradient of k */
        show(s, y);
    bool exact = s->exact;
    cnn_value k =
        s->g->values[y].batched ? add_input(s, type, SMOOTH) : add_weight(s, type, SMOOTH);
    cnn_value product = cnn_mul(b, y, k);
    cnn_value sum = type.rank == 0
                        ? product
                        : cnn_reduce(b, product, CNN_REDUCE_SUM, cnn_all_axes(b, product), false);
    s->g->loss = s->g->loss == CNN_NONE ? sum : cnn_add(b, s->g->loss, sum);
    s->exact = exact;
}
