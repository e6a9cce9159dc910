/* What several kernels share: walking over views, and which of two numbers is the larger. */
#ifndef CPU_WALK_H
#define CPU_WALK_H

/* Walks over a view in row-major order, beside another one of other extents: what a reduction
 * keeps is [N,H,W] or [N,1,H,W], and both are the same vectors in the same order. */
typedef struct cursor {
    int64_t at; /* offset in vectors */
    int64_t x, y;
} cursor;

ALWAYS void cursor_next(cursor *c, const cpu_view *v)
{
    c->at++;
    if (++c->x < v->w)
        return;
    c->x = 0;
    c->at += v->row - v->w;
    if (++c->y < v->h)
        return;
    c->y = 0;
    c->at += v->plane - v->h * v->row;
}

/* At element i of the view. */
ALWAYS cursor cursor_at(const cpu_view *v, int64_t i)
{
    int64_t row = i / v->w;
    cursor c = { 0, i % v->w, row % v->h };
    c.at = row / v->h * v->plane + c.y * v->row + c.x;
    return c;
}

/* Along axis 0 c, 1 h, 2 w. */
ALWAYS int64_t extent_of(const cpu_view *v, int32_t axis)
{
    return axis == 0 ? v->c : axis == 1 ? v->h : v->w;
}

ALWAYS int64_t stride_of(const cpu_view *v, int32_t axis)
{
    return axis == 0 ? v->plane : axis == 1 ? v->row : 1;
}

ALWAYS vi load_int(const int32_t *p)
{
    return *(const vi *)(const void *)p;
}

ALWAYS void store_int(int32_t *p, vi v)
{
    *(vi *)(void *)p = v;
}

ALWAYS int64_t view_count(const cpu_view *v)
{
    return v->c * v->h * v->w;
}

/* The view with the rows of a channel joined to one if they touch. */
ALWAYS cpu_view rows_joined(cpu_view v)
{
    if (v.h == 1 || v.row == v.w) {
        v.w *= v.h;
        v.h = 1;
        v.row = v.w;
    }
    return v;
}

/* ... and the channels to one row. */
ALWAYS cpu_view joined(cpu_view v)
{
    v = rows_joined(v);
    if (v.h == 1 && (v.c == 1 || v.plane == v.w)) {
        v.w *= v.c;
        v.c = 1;
        v.row = v.plane = v.w;
    }
    return v;
}

/* Two views of the same extents: rows are joined where they touch in both. */
ALWAYS void join_both(cpu_view *a, cpu_view *b)
{
    cpu_view x = joined(*a), y = joined(*b);
    if (x.c == y.c && x.h == y.h && x.w == y.w) {
        *a = x;
        *b = y;
    }
}

ALWAYS int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

ALWAYS int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

ALWAYS void zero_view(float *x, const cpu_view *shape)
{
    const cpu_view v = joined(*shape);
    for (int64_t c = 0; c < v.c; c++)
        for (int64_t i = 0; i < v.h; i++)
            memset(x + (c * v.plane + i * v.row) * LANES, 0, (size_t)v.w * LANES * sizeof *x);
}

ALWAYS void add_to(float *to, vf v)
{
    store(to, load(to) + v);
}

/* The larger of two, NaN if one of them is; of equal values b. */
ALWAYS vf larger_or_nan(vf a, vf b)
{
    return choose((a > b) | (a != a), a, b);
}

/* Whether x replaces the largest so far: NaN wins, and of equal values the first. */
ALWAYS vi wins(vf x, vf best)
{
    return ~(x <= best) & (best == best);
}

#endif
