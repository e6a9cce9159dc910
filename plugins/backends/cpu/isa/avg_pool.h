/* Averages of windows, and the gradient's spreading. */
#ifndef CPU_AVG_POOL_H
#define CPU_AVG_POOL_H

/* ATen clips to the padded input before it counts. */
ALWAYS reach average_reach(const cnn_pool2d_attrs *a, int axis, int64_t out, int64_t size,
                           int64_t outs)
{
    if (a->adaptive[0] > 0) {
        int64_t first = out * size / outs;
        int64_t count = ((out + 1) * size + outs - 1) / outs - first;
        return (reach){ first, count, count };
    }
    int64_t first = out * a->stride[axis] - a->pad[2 * axis];
    int64_t end = smaller(first + a->kernel[axis], size + a->pad[2 * axis + 1]);
    reach r = { larger(first, 0), 0, end - first };
    r.count = smaller(end, size) - r.first;
    if (!a->count_include_pad)
        r.divisor = r.count;
    return r;
}

ALWAYS vf line_sum(const float *x, int64_t count, int64_t step)
{
    vf sum = load(x);
    for (int64_t i = 1; i < count; i++)
        sum += load(x + i * step * LANES);
    return sum;
}

/* Rows are summed one by one and then together: the error grows with the sides, not the area. */
ALWAYS vf window_sum(const float *x, int64_t rows, int64_t columns, int64_t row)
{
    vf sum = splat(0);
    for (int64_t i = 0; i < rows && columns > 0; i++)
        sum += line_sum(x + i * row * LANES, columns, 1);
    return sum;
}

/* Outputs [from, to) of a row, whichever their windows. */
ALWAYS void average_columns(const float *x, float *y, int64_t from, int64_t to, const reach *v,
                            const cpu_params *k)
{
    for (int64_t j = from; j < to; j++) {
        reach u = average_reach(k->attrs, 1, j, k->view[0].w, k->view[1].w);
        vf sum = window_sum(x + u.first * LANES, v->count, u.count, k->view[0].row);
        store(y + j * LANES, sum * splat(1.0f / (float)(v->divisor * u.divisor)));
    }
}

ALWAYS void average_pairs(const float *x, float *y, int64_t count, int64_t rows, int64_t row,
                          float scale)
{
    for (int64_t j = 0; j < count; j++, x += 2 * LANES)
        store(y + j * LANES, window_sum(x, rows, 2, row) * splat(scale));
}

/* Windows of 3 columns, 1 apart: a column's sum serves three of them. */
ALWAYS void average_triples(const float *x, float *y, int64_t count, int64_t rows, int64_t row,
                            float scale)
{
    vf left = line_sum(x, rows, row), middle = line_sum(x + LANES, rows, row);
    for (int64_t j = 0; j < count; j++, x += LANES) {
        vf right = line_sum(x + 2 * LANES, rows, row);
        store(y + j * LANES, (left + middle + right) * splat(scale));
        left = middle;
        middle = right;
    }
}

/* A row's windows that lie inside; false if there is no code for them. */
ALWAYS bool average_inside(const float *x, float *y, int64_t count, const reach *v, int64_t row,
                           const cnn_pool2d_attrs *a)
{
    int64_t kernel = a->kernel[1], stride = a->stride[1];
    float scale = 1.0f / (float)(v->divisor * kernel);
    if (kernel == 2 && stride == 2 && v->count == 2)
        average_pairs(x, y, count, 2, row, scale);
    else if (kernel == 3 && stride == 1 && v->count == 3)
        average_triples(x, y, count, 3, row, scale);
    else if (kernel == 3 && stride == 1 && v->count == 2)
        average_triples(x, y, count, 2, row, scale);
    else
        return false;
    return true;
}

ALWAYS void average_row(const float *x, float *y, const reach *v, span in, const cpu_params *k)
{
    const cnn_pool2d_attrs *a = k->attrs;
    bool fast = in.end > in.first &&
                average_inside(x + (in.first * a->stride[1] - a->pad[2]) * LANES,
                               y + in.first * LANES, in.end - in.first, v, k->view[0].row, a);
    average_columns(x, y, 0, fast ? in.first : k->view[1].w, v, k);
    if (fast)
        average_columns(x, y, in.end, k->view[1].w, v, k);
}

static void avg_pool_tile(const void *params, void *const *p, const cpu_tile *tile)
{
    const cpu_params *k = params;
    const cnn_pool2d_attrs *a = k->attrs;
    const cpu_view *x = &k->view[0], *y = &k->view[1];
    const span in = a->adaptive[0] > 0 ? (span){ 0, 0 } : inside(a, x->w, y->w);
    (void)tile;
    for (int64_t c = 0; c < y->c; c++)
        for (int64_t i = 0; i < y->h; i++) {
            reach v = average_reach(a, 0, i, x->h, y->h);
            average_row((const float *)p[0] + (c * x->plane + v.first * x->row) * LANES,
                        (float *)p[1] + (c * y->plane + i * y->row) * LANES, &v, in, k);
        }
}

/* ---- gradient ---- */

/* Every element of dx lies in one window along the axis. */
static bool is_partition(const cnn_pool2d_attrs *a, int axis, int64_t size, int64_t outs)
{
    int64_t end = 0;
    for (int64_t i = 0; i < outs; i++) {
        reach r = average_reach(a, axis, i, size, outs);
        if (r.first != end || r.count <= 0)
            return false;
        end += r.count;
    }
    return end == size;
}

ALWAYS void put_part(float *to, vf part, int64_t rows, int64_t columns, int64_t row, bool adds)
{
    for (int64_t y = 0; y < rows; y++)
        for (int64_t x = 0; x < columns; x++) {
            float *at = to + (y * row + x) * LANES;
            store(at, adds ? load(at) + part : part);
        }
}

/* Where windows overlap or leave gaps dx starts at 0 and is added to. */
ALWAYS void spread(const cpu_params *k, void *const *p, bool adds)
{
    const cpu_view *dy = &k->view[0], *dx = &k->view[1];
    for (int64_t c = 0; c < dy->c; c++)
        for (int64_t i = 0; i < dy->h; i++) {
            reach v = average_reach(k->attrs, 0, i, dx->h, dy->h);
            const float *from = (const float *)p[0] + (c * dy->plane + i * dy->row) * LANES;
            float *to = (float *)p[1] + (c * dx->plane + v.first * dx->row) * LANES;
            for (int64_t j = 0; j < dy->w; j++) {
                reach u = average_reach(k->attrs, 1, j, dx->w, dy->w);
                vf part = load(from + j * LANES) * splat(1.0f / (float)(v.divisor * u.divisor));
                if (v.count == 2 && u.count == 2)
                    put_part(to + u.first * LANES, part, 2, 2, dx->row, adds);
                else
                    put_part(to + u.first * LANES, part, v.count, u.count, dx->row, adds);
            }
        }
}

/* Windows that are 1 apart and count their padding: a sum over the windows that an element lies
 * in, all divided alike, which is an average of dy with what is left of the kernel as padding. */
static bool is_average(const cnn_pool2d_attrs *a)
{
    bool padded = (a->pad[0] | a->pad[1] | a->pad[2] | a->pad[3]) != 0;
    return a->adaptive[0] == 0 && a->stride[0] == 1 && a->stride[1] == 1 &&
           (a->count_include_pad || !padded);
}

static void avg_pool_grad_tile(const void *params, void *const *p, const cpu_tile *tile)
{
    const cpu_params *k = params;
    const cnn_pool2d_attrs *a = k->attrs;
    const cpu_view *dy = &k->view[0], *dx = &k->view[1];
    if (is_average(a)) {
        cnn_pool2d_attrs mirrored = *a;
        cpu_params average = *k;
        mirrored.count_include_pad = true;
        for (int i = 0; i < 4; i++)
            mirrored.pad[i] = a->kernel[i / 2] - 1 - a->pad[i];
        average.attrs = &mirrored;
        avg_pool_tile(&average, p, tile);
    } else if (is_partition(a, 0, dx->h, dy->h) && is_partition(a, 1, dx->w, dy->w)) {
        spread(k, p, false);
    } else {
        zero_view(p[1], dx);
        spread(k, p, true);
    }
}

#endif
