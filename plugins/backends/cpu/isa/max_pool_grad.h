/* The gradient of the largest elements of windows: it goes to the first of the largest in row-major
 * order. */
#ifndef CPU_MAX_POOL_GRAD_H
#define CPU_MAX_POOL_GRAD_H

/* Adds dy to the winner of each lane. */
ALWAYS void window_max_grad(const float *x, vf dy, float *dx, int64_t rows, int64_t columns,
                            int64_t row, int64_t column, int64_t dx_row)
{
    vf best = load(x);
    vi winner = splat_int(0), number = splat_int(0);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++, number += 1) {
            vf v = load(x + (i * row + j * column) * LANES);
            vi better = wins(v, best);
            best = choose(better, v, best);
            winner = (better & number) | (~better & winner);
        }
    number = splat_int(0);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++, number += 1) {
            float *to = dx + (i * dx_row + j * column) * LANES;
            store(to, load(to) + (vf)((winner == number) & (vi)dy));
        }
}

/* The largest of a column's 3 rows, and which of them it is. */
typedef struct column {
    vf most;
    vi row;
} column;

ALWAYS column column_of(const float *x, int64_t row)
{
    column c = { load(x), splat_int(0) };
#pragma GCC unroll 2
    for (int32_t i = 1; i < 3; i++) {
        vf v = load(x + i * row * LANES);
        vi better = wins(v, c.most);
        c.most = choose(better, v, c.most);
        c.row = (better & splat_int(i)) | (~better & c.row);
    }
    return c;
}

/* Whether column b, right of a, has the winner of both: of equals the upper one, then the left. */
ALWAYS vi wins_column(const column *b, const column *a)
{
    return wins(b->most, a->most) | (~wins(a->most, b->most) & (b->row < a->row));
}

ALWAYS void add_to_winner(float *dx, vf d, const column *c, int64_t dx_row)
{
#pragma GCC unroll 3
    for (int32_t i = 0; i < 3; i++)
        add_to(dx + i * dx_row * LANES, (vf)((c->row == splat_int(i)) & (vi)d));
}

/* A row of 3 x 3 windows, 1 or 2 columns apart. The gradient of a column is collected over the
 * windows that share it, since the row of its largest is the same for all of them. */
ALWAYS void triples_max_grad(const float *x, const float *dy, float *dx, int64_t count,
                             int64_t stride, int64_t row, int64_t dx_row)
{
    column left = column_of(x, row), middle = column_of(x + LANES, row);
    vf d_left = splat(0), d_middle = splat(0);
    for (int64_t j = 0; j < count; j++, x += stride * LANES, dx += stride * LANES) {
        column right = column_of(x + 2 * LANES, row), best = left;
        vi second = wins_column(&middle, &left), own = (vi)load(dy + j * LANES);
        best.most = choose(second, middle.most, left.most);
        best.row = (second & middle.row) | (~second & left.row);
        vi third = wins_column(&right, &best), first_two = own & ~third;
        vf d_right = (vf)(own & third);
        d_left += (vf)(first_two & ~second);
        d_middle += (vf)(first_two & second);
        add_to_winner(dx, d_left, &left, dx_row);
        if (stride == 1) {
            left = middle;
            middle = right;
            d_left = d_middle;
            d_middle = d_right;
        } else {
            add_to_winner(dx + LANES, d_middle, &middle, dx_row);
            left = right;
            d_left = d_right;
            d_middle = splat(0);
            if (j + 1 < count)
                middle = column_of(x + 3 * LANES, row);
        }
    }
    add_to_winner(dx, d_left, &left, dx_row);
    if (stride == 1)
        add_to_winner(dx + LANES, d_middle, &middle, dx_row);
}

/* Windows of outputs [from, to) of a row, whichever they are. */
ALWAYS void max_grad_columns(const float *x, const float *dy, float *dx, int64_t from, int64_t to,
                             const reach *v, const cpu_params *k)
{
    const cnn_pool2d_attrs *a = k->attrs;
    int64_t row = k->view[0].row * a->dilation[0], dx_row = k->view[2].row * a->dilation[0];
    for (int64_t j = from; j < to; j++) {
        reach u = max_reach(a, 1, j, k->view[0].w);
        if (v->count > 0 && u.count > 0)
            window_max_grad(x + u.first * LANES, load(dy + j * LANES), dx + u.first * LANES,
                            v->count, u.count, row, a->dilation[1], dx_row);
    }
}

ALWAYS void max_grad_row(const float *x, const float *dy, float *dx, const reach *v, span in,
                         const cpu_params *k)
{
    const cnn_pool2d_attrs *a = k->attrs;
    int64_t stride = a->stride[1], first = (in.first * stride - a->pad[2]) * LANES;
    int64_t row = k->view[0].row, dx_row = k->view[2].row, count = in.end - in.first;
    bool fast = count > 0 && a->kernel[1] == 3 && v->count == 3 && a->dilation[0] == 1 &&
                a->dilation[1] == 1 && (stride == 1 || stride == 2);
    max_grad_columns(x, dy, dx, 0, fast ? in.first : k->view[1].w, v, k);
    if (!fast)
        return;
    dy += in.first * LANES;
    if (stride == 1)
        triples_max_grad(x + first, dy, dx + first, count, 1, row, dx_row);
    else
        triples_max_grad(x + first, dy, dx + first, count, 2, row, dx_row);
    max_grad_columns(x, dy - in.first * LANES, dx, in.end, k->view[1].w, v, k);
}

static void any_max_grad(const cpu_params *k, void *const *p)
{
    const cnn_pool2d_attrs *a = k->attrs;
    const cpu_view *x = &k->view[0], *dy = &k->view[1], *dx = &k->view[2];
    const span in = inside(a, x->w, dy->w);
    zero_view(p[2], dx);
    for (int64_t c = 0; c < dy->c; c++)
        for (int64_t i = 0; i < dy->h; i++) {
            reach v = max_reach(a, 0, i, x->h);
            max_grad_row((const float *)p[0] + (c * x->plane + v.first * x->row) * LANES,
                         (const float *)p[1] + (c * dy->plane + i * dy->row) * LANES,
                         (float *)p[2] + (c * dx->plane + v.first * dx->row) * LANES, &v, in, k);
        }
}

/* Two rows of dx of 2 x 2 windows side by side. */
ALWAYS void pairs_max_grad(const float *x, const float *dy, float *dx, int64_t count, int64_t row,
                           int64_t dx_row)
{
    for (int64_t j = 0; j < count; j++, x += 2 * LANES, dx += 2 * LANES) {
        vf a = load(x), b = load(x + LANES);
        vf c = load(x + row * LANES), d = load(x + (row + 1) * LANES);
        vi right = wins(b, a), low_right = wins(d, c);
        vi low = wins(choose(low_right, d, c), choose(right, b, a));
        vi own = (vi)load(dy + j * LANES);
        vi upper = own & ~low, lower = own & low;
        store(dx, (vf)(upper & ~right));
        store(dx + LANES, (vf)(upper & right));
        store(dx + dx_row * LANES, (vf)(lower & ~low_right));
        store(dx + (dx_row + 1) * LANES, (vf)(lower & low_right));
    }
}

/* 2 x 2 windows side by side, all inside: every element of dx is written once. */
static void pairs_grad(const cpu_params *k, void *const *p)
{
    const cpu_view *x = &k->view[0], *dy = &k->view[1], *dx = &k->view[2];
    for (int64_t c = 0; c < dy->c; c++) {
        float *plane = (float *)p[2] + c * dx->plane * LANES;
        for (int64_t i = 0; i < dy->h; i++) {
            float *to = plane + 2 * i * dx->row * LANES;
            pairs_max_grad((const float *)p[0] + (c * x->plane + 2 * i * x->row) * LANES,
                           (const float *)p[1] + (c * dy->plane + i * dy->row) * LANES, to, dy->w,
                           x->row, dx->row);
            if (dx->w % 2 != 0) {
                store(to + (dx->w - 1) * LANES, splat(0));
                store(to + (dx->row + dx->w - 1) * LANES, splat(0));
            }
        }
        if (dx->h % 2 != 0)
            memset(plane + (dx->h - 1) * dx->row * LANES, 0, (size_t)dx->w * LANES * sizeof *plane);
    }
}

static void max_pool_grad_tile(const void *params, void *const *p, const cpu_tile *tile)
{
    const cpu_params *k = params;
    const cnn_pool2d_attrs *a = k->attrs;
    bool pairs = true;
    (void)tile;
    for (int i = 0; i < 2; i++)
        pairs = pairs && a->kernel[i] == 2 && a->stride[i] == 2 && a->dilation[i] == 1 &&
                a->pad[2 * i] == 0 &&
                extent_of(&k->view[1], 1 + i) == extent_of(&k->view[2], 1 + i) / 2;
    (pairs ? pairs_grad : any_max_grad)(k, p);
}

#endif
