/* Matrices side by side, on a page that is not wide enough for all of them. */
#include <math.h>
#include <string.h>

#include "explain/page_number.h"

enum { INDENT = 2, BETWEEN = 5, MOST_ROWS = 9, LEAST_COLS = 3, MAX_GRIDS = 4 };

/* How a grid is laid out. */
typedef struct layout {
    cnn_number_format format;
    int64_t rows, cols; /* places: all, or some, an ellipsis and the last one */
    int left, right;    /* of a place: up to the number's end, and brackets behind it */
    int gap, width;
    int64_t first; /* line on which it starts, of the lines that all share */
} layout;

static unsigned mark_of(const cnn_grid *grid, int64_t at)
{
    return grid->marks != NULL ? grid->marks[at] : 0;
}

/* "[(3" and ")]" */
static void cell_text(const cnn_grid *grid, const layout *l, int64_t at, char *left, char *right)
{
    unsigned mark = mark_of(grid, at);
    char number[CNN_NUMBER_SIZE] = ".";
    if ((mark & CNN_MARK_ABSENT) == 0)
        cnn_number_write(l->format, grid->numbers[at], number);
    (void)snprintf(left, 2 * CNN_NUMBER_SIZE, "%s%s%s", (mark & CNN_MARK_OPEN) != 0 ? "[" : "",
                   (mark & CNN_MARK_OUTSIDE) != 0 ? "(" : "", number);
    (void)snprintf(right, CNN_NUMBER_SIZE, "%s%s", (mark & CNN_MARK_OUTSIDE) != 0 ? ")" : "",
                   (mark & CNN_MARK_CLOSE) != 0 ? "]" : "");
}

static int width_of(const cnn_grid *grid, const layout *l)
{
    int64_t width = l->cols * (l->left + l->right) + (l->cols - 1) * l->gap;
    int title = (int)strlen(grid->title);
    return width > title ? (int)width : title;
}

static layout lay_out(const cnn_grid *grid)
{
    layout l = { .rows = grid->rows, .cols = grid->cols, .left = 1 };
    char left[2 * CNN_NUMBER_SIZE], right[CNN_NUMBER_SIZE];
    l.format = cnn_number_format_of(grid->numbers, grid->rows * grid->cols, 1);
    for (int64_t i = 0; i < grid->rows * grid->cols; i++) {
        cell_text(grid, &l, i, left, right);
        l.left = (int)strlen(left) > l.left ? (int)strlen(left) : l.left;
        l.right = (int)strlen(right) > l.right ? (int)strlen(right) : l.right;
    }
    l.gap = l.right > 0 ? 1 : 2;
    l.width = width_of(grid, &l);
    return l;
}

static int64_t total(const layout *l, uint32_t n)
{
    int64_t width = INDENT;
    for (uint32_t i = 0; i < n; i++)
        width += l[i].width + (i > 0 ? BETWEEN : 0);
    return width;
}

int64_t cnn_grids_width(const cnn_grid *grids, uint32_t n)
{
    layout l[MAX_GRIDS];
    for (uint32_t i = 0; i < n; i++)
        l[i] = lay_out(&grids[i]);
    return total(l, n);
}

/* Fewer places until it fits. */
static void shrink(const cnn_grid *grids, layout *l, uint32_t n)
{
    int64_t most = 0;
    for (uint32_t i = 0; i < n; i++) {
        l[i].rows = l[i].rows > MOST_ROWS ? MOST_ROWS : l[i].rows;
        most = l[i].cols > most ? l[i].cols : most;
    }
    for (; most >= LEAST_COLS && total(l, n) > CNN_PAGE_WIDTH; most--)
        for (uint32_t i = 0; i < n; i++) {
            l[i].cols = l[i].cols > most ? most : l[i].cols;
            l[i].width = width_of(&grids[i], &l[i]);
        }
}

/* What stands at a place: a row or column, or -1 for the ellipsis. */
static int64_t at_place(int64_t place, int64_t places, int64_t all)
{
    if (places == all || place < places - 2)
        return place;
    return place == places - 2 ? -1 : all - 1;
}

static void print_cell(const cnn_page *page, const cnn_grid *grid, const layout *l, int64_t row,
                       int64_t col)
{
    char left[2 * CNN_NUMBER_SIZE], right[CNN_NUMBER_SIZE];
    if (row < 0 || col < 0) {
        cnn_page_add(page, "%*s…%*s", l->left - 1, "", l->right, "");
        return;
    }
    int64_t at = row * grid->cols + col;
    unsigned mark = mark_of(grid, at);
    const char *colour = !page->colour                    ? ""
                         : (mark & CNN_MARK_HOT) != 0     ? "\033[1;31m"
                         : (mark & CNN_MARK_OUTSIDE) != 0 ? "\033[36m"
                                                          : "";
    cell_text(grid, l, at, left, right);
    cnn_page_add(page, "%*s%s%s%s%s%*s", l->left - (int)strlen(left), "", colour, left, right,
                 colour[0] != '\0' ? "\033[0m" : "", l->right - (int)strlen(right), "");
}

/* A line of one grid; nothing is written behind its last number unless `pad`. */
static void print_row(const cnn_page *page, const cnn_grid *grid, const layout *l, int64_t line,
                      bool pad)
{
    int64_t place = line - l->first;
    if (place < 0 || place >= l->rows) {
        cnn_page_add(page, "%*s", pad ? l->width : 0, "");
        return;
    }
    int64_t row = at_place(place, l->rows, grid->rows);
    int64_t width = l->cols * (l->left + l->right) + (l->cols - 1) * l->gap;
    for (int64_t c = 0; c < l->cols; c++) {
        cnn_page_add(page, "%*s", c > 0 ? l->gap : 0, "");
        print_cell(page, grid, l, row, at_place(c, l->cols, grid->cols));
    }
    cnn_page_add(page, "%*s", pad ? l->width - (int)width : 0, "");
}

static void print_titles(const cnn_page *page, const cnn_grid *grids, const layout *l, uint32_t n)
{
    bool any = false;
    for (uint32_t i = 0; i < n; i++)
        any = any || grids[i].title[0] != '\0';
    for (uint32_t i = 0; i < n && any; i++)
        cnn_page_add(page, "%*s%-*s", i > 0 ? BETWEEN : INDENT, "", i + 1 < n ? l[i].width : 0,
                     grids[i].title);
    cnn_page_add(page, "%s", any ? "\n" : "");
}

static void print_side_by_side(const cnn_page *page, const cnn_grid *grids, layout *l, uint32_t n)
{
    int64_t lines = 0;
    for (uint32_t i = 0; i < n; i++)
        lines = l[i].rows > lines ? l[i].rows : lines;
    for (uint32_t i = 0; i < n; i++)
        l[i].first = (lines - l[i].rows) / 2;
    print_titles(page, grids, l, n);
    for (int64_t line = 0; line < lines; line++) {
        cnn_page_add(page, "%*s", INDENT, "");
        for (uint32_t i = 0; i < n; i++) {
            bool middle = line == (lines - 1) / 2 && grids[i].sign[0] != '\0';
            if (i > 0)
                cnn_page_add(page, "  %s  ", middle ? grids[i].sign : " ");
            print_row(page, &grids[i], &l[i], line, i + 1 < n);
        }
        cnn_page_add(page, "\n");
    }
}

void cnn_page_grids(const cnn_page *page, const cnn_grid *grids, uint32_t n)
{
    layout l[MAX_GRIDS];
    for (uint32_t i = 0; i < n; i++)
        l[i] = lay_out(&grids[i]);
    if (!page->all)
        shrink(grids, l, n);
    if (total(l, n) <= CNN_PAGE_WIDTH) {
        print_side_by_side(page, grids, l, n);
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        print_side_by_side(page, &grids[i], &l[i], 1);
}
