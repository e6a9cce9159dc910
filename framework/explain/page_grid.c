/* Matrices side by side, on a page that is not wide enough for all of them. */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "explain/page_number.h"

enum {
    INDENT = 2,
    BETWEEN = 5,
    MOST_ROWS = 9,
    FEW_ROWS = 7,
    LEAST_COLS = 3,
    MAX_GRIDS = 4,
    MAX_TITLE = 64
};
enum { MOST_DIGITS = 5, LEAST_DIGITS = 3 };

/* How a grid is laid out. */
typedef struct layout {
    cnn_number_format format;
    double unit; /* numbers are shown divided by this power of ten */
    char title[MAX_TITLE];
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
        cnn_number_write(l->format, grid->numbers[at] / l->unit, number);
    (void)snprintf(left, 2 * CNN_NUMBER_SIZE, "%s%s%s", (mark & CNN_MARK_OPEN) != 0 ? "[" : "",
                   (mark & CNN_MARK_OUTSIDE) != 0 ? "(" : "", number);
    (void)snprintf(right, CNN_NUMBER_SIZE, "%s%s", (mark & CNN_MARK_OUTSIDE) != 0 ? ")" : "",
                   (mark & CNN_MARK_CLOSE) != 0 ? "]" : "");
}

static int width_of(const layout *l)
{
    int64_t width = l->cols * (l->left + l->right) + (l->cols - 1) * l->gap;
    int title = (int)strlen(l->title);
    return width > title ? (int)width : title;
}

/* Very small and very large numbers have a common power of ten, said in the title. */
static void choose_unit(const cnn_grid *grid, layout *l, int digits)
{
    double largest = 0;
    l->format = cnn_number_format_of(grid->numbers, grid->rows * grid->cols, 1, digits);
    l->unit = 1;
    (void)snprintf(l->title, sizeof l->title, "%.40s", grid->title);
    if (l->format.decimals >= 0)
        return;
    for (int64_t i = 0; i < grid->rows * grid->cols; i++)
        if (isfinite(grid->numbers[i]))
            largest = fmax(largest, fabs(grid->numbers[i]));
    int exponent = (int)floor(log10(largest));
    l->unit = pow(10, exponent);
    l->format.decimals = digits - 2;
    (void)snprintf(l->title, sizeof l->title, "%.40s, in 1e%d", grid->title, exponent);
}

static layout lay_out(const cnn_grid *grid, int digits)
{
    layout l = { .rows = grid->rows, .cols = grid->cols, .left = 1 };
    char left[2 * CNN_NUMBER_SIZE], right[CNN_NUMBER_SIZE];
    choose_unit(grid, &l, digits);
    for (int64_t i = 0; i < grid->rows * grid->cols; i++) {
        cell_text(grid, &l, i, left, right);
        l.left = (int)strlen(left) > l.left ? (int)strlen(left) : l.left;
        l.right = (int)strlen(right) > l.right ? (int)strlen(right) : l.right;
    }
    l.gap = l.right < 2 ? 2 - l.right : 0;
    l.width = width_of(&l);
    return l;
}

static int64_t total(const layout *l, uint32_t n)
{
    int64_t width = INDENT;
    for (uint32_t i = 0; i < n; i++)
        width += l[i].width + (i > 0 ? BETWEEN : 0);
    return width;
}

/* With as many digits as fit. */
static void lay_out_all(const cnn_grid *grids, layout *l, uint32_t n)
{
    for (int digits = MOST_DIGITS; digits >= LEAST_DIGITS; digits--) {
        for (uint32_t i = 0; i < n; i++)
            l[i] = lay_out(&grids[i], digits);
        if (total(l, n) <= CNN_PAGE_WIDTH)
            return;
    }
}

int64_t cnn_grids_width(const cnn_grid *grids, uint32_t n)
{
    layout l[MAX_GRIDS];
    lay_out_all(grids, l, n);
    return total(l, n);
}

/* Fewer places until it fits. */
static void shrink(layout *l, uint32_t n)
{
    int64_t most = 0;
    for (uint32_t i = 0; i < n; i++) {
        l[i].rows = l[i].rows > MOST_ROWS ? MOST_ROWS : l[i].rows;
        most = l[i].cols > most ? l[i].cols : most;
    }
    for (; most >= LEAST_COLS && total(l, n) > CNN_PAGE_WIDTH; most--)
        for (uint32_t i = 0; i < n; i++) {
            l[i].cols = l[i].cols > most ? most : l[i].cols;
            l[i].width = width_of(&l[i]);
        }
}

/* What stands at a place: a row or column, or -1 for the ellipsis. */
static int64_t at_place(int64_t place, int64_t places, int64_t all)
{
    if (places == all || place < places - 2)
        return place;
    return place == places - 2 ? -1 : all - 1;
}

static void add_cell(cnn_text *out, const cnn_grid *grid, const layout *l, int64_t at, bool colour)
{
    char left[2 * CNN_NUMBER_SIZE], right[CNN_NUMBER_SIZE];
    unsigned mark = mark_of(grid, at);
    const char *on = !colour                          ? ""
                     : (mark & CNN_MARK_HOT) != 0     ? "\033[1;31m"
                     : (mark & CNN_MARK_OUTSIDE) != 0 ? "\033[36m"
                                                      : "";
    cell_text(grid, l, at, left, right);
    cnn_text_add(out, "%*s%s%s%s%s%*s", l->left - (int)strlen(left), "", on, left, right,
                 on[0] != '\0' ? "\033[0m" : "", l->right - (int)strlen(right), "");
}

/* What one grid has on a line, as wide as the grid. */
static void add_row(cnn_text *out, const cnn_grid *grid, const layout *l, int64_t line, bool colour)
{
    int64_t place = line - l->first;
    if (place < 0 || place >= l->rows) {
        cnn_text_add(out, "%*s", l->width, "");
        return;
    }
    int64_t row = at_place(place, l->rows, grid->rows);
    int64_t width = l->cols * (l->left + l->right) + (l->cols - 1) * l->gap;
    for (int64_t c = 0; c < l->cols; c++) {
        int64_t col = at_place(c, l->cols, grid->cols);
        cnn_text_add(out, "%*s", c > 0 ? l->gap : 0, "");
        if (row < 0 || col < 0)
            cnn_text_add(out, "%*s…%*s", l->left - 1, "", l->right, "");
        else
            add_cell(out, grid, l, row * grid->cols + col, colour);
    }
    cnn_text_add(out, "%*s", l->width - (int)width, "");
}

/* Ends a line, without the spaces at its end. */
static void print_line(const cnn_page *page, cnn_text *line)
{
    const char *text = cnn_text_get(line);
    size_t length = line->length;
    while (length > 0 && text[length - 1] == ' ')
        length--;
    cnn_page_add(page, "%.*s\n", (int)length, text);
    cnn_text_free(line);
    *line = (cnn_text){ 0 };
}

static void print_side_by_side(const cnn_page *page, const cnn_grid *grids, layout *l, uint32_t n)
{
    cnn_text text = { 0 };
    int64_t lines = 0;
    for (uint32_t i = 0; i < n; i++)
        lines = l[i].rows > lines ? l[i].rows : lines;
    for (uint32_t i = 0; i < n; i++) {
        l[i].first = (lines - l[i].rows) / 2;
        cnn_text_add(&text, "%*s%-*s", i > 0 ? BETWEEN : INDENT, "", l[i].width, l[i].title);
    }
    print_line(page, &text);
    for (int64_t line = 0; line < lines; line++) {
        cnn_text_add(&text, "%*s", INDENT, "");
        for (uint32_t i = 0; i < n; i++) {
            bool middle = line == (lines - 1) / 2 && grids[i].sign[0] != '\0';
            if (i > 0)
                cnn_text_add(&text, "  %s  ", middle ? grids[i].sign : " ");
            add_row(&text, &grids[i], &l[i], line, page->colour);
        }
        print_line(page, &text);
    }
}

/* Grids below each other, the first `n_first` of them side by side. */
static void print_stacked(const cnn_page *page, const cnn_grid *grids, uint32_t n, uint32_t n_first)
{
    layout l[MAX_GRIDS];
    for (uint32_t i = 0; i < n; i += i == 0 ? n_first : 1) {
        cnn_grid own[MAX_GRIDS];
        uint32_t count = i == 0 ? n_first : 1;
        for (uint32_t k = 0; k < count; k++)
            own[k] = grids[i + k];
        if (i > 0 && own[0].sign[0] != '\0')
            own[0].title = cnn_arena_printf(page->arena, "%s %s", own[0].sign, own[0].title);
        lay_out_all(own, l, count);
        shrink(l, count);
        cnn_page_add(page, "%s", i > 0 ? "\n" : "");
        print_side_by_side(page, own, l, count);
    }
}

/* Stands the last grid below the others, or small ones all below each other, if that shows more. */
static bool print_below(const cnn_page *page, const cnn_grid *grids, uint32_t n)
{
    bool alone = true;
    if (n < 2 || cnn_grids_width(grids, n) <= CNN_PAGE_WIDTH)
        return false;
    for (uint32_t i = 0; i < n; i++)
        alone =
            alone && grids[i].rows <= FEW_ROWS && cnn_grids_width(grids + i, 1) <= CNN_PAGE_WIDTH;
    bool two = cnn_grids_width(grids, n - 1) <= CNN_PAGE_WIDTH;
    if (two || alone)
        print_stacked(page, grids, n, two ? n - 1 : 1);
    return two || alone;
}

void cnn_page_grids(const cnn_page *page, const cnn_grid *grids, uint32_t n)
{
    layout l[MAX_GRIDS];
    lay_out_all(grids, l, n);
    if (!page->all && print_below(page, grids, n))
        return;
    if (!page->all)
        shrink(l, n);
    if (total(l, n) <= CNN_PAGE_WIDTH) {
        print_side_by_side(page, grids, l, n);
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        print_side_by_side(page, &grids[i], &l[i], 1);
}
