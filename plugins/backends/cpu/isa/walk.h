/* Walking over the vectors of a view in row-major order, for operands whose extents differ: what
 * a reduction keeps is [N,H,W] or [N,1,H,W], and both are the same vectors in the same order. */
#ifndef CPU_WALK_H
#define CPU_WALK_H

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

ALWAYS int64_t view_count(const cpu_view *v)
{
    return v->c * v->h * v->w;
}

/* The view with rows joined to one where they touch, and channels likewise. */
ALWAYS cpu_view joined(cpu_view v)
{
    if (v.h == 1 || v.row == v.w) {
        v.w *= v.h;
        v.h = 1;
        v.row = v.w;
    }
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

#endif
