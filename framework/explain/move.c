/* Ops that only move numbers: where an element comes from. */
#include <string.h>

#include "explain/lesson.h"

cnn_spot cnn_lesson_broadcast(const cnn_lesson *lesson, int32_t value, const cnn_spot *spot)
{
    const cnn_type *from = cnn_lesson_type(lesson, value),
                   *to = cnn_lesson_type(lesson, spot->value);
    cnn_spot in = { .value = value };
    for (uint32_t i = 0; i < from->rank; i++) {
        uint32_t axis = i + to->rank - from->rank;
        in.at[i] = from->dim[i] == 1 ? 0 : spot->at[axis];
    }
    return in;
}

/* ---- one op ---- */

static cnn_spot at_offset(const cnn_lesson *lesson, int32_t value, int64_t offset)
{
    const cnn_type *type = cnn_lesson_type(lesson, value);
    cnn_spot spot = { .value = value };
    for (uint32_t i = type->rank; i > 0; i--) {
        spot.at[i - 1] = offset % type->dim[i - 1];
        offset /= type->dim[i - 1];
    }
    return spot;
}

static cnn_spot of_reshape(const cnn_lesson *lesson, const cnn_node *node, const cnn_spot *spot)
{
    return at_offset(lesson, node->in[0], cnn_lesson_offset(lesson, spot));
}

static cnn_spot of_cast(const cnn_lesson *lesson, const cnn_node *node, const cnn_spot *spot)
{
    (void)lesson;
    cnn_spot in = *spot;
    in.value = node->in[0];
    return in;
}

static cnn_spot of_transpose(const cnn_lesson *lesson, const cnn_node *node, const cnn_spot *spot)
{
    const cnn_dims_attrs *a = node->attrs;
    cnn_spot in = { .value = node->in[0] };
    (void)lesson;
    for (uint32_t i = 0; i < a->dims.count; i++)
        in.at[a->dims.v[i]] = spot->at[i];
    return in;
}

static cnn_spot of_slice(const cnn_lesson *lesson, const cnn_node *node, const cnn_spot *spot)
{
    const cnn_slice_attrs *a = node->attrs;
    cnn_spot in = of_cast(lesson, node, spot);
    in.at[a->axis] += a->start;
    return in;
}

static cnn_spot of_concat(const cnn_lesson *lesson, const cnn_node *node, const cnn_spot *spot)
{
    const cnn_axis_attrs *a = node->attrs;
    cnn_spot in = *spot;
    uint32_t i = 0;
    while (in.at[a->axis] >= cnn_lesson_type(lesson, node->in[i])->dim[a->axis])
        in.at[a->axis] -= cnn_lesson_type(lesson, node->in[i++])->dim[a->axis];
    in.value = node->in[i];
    return in;
}

static const struct {
    const char *op;
    cnn_spot (*source)(const cnn_lesson *, const cnn_node *, const cnn_spot *);
} movers[] = {
    { "reshape", of_reshape }, { "transpose", of_transpose }, { "slice", of_slice },
    { "concat", of_concat },   { "cast", of_cast },
};

enum { MOVERS = sizeof movers / sizeof movers[0] };

bool cnn_op_computes(const char *op)
{
    for (size_t i = 0; i < MOVERS; i++)
        if (strcmp(movers[i].op, op) == 0)
            return false;
    return true;
}

/* The node that makes a value: of what is explained, or of the layer's forward part, which its
 * gradient reads. */
static const cnn_node *maker_of(const cnn_lesson *lesson, int32_t value)
{
    const cnn_node *node = cnn_lesson_producer(lesson, value);
    int32_t producer = cnn_value_at(lesson->program, value)->producer;
    if (node != NULL || producer < 0)
        return node;
    node = cnn_node_at(lesson->program, (uint32_t)producer);
    return strcmp(node->layer, lesson->layer) == 0 ? node : NULL;
}

/* false: the element is not merely moved here. */
static bool go_back(const cnn_lesson *lesson, cnn_spot *spot)
{
    const cnn_node *node = maker_of(lesson, spot->value);
    for (size_t i = 0; node != NULL && i < MOVERS; i++) {
        if (!cnn_node_is(node, movers[i].op))
            continue;
        const cnn_spot source = movers[i].source(lesson, node, spot);
        if (lesson->data[source.value] == NULL)
            return false;
        *spot = source;
        return true;
    }
    return false;
}

cnn_spot cnn_lesson_source(const cnn_lesson *lesson, cnn_spot spot)
{
    while (go_back(lesson, &spot)) {
    }
    return spot;
}

cnn_worked cnn_work_move(cnn_lesson *lesson, const cnn_node *node, const cnn_spot *spot)
{
    static const struct {
        const char *op, *says;
    } words[] = {
        { "reshape", "The numbers keep their order, only the shape is another." },
        { "transpose", "The axes are in another order." },
        { "slice", "A part of the numbers." },
        { "concat", "The inputs stand side by side." },
        { "cast", "The same number in another type." },
    };
    char name[CNN_SPOT_SIZE], number[CNN_NUMBER_SIZE];
    const cnn_spot source = cnn_lesson_source(lesson, *spot);
    double value = cnn_lesson_read(lesson, &source);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (cnn_node_is(node, words[i].op))
            cnn_page_text(&lesson->page, "%s", words[i].says);
    cnn_page_text(&lesson->page, "It is %s = %s.", cnn_spot_name(lesson, &source, name),
                  cnn_digits(value, number));
    return (cnn_worked){ value, 0 };
}
