/* Images with what stands around them. */
#include <string.h>

#include "base/text.h"
#include "explain/lesson.h"

enum { MOST_DRAWN = 12 };

int64_t cnn_pad_source(int64_t at, int64_t size, int32_t mode)
{
    if (at >= 0 && at < size)
        return at;
    switch (mode) {
    case CNN_PAD_REFLECT:
        return at < 0 ? -at : 2 * (size - 1) - at;
    case CNN_PAD_REPLICATE:
        return at < 0 ? 0 : size - 1;
    case CNN_PAD_CIRCULAR:
        return at < 0 ? at + size : at - size;
    default:
        return -1;
    }
}

cnn_image cnn_image_of(const cnn_lesson *lesson, int32_t value, const int64_t pad[4])
{
    cnn_image image = { .value = value, .mode = -1 };
    const cnn_node *node = NULL;
    int32_t producer = cnn_value_at(lesson->program, value)->producer;
    memcpy(image.pad, pad, sizeof image.pad);
    if (producer >= 0 && (pad[0] | pad[1] | pad[2] | pad[3]) == 0)
        node = cnn_node_at(lesson->program, (uint32_t)producer);
    if (node != NULL && cnn_node_is(node, "pad2d") && strcmp(node->layer, lesson->layer) == 0 &&
        lesson->data[node->in[0]] != NULL) {
        const cnn_pad2d_attrs *a = node->attrs;
        memcpy(image.pad, a->pad, sizeof image.pad);
        image.value = node->in[0];
        image.mode = a->mode;
        image.fill = a->value;
    }
    const cnn_type *type = cnn_lesson_type(lesson, image.value);
    image.h = type->dim[2];
    image.w = type->dim[3];
    return image;
}

bool cnn_image_has(const cnn_image *image, int64_t y, int64_t x)
{
    return y >= 0 && y < image->h && x >= 0 && x < image->w;
}

double cnn_image_at(const cnn_lesson *lesson, const cnn_image *image, int64_t n, int64_t c,
                    int64_t y, int64_t x)
{
    int64_t sy = cnn_pad_source(y, image->h, image->mode);
    int64_t sx = cnn_pad_source(x, image->w, image->mode);
    return sy < 0 || sx < 0 ? image->fill : cnn_lesson_read4(lesson, image->value, n, c, sy, sx);
}

/* ", row -1 is row 1" for each row outside. */
static bool tell_lines(cnn_text *out, const char *one, const int64_t *items, int64_t n,
                       int64_t size, int32_t mode)
{
    bool any = false;
    for (int64_t i = 0; i < n; i++) {
        if (items[i] >= 0 && items[i] < size)
            continue;
        any = true;
        if (mode == CNN_PAD_REFLECT || mode == CNN_PAD_REPLICATE || mode == CNN_PAD_CIRCULAR)
            cnn_text_add(out, "%s %s %lld is %s %lld", out->length > 0 ? "," : "", one,
                         (long long)items[i], one, (long long)cnn_pad_source(items[i], size, mode));
    }
    return any;
}

void cnn_image_tell(const cnn_lesson *lesson, const cnn_image *image, const int64_t *rows,
                    int64_t n_rows, const int64_t *cols, int64_t n_cols)
{
    static const char *const how[] = { "", "reflect, a mirror at the border pixels",
                                       "replicate, the border pixels again",
                                       "circular, the image again" };
    char number[CNN_NUMBER_SIZE];
    cnn_text text = { 0 };
    bool any = tell_lines(&text, "row", rows, n_rows, image->h, image->mode);
    any = tell_lines(&text, "column", cols, n_cols, image->w, image->mode) || any;
    if (any && image->mode <= CNN_PAD_CONSTANT)
        cnn_page_text(&lesson->page, "( ) stands outside of the image: padding with %s.",
                      image->mode < 0 ? "zeros" : cnn_digits(image->fill, number));
    else if (any)
        cnn_page_text(&lesson->page, "( ) stands outside of the image. Padding is %s:%s.",
                      how[image->mode], cnn_text_get(&text));
    cnn_text_free(&text);
}

static bool holds(const int64_t *items, int64_t n, int64_t item)
{
    for (int64_t i = 0; i < n; i++)
        if (items[i] == item)
            return true;
    return false;
}

/* A bracket opens a run of neighbouring columns of the window and closes it; columns begin to
 * end - 1 are drawn. */
static unsigned brackets(const int64_t *cols, int64_t n, int64_t x, int64_t begin, int64_t end)
{
    unsigned mark = CNN_MARK_HOT;
    mark |= x > begin && holds(cols, n, x - 1) ? 0 : CNN_MARK_OPEN;
    return mark | (x + 1 < end && holds(cols, n, x + 1) ? 0 : CNN_MARK_CLOSE);
}

bool cnn_image_draw(const cnn_lesson *lesson, const cnn_image *image, int64_t n, int64_t c,
                    const int64_t *rows, int64_t n_rows, const int64_t *cols, int64_t n_cols,
                    cnn_grid *grid)
{
    bool poolings = image->mode == -2; /* nothing stands outside */
    int64_t top = poolings ? 0 : image->pad[0], left = poolings ? 0 : image->pad[2];
    int64_t h = image->h + (poolings ? 0 : image->pad[0] + image->pad[1]);
    int64_t w = image->w + (poolings ? 0 : image->pad[2] + image->pad[3]);
    if (h > MOST_DRAWN || w > MOST_DRAWN || h < 1 || w < 1)
        return false;
    double *numbers = CNN_NEW_ARRAY(lesson->page.arena, double, h *w);
    unsigned char *marks = CNN_NEW_ARRAY(lesson->page.arena, unsigned char, h *w);
    for (int64_t i = 0; i < h * w; i++) {
        int64_t y = i / w - top, x = i % w - left;
        numbers[i] = cnn_image_at(lesson, image, n, c, y, x);
        unsigned mark = cnn_image_has(image, y, x) ? 0 : CNN_MARK_OUTSIDE;
        if (holds(rows, n_rows, y) && holds(cols, n_cols, x))
            mark |= brackets(cols, n_cols, x, -left, w - left);
        marks[i] = (unsigned char)mark;
    }
    *grid = (cnn_grid){ "input", "", h, w, numbers, marks };
    return true;
}

const char *cnn_range_text(const char *one, const int64_t *items, int64_t n, char *out)
{
    int64_t step = n > 1 ? items[1] - items[0] : 1;
    if (n == 1)
        (void)snprintf(out, CNN_LABEL_SIZE, "%s %lld", one, (long long)items[0]);
    else if (step == 1)
        (void)snprintf(out, CNN_LABEL_SIZE, "%ss %lld to %lld", one, (long long)items[0],
                       (long long)items[n - 1]);
    else
        (void)snprintf(out, CNN_LABEL_SIZE, "%ss %lld to %lld (every %lld%s)", one,
                       (long long)items[0], (long long)items[n - 1], (long long)step,
                       step == 2   ? "nd"
                       : step == 3 ? "rd"
                                   : "th");
    return out;
}

/* "row 2 × 3 - 1 = 5" */
static const char *start_text(const char *one, int64_t out, int64_t stride, int64_t pad, char *text)
{
    char less[CNN_NUMBER_SIZE] = "";
    if (pad != 0)
        (void)snprintf(less, sizeof less, " - %lld", (long long)pad);
    (void)snprintf(text, CNN_LABEL_SIZE, "%s %lld × %lld%s = %lld", one, (long long)out,
                   (long long)stride, less, (long long)(out * stride - pad));
    return text;
}

void cnn_window_tell(const cnn_lesson *lesson, const cnn_spot *out, const int64_t stride[2],
                     const int64_t pad[4], const char *rows, const char *cols)
{
    char y[CNN_LABEL_SIZE], x[CNN_LABEL_SIZE];
    bool moves = stride[0] != 1 || stride[1] != 1;
    if (!moves)
        cnn_page_text(&lesson->page, "The window lies on %s and %s of the input.", rows, cols);
    else
        cnn_page_text(&lesson->page,
                      "The window lies on %s and %s of the input: by stride%s it begins at %s and "
                      "%s.",
                      rows, cols, (pad[0] | pad[2]) != 0 ? " and padding" : "",
                      start_text("row", out->at[2], stride[0], pad[0], y),
                      start_text("column", out->at[3], stride[1], pad[2], x));
}
