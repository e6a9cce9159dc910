/* Largest elements of windows. */
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

#endif
