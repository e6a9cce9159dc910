/* Sums of products: two matrices and their product for each block, then the sum of the blocks. */
#include <math.h>

#include "explain/lesson.h"

enum { MOST_BLOCKS = 3, SHOWN_BLOCKS = 2 };

typedef struct block {
    double *a, *b, *product;
    unsigned char *marks;
    double sum, scale;
} block;

static void fill_block(const cnn_lesson *lesson, const cnn_products *p, int64_t index, block *out)
{
    out->sum = out->scale = 0;
    p->fill(lesson, p->context, index, out->a, out->b, out->marks);
    for (int64_t i = 0; i < p->rows * p->cols; i++) {
        out->product[i] = out->a[i] * out->b[i];
        out->sum += out->product[i];
        out->scale += fabs(out->product[i]);
    }
}

/* The image, window, kernel and products; without the window, which the image shows too, or without
 * the image, if that is too wide. */
static void print_grids(const cnn_lesson *lesson, const cnn_products *p, int64_t index,
                        const block *b)
{
    cnn_grid grids[4] = { [1] = { p->a, "", p->rows, p->cols, b->a, b->marks },
                          [2] = { p->b, "×", p->rows, p->cols, b->b, NULL },
                          [3] = { "products", "=", p->rows, p->cols, b->product, NULL } };
    uint32_t n = 4;
    if (p->draw == NULL || !p->draw(lesson, p->context, index, &grids[0]))
        n = 3;
    if (n == 4 && cnn_grids_width(grids, 4) > CNN_PAGE_WIDTH) {
        const cnn_grid three[3] = { grids[0], grids[2], grids[3] };
        n = 3;
        if (cnn_grids_width(three, 3) <= CNN_PAGE_WIDTH)
            grids[1] = grids[0];
    }
    cnn_page_grids(&lesson->page, grids + 4 - n, n);
}

static void print_block(const cnn_lesson *lesson, const cnn_products *p, int64_t index,
                        const block *b)
{
    cnn_page_add(&lesson->page, "\n");
    if (p->blocks > 1)
        cnn_page_add(&lesson->page, "  %s %lld\n", p->one, (long long)(p->first + index));
    print_grids(lesson, p, index, b);
    cnn_page_add(&lesson->page, "\n");
    if (p->rows * p->cols > 1)
        cnn_page_sum(&lesson->page, "", b->product, p->rows * p->cols);
}

static void block_label(const void *context, int64_t line, char *out, size_t size)
{
    const cnn_products *p = context;
    (void)snprintf(out, size, "%s %lld", p->one, (long long)(p->first + line));
}

/* Blocks of one product each: a list. */
static void print_list(cnn_lesson *lesson, const cnn_products *p, block *b)
{
    const char *const titles[3] = { p->a, p->b, "product" };
    double *numbers = CNN_NEW_ARRAY(lesson->page.arena, double, 3 * p->blocks);
    for (int64_t i = 0; i < p->blocks; i++) {
        fill_block(lesson, p, i, b);
        numbers[3 * i] = b->a[0];
        numbers[3 * i + 1] = b->b[0];
        numbers[3 * i + 2] = b->product[0];
    }
    cnn_page_add(&lesson->page, "\n");
    cnn_page_list(&lesson->page,
                  &(cnn_list){ titles, 3, p->blocks, numbers, -1, true, block_label, p });
}

static block new_block(const cnn_lesson *lesson, const cnn_products *p)
{
    cnn_arena *arena = lesson->page.arena;
    int64_t count = p->rows * p->cols;
    return (block){ .a = CNN_NEW_ARRAY(arena, double, count),
                    .b = CNN_NEW_ARRAY(arena, double, count),
                    .product = CNN_NEW_ARRAY(arena, double, count),
                    .marks = CNN_NEW_ARRAY(arena, unsigned char, count) };
}

cnn_worked cnn_lesson_products(cnn_lesson *lesson, const cnn_products *p)
{
    block b = new_block(lesson, p);
    cnn_worked worked = { 0, 0 };
    bool list = p->rows * p->cols == 1 && p->blocks > 1;
    int64_t shown = p->blocks > MOST_BLOCKS && !lesson->page.all ? SHOWN_BLOCKS : p->blocks;
    double *sums = CNN_NEW_ARRAY(lesson->page.arena, double, p->blocks);
    if (list)
        print_list(lesson, p, &b);
    for (int64_t i = 0; i < p->blocks; i++) {
        fill_block(lesson, p, i, &b);
        if (i < shown && !list)
            print_block(lesson, p, i, &b);
        sums[i] = b.sum;
        worked.value += b.sum;
        worked.scale += b.scale;
    }
    if (list) {
        cnn_page_list_sum(&lesson->page, sums, p->blocks);
    } else if (p->blocks > 1) {
        if (shown < p->blocks)
            cnn_page_add(&lesson->page, "\n  … %lld more %s\n", (long long)(p->blocks - shown),
                         p->many);
        cnn_page_add(&lesson->page, "\n");
        cnn_page_sum(&lesson->page, cnn_arena_printf(lesson->page.arena, "all %s: ", p->many), sums,
                     p->blocks);
    }
    return worked;
}
