/* Reading the numbers of a lesson, and what its values are called. */
#include "explain/lesson.h"

#include <string.h>

const cnn_type *cnn_lesson_type(const cnn_lesson *lesson, int32_t value)
{
    return &cnn_value_at(lesson->program, value)->type;
}

int64_t cnn_lesson_offset(const cnn_lesson *lesson, const cnn_spot *spot)
{
    const cnn_type *type = cnn_lesson_type(lesson, spot->value);
    int64_t offset = 0;
    for (uint32_t i = 0; i < type->rank; i++)
        offset = offset * type->dim[i] + spot->at[i];
    return offset;
}

double cnn_lesson_number(const cnn_lesson *lesson, int32_t value, int64_t offset)
{
    const void *data = lesson->data[value];
    switch (cnn_lesson_type(lesson, value)->dtype) {
    case CNN_F32:
        return (double)((const float *)data)[offset];
    case CNN_I32:
        return (double)((const int32_t *)data)[offset];
    default:
        return (double)((const uint8_t *)data)[offset];
    }
}

double cnn_lesson_read(const cnn_lesson *lesson, const cnn_spot *spot)
{
    return cnn_lesson_number(lesson, spot->value, cnn_lesson_offset(lesson, spot));
}

cnn_spot cnn_lesson_spot4(int32_t value, int64_t n, int64_t c, int64_t y, int64_t x)
{
    return (cnn_spot){ value, { n, c, y, x } };
}

double cnn_lesson_read4(const cnn_lesson *lesson, int32_t value, int64_t n, int64_t c, int64_t y,
                        int64_t x)
{
    const cnn_spot spot = cnn_lesson_spot4(value, n, c, y, x);
    return cnn_lesson_read(lesson, &spot);
}

bool cnn_node_is(const cnn_node *node, const char *op)
{
    return strcmp(node->op->c.name, op) == 0;
}

const cnn_node *cnn_lesson_producer(const cnn_lesson *lesson, int32_t value)
{
    const cnn_value_info *info = cnn_value_at(lesson->program, value);
    if (info->producer < 0)
        return NULL;
    const cnn_node *node = cnn_node_at(lesson->program, (uint32_t)info->producer);
    bool backward = node->phase == CNN_PHASE_BACKWARD;
    if (backward != (lesson->phase == CNN_PHASE_BACKWARD))
        return NULL;
    /* A gradient that is a sum over several users of a value stands in one of their layers. */
    int32_t top = cnn_value_at(lesson->program, lesson->target)->producer;
    return strcmp(node->layer, lesson->layer) == 0 || info->producer == top ? node : NULL;
}

/* ---- names ---- */

const char *cnn_spot_place(const cnn_lesson *lesson, const cnn_spot *spot, char *out)
{
    const cnn_value_info *info = cnn_value_at(lesson->program, spot->value);
    uint32_t first = info->batched != 0 && info->type.dim[0] == 1 ? 1 : 0;
    size_t used = 0;
    out[0] = '\0';
    for (uint32_t i = first; i < info->type.rank; i++)
        used +=
            (size_t)snprintf(out + used, CNN_SPOT_SIZE - used, "%s%lld%s", i == first ? "[" : ", ",
                             (long long)spot->at[i], i + 1 == info->type.rank ? "]" : "");
    return out;
}

/* The step that works out this element, from 1; 0: none. */
static uint32_t step_of(const cnn_lesson *lesson, const cnn_spot *spot, bool *same)
{
    for (uint32_t i = 0; i < lesson->n_steps; i++)
        if (lesson->steps[i].value == spot->value) {
            *same = cnn_lesson_offset(lesson, &lesson->steps[i]) == cnn_lesson_offset(lesson, spot);
            return i + 1;
        }
    return 0;
}

/* What a value is, whether a step makes it or not. */
static const char *name_of(const cnn_lesson *lesson, int32_t value, char *out)
{
    const cnn_value_info *info = cnn_value_at(lesson->program, value);
    const cnn_node *node =
        info->producer >= 0 ? cnn_node_at(lesson->program, (uint32_t)info->producer) : NULL;
    if (value == lesson->target)
        (void)snprintf(out, CNN_SPOT_SIZE, "%s", lesson->what);
    else if (value == lesson->in)
        (void)snprintf(out, CNN_SPOT_SIZE, "input");
    else if (value == lesson->out)
        (void)snprintf(out, CNN_SPOT_SIZE, "output");
    else if (value == lesson->d_out)
        (void)snprintf(out, CNN_SPOT_SIZE, "dL/d output");
    else if (value == lesson->d_in)
        (void)snprintf(out, CNN_SPOT_SIZE, "dL/d input");
    else if (node == NULL)
        (void)snprintf(out, CNN_SPOT_SIZE, "%s", info->name != NULL ? info->name : "constant");
    else if (cnn_node_is(node, "map") && node->n_in == 0)
        (void)snprintf(out, CNN_SPOT_SIZE, "constant");
    else if (strcmp(node->layer, lesson->layer) == 0)
        (void)snprintf(out, CNN_SPOT_SIZE, "%s", node->op->c.name);
    else if (node->phase == CNN_PHASE_BACKWARD)
        (void)snprintf(out, CNN_SPOT_SIZE, "gradient by way of %s", node->layer);
    else
        (void)snprintf(out, CNN_SPOT_SIZE, "%s", node->layer);
    return out;
}

const char *cnn_value_name(const cnn_lesson *lesson, int32_t value, char *out)
{
    const cnn_spot any = { .value = value };
    bool same;
    uint32_t step = step_of(lesson, &any, &same);
    if (step == 0 || value == lesson->target)
        return name_of(lesson, value, out);
    (void)snprintf(out, CNN_SPOT_SIZE, "step %u", step);
    return out;
}

const char *cnn_spot_name(const cnn_lesson *lesson, const cnn_spot *spot, char *out)
{
    const cnn_spot source = cnn_lesson_source(lesson, *spot);
    bool same = false;
    uint32_t step = step_of(lesson, &source, &same);
    if (step > 0 && same && source.value != lesson->target) {
        (void)snprintf(out, CNN_SPOT_SIZE, "step %u", step);
        return out;
    }
    char place[CNN_SPOT_SIZE];
    (void)cnn_spot_place(lesson, &source, place);
    if (step > 0 && source.value != lesson->target) {
        (void)snprintf(out, CNN_SPOT_SIZE, "step %u at %.120s", step, place);
        return out;
    }
    (void)name_of(lesson, source.value, out);
    size_t used = strlen(out);
    (void)snprintf(out + used, CNN_SPOT_SIZE - used, "%s", place);
    return out;
}
