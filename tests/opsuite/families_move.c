/* Moves and casts of all types along all axes, the batch's too: what layers seldom ask for. */
#include "opsuite.h"

#include <string.h>

enum { MOST_NUMBERS = 60000 };

static void note_type(scene *s, const char *what, cnn_value x)
{
    char text[160];
    if (s->g->failed)
        return;
    cnn_type_text(cnn_type_of(s->b, x), true, text, sizeof text);
    note(s, "%s %s\n", what, text);
}

/* Two axes are long and the others short, or all are of one kind. */
static void draw_sizes(scene *s, cnn_type *type)
{
    const int64_t most = type->rank < 4 ? 70 : type->rank == 4 ? 20 : 4;
    for (uint32_t i = 1; i < type->rank; i++)
        type->dim[i] = between(s, 1, most);
    if (type->rank < 3 || one_in(s, 2))
        return;
    for (uint32_t i = 1; i < type->rank; i++)
        type->dim[i] = between(s, 2, 3);
    type->dim[between(s, 1, type->rank - 1)] = between(s, 16, 40);
    type->dim[type->rank - 1] = between(s, 16, 40);
}

static cnn_value draw_numbers(scene *s, cnn_dtype dtype)
{
    cnn_type type = cnn_type1(dtype, s->batch);
    type.rank = (uint32_t)between(s, 1, CNN_MAX_RANK);
    draw_sizes(s, &type);
    while (cnn_count(&type) > MOST_NUMBERS)
        for (uint32_t i = 1; i < type.rank; i++)
            type.dim[i] = (type.dim[i] + 1) / 2;
    s->classes = 1000;
    s->ignore = -7;
    cnn_value x = add_input(s, type, dtype == CNN_I32 ? LABELS : DYADIC);
    note_type(s, "x", x);
    return x;
}

static cnn_value slice(scene *s, cnn_value x, int64_t axis)
{
    int64_t size = cnn_dim(s->b, x, (uint32_t)axis), start = between(s, 0, size - 1);
    return cnn_slice(s->b, x, axis, start, between(s, 1, size - start));
}

static cnn_value concat(scene *s, cnn_value x, int64_t axis)
{
    cnn_value in[4];
    uint32_t n = (uint32_t)between(s, 1, 4);
    for (uint32_t i = 0; i < n; i++)
        in[i] = one_in(s, 3) ? x : slice(s, x, axis);
    return cnn_concat(s->b, in, n, axis);
}

static void swap(int64_t *order, int64_t i, int64_t j)
{
    const int64_t other = order[i];
    order[i] = order[j];
    order[j] = other;
}

/* Half of them with the longest of the axes before the last behind: those have tiles. */
static cnn_value transpose(scene *s, cnn_value x)
{
    int64_t order[CNN_MAX_RANK] = { 0, 1, 2, 3, 4, 5 };
    const cnn_type type = *cnn_type_of(s->b, x);
    const int64_t rank = type.rank;
    for (int64_t i = rank - 1; i > 0; i--)
        swap(order, i, between(s, 0, i));
    int64_t longest = 0;
    for (int64_t i = 1; i < rank - 1; i++)
        longest = type.dim[i] > type.dim[longest] ? i : longest;
    const bool is_last = one_in(s, 2);
    for (int64_t i = 0; i < rank - 1 && is_last; i++)
        if (order[i] == longest)
            swap(order, i, rank - 1);
    cnn_dims_attrs a = { { type.rank, -1, order } };
    return cnn_op1(s->b, "transpose", &a, &x, 1);
}

static cnn_value reshape(scene *s, cnn_value x)
{
    int64_t count = cnn_count(cnn_type_of(s->b, x)), first = between(s, 1, 40);
    while (count % first != 0)
        first--;
    return cnn_reshape(s->b, x, 2, (int64_t[]){ first, count / first });
}

static cnn_value move_once(scene *s, cnn_value x)
{
    if (s->g->failed)
        return x;
    const int64_t axis = between(s, 0, (int64_t)cnn_type_of(s->b, x)->rank - 1);
    const bool is_large = cnn_count(cnn_type_of(s->b, x)) > MOST_NUMBERS;
    switch (is_large ? 1 : between(s, 0, 5)) {
    case 0:
        x = reshape(s, x);
        note_type(s, "reshape to", x);
        return x;
    case 1:
        x = slice(s, x, axis);
        note_type(s, "slice to", x);
        return x;
    case 2:
    case 3:
        x = concat(s, x, axis);
        note_type(s, "concat to", x);
        return x;
    default:
        x = transpose(s, x);
        note_type(s, "transpose to", x);
        return x;
    }
}

static void move(scene *s)
{
    static const cnn_dtype dtypes[] = { CNN_F32, CNN_I32, CNN_U8 };
    cnn_value x = draw_numbers(s, dtypes[between(s, 0, 2)]);
    s->may_fall_back = true;
    for (int64_t i = between(s, 1, 3); i > 0; i--)
        show(s, x = move_once(s, x));
}

/* Casts from type to type of numbers that fit none of them. */
static void cast_special(scene *s)
{
    static const double scales[] = { 1, 40, 1e9, 3e9, 1e38 };
    cnn_type type = batch_type(s, 2, between(s, 1, 90), 0, 0);
    cnn_value x = add_input(s, type, SPECIAL);
    s->may_fall_back = true;
    x = cnn_scale(s->b, x, scales[between(s, 0, 4)]);
    note_type(s, "x", x);
    for (int i = 0; i < 3; i++) {
        x = cnn_cast(s->b, x, (cnn_dtype)between(s, CNN_F32, CNN_U8));
        note_type(s, "cast to", x);
        show(s, x);
    }
}

const family move_families[] = {
    { "move", move },
    { "cast_special", cast_special },
    { NULL, NULL },
};
