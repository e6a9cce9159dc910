/* "y,x" and --channel: which element is meant. */
#include <stdlib.h>

#include "explain/probe.h"

/* What the axes of a value are called; the batch is none of them. */
static const char *axis_name(uint32_t axes, uint32_t axis)
{
    static const char *const image[3] = { "channel", "y", "x" };
    static const char *const kernel[4] = { "output channel", "input channel", "y", "x" };
    static const char *const other[CNN_MAX_RANK] = { "first number", "second number",
                                                     "third number", "fourth number",
                                                     "fifth number", "sixth number" };
    return axes == 1 ? "number" : axes == 3 ? image[axis] : axes == 4 ? kernel[axis] : other[axis];
}

static cnn_status not_numbers(const cnn_explain_request *request, cnn_error *err)
{
    (void)cnn_fail(err, CNN_INVALID, "'%s' is no element: numbers with commas are wanted",
                   request->element);
    cnn_hint(err, "as in 1,2: row 1, column 2");
    return CNN_INVALID;
}

/* Numbers of the element's text; *n is at most CNN_MAX_RANK. */
static cnn_status parse(const cnn_explain_request *request, int64_t *numbers, uint32_t *n,
                        cnn_error *err)
{
    const char *at = request->element;
    *n = 0;
    while (at != NULL && *n < CNN_MAX_RANK) {
        char *end;
        numbers[(*n)++] = strtoll(at, &end, 10);
        if (end == at || (*end != ',' && *end != '\0'))
            return not_numbers(request, err);
        at = *end == ',' ? end + 1 : NULL;
    }
    return at != NULL ? not_numbers(request, err) : CNN_OK;
}

static cnn_status out_of_range(const cnn_lesson *lesson, uint32_t first, uint32_t axis,
                               int64_t number, cnn_error *err)
{
    const cnn_type *type = cnn_lesson_type(lesson, lesson->target);
    char shape[128];
    cnn_shape_text(type, first > 0, shape, sizeof shape);
    return cnn_fail(err, CNN_INVALID, "%s %lld is outside of %s of %s, which is %s: 0 to %lld",
                    axis_name(type->rank - first, axis - first), (long long)number, lesson->what,
                    lesson->layer, shape, (long long)(type->dim[axis] - 1));
}

static cnn_status too_many(const cnn_lesson *lesson, uint32_t first, uint32_t n, cnn_error *err)
{
    const cnn_type *type = cnn_lesson_type(lesson, lesson->target);
    char shape[128];
    cnn_shape_text(type, first > 0, shape, sizeof shape);
    if (type->rank == first)
        return cnn_fail(err, CNN_INVALID,
                        "%s of %s is one number: '%s' says which, and is too much", lesson->what,
                        lesson->layer, lesson->request->element);
    return cnn_fail(err, CNN_INVALID, "%u numbers are given, but %s of %s is %s: %u at most", n,
                    lesson->what, lesson->layer, shape, type->rank - first);
}

/* The numbers are the last axes; those before are 0, or the channel the first of them. */
cnn_status cnn_element_read(const cnn_lesson *lesson, const cnn_explain_request *request,
                            cnn_spot *spot, cnn_error *err)
{
    const cnn_value_info *info = cnn_value_at(lesson->program, lesson->target);
    uint32_t first = info->batched != 0 ? 1 : 0, n, rank = info->type.rank;
    int64_t numbers[CNN_MAX_RANK];
    *spot = (cnn_spot){ .value = lesson->target };
    cnn_status status = parse(request, numbers, &n, err);
    if (status == CNN_OK && n > rank - first)
        status = too_many(lesson, first, n, err);
    if (status != CNN_OK)
        return status;
    for (uint32_t i = 0; i < n; i++)
        spot->at[rank - n + i] = numbers[i];
    if (request->channel >= 0 && n == rank - first)
        return cnn_fail(err, CNN_INVALID, "'%s' says everything: leave --channel out",
                        n > 0 ? request->element : "one number");
    if (request->channel >= 0)
        spot->at[first] = request->channel;
    for (uint32_t i = first; i < rank; i++)
        if (spot->at[i] < 0 || spot->at[i] >= info->type.dim[i])
            return out_of_range(lesson, first, i, spot->at[i], err);
    return CNN_OK;
}
