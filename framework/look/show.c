/* Runs the program of `look` and shows its numbers to the observer. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "look/look_internal.h"

static const char *const split_names[] = { "train", "val", "test" };

/* ---- the run ---- */

static const cnn_type *type_of(const cnn_looker *look, int32_t value)
{
    return &cnn_value_at(&look->program.step->program, value)->type;
}

/* An output of the program, in arena memory: a call of the program looks at few samples. */
static cnn_status read_output(const cnn_looker *look, int32_t value, float **numbers)
{
    uint64_t bytes = (uint64_t)cnn_bytes(type_of(look, value));
    *numbers = (float *)CNN_NEW_ARRAY(look->arena, float, bytes / sizeof(float));
    return cnn_runner_output(look->program.runner, value, 0, *numbers, bytes, look->err);
}

static cnn_status run_once(const cnn_looker *look)
{
    cnn_status status = cnn_runner_run(look->program.runner, 0, look->err);
    return status == CNN_OK ? cnn_session_wait(look->run->session, look->err) : status;
}

static cnn_status read_samples(cnn_looker *look)
{
    const cnn_look_request *r = look->request;
    const cnn_type *target = &cnn_data_shape_of(look->run->data)->target;
    int64_t there = cnn_data_count(look->run->data, look->split);
    bool labels = target->dtype == CNN_I32 && target->rank == 0;
    cnn_status status = CNN_OK;
    look->labels = labels ? CNN_NEW_ARRAY(look->arena, int32_t, r->n_samples) : NULL;
    for (uint32_t i = 0; i < r->n_samples && status == CNN_OK; i++) {
        if (r->samples[i] >= there)
            return cnn_fail(look->err, CNN_INVALID,
                            "the %s split has %lld samples: there is no sample %lld",
                            split_names[look->split], (long long)there, (long long)r->samples[i]);
        status = cnn_run_read_samples(look->run, &look->program, i, look->split, r->samples[i], 1,
                                      labels ? &look->labels[i] : NULL, look->err);
    }
    return status;
}

/* The first of the largest scores. */
static int64_t best_of(const float *scores, int64_t n)
{
    int64_t best = 0;
    for (int64_t c = 1; c < n; c++)
        best = scores[c] > scores[best] ? c : best;
    return best;
}

cnn_status cnn_look_run(cnn_looker *look)
{
    const cnn_step *step = look->program.step;
    const cnn_type *out = type_of(look, step->output);
    float *scores, *mask = NULL;
    cnn_status status = read_samples(look);
    if (look->cam != NULL) {
        mask = cnn_runner_input(look->program.runner, step->map[look->mask], 0);
        memset(mask, 0, (size_t)cnn_bytes(out));
    }
    if (status == CNN_OK)
        status = run_once(look);
    if (status != CNN_OK || out->rank != 2 || out->dtype != CNN_F32)
        return status;
    status = read_output(look, step->output, &scores);
    look->predicted = CNN_NEW_ARRAY(look->arena, int64_t, out->dim[0]);
    for (int64_t i = 0; i < out->dim[0]; i++) {
        look->predicted[i] = best_of(scores + i * out->dim[1], out->dim[1]);
        if (mask != NULL)
            mask[i * out->dim[1] + (look->target >= 0 ? look->target : look->predicted[i])] = 1;
    }
    return status == CNN_OK && mask != NULL ? run_once(look) : status;
}

/* ---- what is shown ---- */

static cnn_status show(cnn_looker *look, cnn_picture *picture)
{
    const cnn_watcher *w = &look->run->watchers[0];
    picture->size = sizeof *picture;
    picture->most = look->request->most;
    picture->scale = look->request->scale;
    look->n_shown++;
    return w->observer->on_picture(w->state, picture, look->err);
}

static const char *class_name(const cnn_looker *look, int64_t number)
{
    const char *const *names = cnn_data_class_names(look->run->data);
    bool named = names != NULL && number < cnn_data_shape_of(look->run->data)->classes;
    return named ? names[number] : cnn_arena_printf(look->arena, "%lld", (long long)number);
}

static cnn_status show_filters(cnn_looker *look, const cnn_layer_record *layer)
{
    const cnn_value_info *weight = cnn_look_filters(look->graph, layer);
    cnn_session *session = look->run->session;
    if (weight == NULL)
        return CNN_OK;
    float *numbers = CNN_NEW_ARRAY(look->arena, float, cnn_count(&weight->type));
    cnn_status status = CNN_OK;
    for (uint32_t i = 0; i < cnn_session_states(session) && status == CNN_OK; i++)
        if (strcmp(cnn_session_state(session, i)->name, weight->name) == 0)
            status = cnn_session_read_state(session, i, numbers, look->err);
    cnn_picture picture = { .kind = CNN_PICTURE_FILTERS,
                            .section = "Filters",
                            .title = layer->path,
                            .note = layer->options,
                            .type = weight->type,
                            .numbers = numbers };
    picture.name = cnn_arena_printf(look->arena, "filters-%s", layer->path);
    return status == CNN_OK ? show(look, &picture) : status;
}

/* What the pictures of a sample have in common. */
typedef struct sample_view {
    uint32_t at; /* in the batch */
    const char *section, *name;
    cnn_type type;
    const float *image; /* NULL: the samples are no images */
} sample_view;

static cnn_picture picture_of(const cnn_looker *look, const sample_view *s, uint32_t kind,
                              const char *title)
{
    return (cnn_picture){ .kind = kind,
                          .section = s->section,
                          .name = cnn_arena_printf(look->arena, "%s-%s", s->name, title),
                          .title = title,
                          .note = "" };
}

/* Takes the axis of the batch away; returns how many numbers a sample has. */
static int64_t take_batch(cnn_type *type)
{
    for (uint32_t i = 1; i < type->rank; i++)
        type->dim[i - 1] = type->dim[i];
    type->rank--;
    return cnn_count(type);
}

static cnn_status show_maps(cnn_looker *look, const sample_view *s, uint32_t i)
{
    cnn_picture picture = picture_of(look, s, CNN_PICTURE_MAPS, look->layers[i]->path);
    picture.type = *type_of(look, look->program.step->extras[i]);
    picture.numbers = look->numbers[i] + s->at * take_batch(&picture.type);
    picture.note = look->layers[i]->options;
    return show(look, &picture);
}

/* Selvaraju et al. 2017: relu(sum over k of alpha_k A^k), alpha_k the mean of dy/dA^k over the map.
 */
static float *cam_of(const cnn_looker *look, const cnn_type *type, const float *maps,
                     const float *gradients)
{
    int64_t area = type->dim[1] * type->dim[2];
    float *heat = CNN_NEW_ARRAY(look->arena, float, area);
    double *sums = CNN_NEW_ARRAY(look->arena, double, area);
    for (int64_t k = 0; k < type->dim[0]; k++) {
        double alpha = 0;
        for (int64_t i = 0; i < area; i++)
            alpha += (double)gradients[k * area + i];
        alpha /= (double)area;
        for (int64_t i = 0; i < area; i++)
            sums[i] += alpha * (double)maps[k * area + i];
    }
    for (int64_t i = 0; i < area; i++)
        heat[i] = sums[i] > 0 ? (float)sums[i] : 0;
    return heat;
}

static cnn_status show_cam(cnn_looker *look, const sample_view *s)
{
    float *const *pair = &look->numbers[look->n_layers];
    if (look->cam == NULL || s->image == NULL)
        return CNN_OK;
    cnn_type type = *type_of(look, look->program.step->extras[look->n_layers]);
    int64_t begin = s->at * take_batch(&type);
    cnn_picture picture = picture_of(look, s, CNN_PICTURE_HEAT, "grad-cam");
    int64_t of = look->target >= 0 ? look->target : look->predicted[s->at];
    picture.title = cnn_arena_printf(look->arena, "Grad-CAM of class %s, %s", class_name(look, of),
                                     look->cam->path);
    picture.numbers = cam_of(look, &type, pair[0] + begin, pair[1] + begin);
    picture.type = cnn_type2(CNN_F32, type.dim[1], type.dim[2]);
    picture.under_type = s->type;
    picture.under = s->image;
    return show(look, &picture);
}

/* The sample as the model sees it, as f32. */
static const float *image_of(const cnn_looker *look, uint32_t at, cnn_type *type)
{
    const cnn_step *step = look->program.step;
    const void *input = cnn_runner_input(look->program.runner, step->input, 0);
    *type = *type_of(look, step->input);
    int64_t n = take_batch(type);
    float *numbers = CNN_NEW_ARRAY(look->arena, float, n);
    if (type->rank != 3 || (type->dtype != CNN_F32 && type->dtype != CNN_U8))
        return NULL;
    for (int64_t i = 0; i < n; i++)
        numbers[i] = type->dtype == CNN_F32 ? ((const float *)input)[at * n + i]
                                            : (float)((const uint8_t *)input)[at * n + i];
    type->dtype = CNN_F32;
    return numbers;
}

static cnn_status show_sample(cnn_looker *look, uint32_t at)
{
    long long number = (long long)look->request->samples[at];
    sample_view s = { .at = at, .name = cnn_arena_printf(look->arena, "sample-%lld", number) };
    s.section = cnn_arena_printf(look->arena, "Sample %lld of the %s split", number,
                                 split_names[look->split]);
    s.image = image_of(look, at, &s.type);
    bool picture_like = s.type.rank == 3 && (s.type.dim[0] == 1 || s.type.dim[0] == 3);
    cnn_picture input =
        picture_of(look, &s, picture_like ? CNN_PICTURE_IMAGE : CNN_PICTURE_MAPS, "input");
    input.type = s.type;
    input.numbers = s.image;
    if (look->predicted != NULL)
        input.note =
            cnn_arena_printf(look->arena, "predicted: %s", class_name(look, look->predicted[at]));
    if (look->predicted != NULL && look->labels != NULL)
        input.note = cnn_arena_printf(look->arena, "%s, truth: %s", input.note,
                                      class_name(look, look->labels[at]));
    cnn_status status = s.image != NULL ? show(look, &input) : CNN_OK;
    s.image = picture_like ? s.image : NULL;
    if (status == CNN_OK)
        status = show_cam(look, &s);
    for (uint32_t i = 0; i < look->n_layers && status == CNN_OK; i++)
        status = show_maps(look, &s, i);
    return status;
}

cnn_status cnn_look_show(cnn_looker *look)
{
    const cnn_step *step = look->program.step;
    cnn_status status = CNN_OK;
    look->numbers = CNN_NEW_ARRAY(look->arena, float *, step->n_extras);
    for (uint32_t i = 0; i < step->n_extras && status == CNN_OK; i++)
        status = read_output(look, step->extras[i], &look->numbers[i]);
    for (uint32_t i = 0; i < look->n_layers && status == CNN_OK; i++)
        status = show_filters(look, look->layers[i]);
    for (uint32_t i = 0; i < look->request->n_samples && status == CNN_OK; i++)
        status = show_sample(look, i);
    return status;
}
