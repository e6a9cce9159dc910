/* page: numbers, matrices side by side, tables and sums on a page of 80 columns. */
#ifndef CNNRUN_EXPLAIN_PAGE_H
#define CNNRUN_EXPLAIN_PAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"

enum { CNN_PAGE_WIDTH = 79, CNN_NUMBER_SIZE = 32, CNN_LABEL_SIZE = 96, CNN_LONG_LIST = 12 };

typedef struct cnn_page {
    FILE *out;
    cnn_arena *arena;
    bool colour;
    bool all; /* nothing is shortened */
} cnn_page;

/* How a number of a grid looks. */
typedef enum cnn_mark {
    CNN_MARK_OPEN = 1,    /* [3 */
    CNN_MARK_CLOSE = 2,   /* 3] */
    CNN_MARK_OUTSIDE = 4, /* (3): padding */
    CNN_MARK_ABSENT = 8,  /* a point: there is nothing */
    CNN_MARK_HOT = 16,    /* in colour */
} cnn_mark;

/* A matrix with a title above and a sign before its middle row. */
typedef struct cnn_grid {
    const char *title;
    const char *sign; /* "x", "=", or "" */
    int64_t rows, cols;
    const double *numbers;
    const unsigned char *marks; /* of cnn_mark per number, or NULL */
} cnn_grid;

/* A list of numbers, a line each. */
typedef struct cnn_list {
    const char *const *titles; /* of the columns, after the label's */
    uint32_t columns;
    int64_t count;
    const double *numbers; /* count x columns */
    int64_t chosen;        /* this line is marked and never left out; -1: none */
    bool summed;           /* of lines that are left out, the sum of the last column is said */
    void (*label)(const void *context, int64_t line, char *out, size_t size);
    const void *context;
} cnn_list;

/* "3", "0.25", "1.2e-05": six digits. */
const char *cnn_digits(double value, char *out);
/* The same inside of a formula: "(-3)". */
const char *cnn_operand(double value, char *out);

CNN_PRINTF(2, 3)
void cnn_page_add(const cnn_page *page, const char *format, ...);
/* A paragraph: broken at spaces, all lines indented by two. */
CNN_PRINTF(2, 3)
void cnn_page_text(const cnn_page *page, const char *format, ...);
CNN_PRINTF(2, 3)
void cnn_page_heading(const cnn_page *page, const char *format, ...);

/* Columns that the grids need side by side if nothing is left out. */
int64_t cnn_grids_width(const cnn_grid *grids, uint32_t n);
/* Side by side, middles at the same height. Columns and rows that do not fit are left out; with
 * page->all grids that do not fit stand below each other. */
void cnn_page_grids(const cnn_page *page, const cnn_grid *grids, uint32_t n);
void cnn_page_list(const cnn_page *page, const cnn_list *list);
/* The sum of what a list shows: written out only if the list is short. Nothing for one number. */
void cnn_page_list_sum(const cnn_page *page, const double *terms, int64_t n);
/* "a + b - c = total", `what` before it; long sums are shortened, but their parts' sums
 * said. */
void cnn_page_sum(const cnn_page *page, const char *what, const double *terms, int64_t n);

#endif
