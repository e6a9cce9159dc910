/* Largest elements of windows, and the gradient's way back to them. */
#ifndef CPU_MAX_POOL_H
#define CPU_MAX_POOL_H

ALWAYS reach max_reach(const cnn_pool2d_attrs *a, int axis, int64_t out, int64_t size)
{
    int64_t kernel = a->kernel[axis], dilation = a->dilation[axis];
    reach r = { out * a->stride[axis] - a->pad[2 * axis], kernel, kernel };
    if (r.first < 0) {
        int64_t outside = (dilation - 1 - r.first) / dilation;
        r.first += outside * dilation;
        r.count -= outside;
    }
    if (r.first + (r.count - 1) * dilation >= size)
        r.count = r.first < size ? (size - 1 - r.first) / dilation + 1 : 0;
    return r;
}

/* The largest of `count` vectors that are `step` apart. */
ALWAYS vf line_largest(const float *x, int64_t count, int64_t step)
{
    vf best = load(x);
    for (int64_t i = 1; i < count; i++)
        best = larger_or_nan(load(x + i * step * LANES), best);
    return best;
}

/* Outputs [from, to) of a row, whichever their windows. */
ALWAYS void max_columns(const float *x, float *y, int64_t from, int64_t to, const reach *v,
                        const cpu_params *k)
{
    const cnn_pool2d_attrs *a = k->attrs;
    for (int64_t j = from; j < to; j++) {
        reach u = max_reach(a, 1, j, k->view[0].w);
        vf best = splat(-INFINITY);
        for (int64_t i = 0; i < u.count && v->count > 0; i++)
            best = larger_or_nan(line_largest(x + (u.first + i * a->dilation[1]) * LANES, v->count,
                                              k->view[0].row * a->dilation[0]),
                                 best);
        store(y + j * LANES, best);
    }
}

/* Windows of 2 columns, side by side. */
ALWAYS void max_pairs(const float *x, float *y, int64_t count, int64_t rows, int64_t row)
{
    for (int64_t j = 0; j < count; j++, x += 2 * LANES)
        store(y + j * LANES,
              larger_or_nan(line_largest(x, rows, row), line_largest(x + LANES, rows, row)));
}

/* Windows of 3 columns, 1 or 2 apart: what is known of a column serves the next window. */
ALWAYS void max_triples(const float *x, float *y, int64_t count, int64_t rows, int64_t row,
                        int64_t stride)
{
    vf left = line_largest(x, rows, row), middle = line_largest(x + LANES, rows, row);
    for (int64_t j = 0; j < count; j++, x += stride * LANES) {
        vf right = line_largest(x + 2 * LANES, rows, row);
        store(y + j * LANES, larger_or_nan(right, larger_or_nan(middle, left)));
        left = stride == 1 ? middle : right;
        if (j + 1 < count)
            middle = stride == 1 ? right : line_largest(x + 3 * LANES, rows, row);
    }
}

/* A row's windows that lie inside, of an undilated kernel; false if there is no code for it. */
ALWAYS bool max_inside(const float *x, float *y, int64_t count, int64_t rows, int64_t row,
                       const cnn_pool2d_attrs *a)
{
    int64_t kernel = a->kernel[1], stride = a->stride[1];
    if (kernel == 2 && stride == 2 && rows == 2)
        max_pairs(x, y, count, 2, row);
    else if (kernel == 3 && stride == 1 && rows == 3)
        max_triples(x, y, count, 3, row, 1);
    else if (kernel == 3 && stride == 2 && rows == 3)
        max_triples(x, y, count, 3, row, 2);
    else
        return false;
    return true;
}

static void max_pool_tile(const void *params, void *const *p, const cpu_tile *tile)
{
    const cpu_params *k = params;
    const cnn_pool2d_attrs *a = k->attrs;
    const cpu_view *x = &k->view[0], *y = &k->view[1];
    const span in = inside(a, x->w, y->w);
    (void)tile;
    for (int64_t c = 0; c < y->c; c++)
        for (int64_t i = 0; i < y->h; i++) {
            reach v = max_reach(a, 0, i, x->h);
            const float *from = (const float *)p[0] + (c * x->plane + v.first * x->row) * LANES;
            float *to = (float *)p[1] + (c * y->plane + i * y->row) * LANES;
            bool fast = in.end > in.first && a->dilation[0] == 1 && a->dilation[1] == 1 &&
                        max_inside(from + (in.first * a->stride[1] - a->pad[2]) * LANES,
                                   to + in.first * LANES, in.end - in.first, v.count, x->row, a);
            max_columns(from, to, 0, fast ? in.first : y->w, &v, k);
            if (fast)
                max_columns(from, to, in.end, y->w, &v, k);
        }
}

/* ---- gradient ---- */

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

static void any_max_grad(const cpu_params *k, void *const *p)
{
    const cnn_pool2d_attrs *a = k->attrs;
    const cpu_view *x = &k->view[0], *dy = &k->view[1], *dx = &k->view[2];
    int64_t row = x->row * a->dilation[0], dx_row = dx->row * a->dilation[0];
    zero_view(p[2], dx);
    for (int64_t c = 0; c < dy->c; c++)
        for (int64_t i = 0; i < dy->h; i++) {
            reach v = max_reach(a, 0, i, x->h);
            const float *from = (const float *)p[0] + (c * x->plane + v.first * x->row) * LANES;
            const float *d = (const float *)p[1] + (c * dy->plane + i * dy->row) * LANES;
            float *to = (float *)p[2] + (c * dx->plane + v.first * dx->row) * LANES;
            for (int64_t j = 0; j < dy->w; j++) {
                reach u = max_reach(a, 1, j, x->w);
                const float *window = from + u.first * LANES;
                float *back = to + u.first * LANES;
                vf own = load(d + j * LANES);
                if (v.count == 3 && u.count == 3)
                    window_max_grad(window, own, back, 3, 3, row, a->dilation[1], dx_row);
                else if (v.count > 0 && u.count > 0)
                    window_max_grad(window, own, back, v.count, u.count, row, a->dilation[1],
                                    dx_row);
            }
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
