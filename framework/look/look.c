/* From a request to pictures: the observer is found, the program built and run, the numbers shown.
 */
#include "look/look_internal.h"

static cnn_status open_observer(cnn_looker *look)
{
    cnn_run *run = look->run;
    const cnn_component *component;
    cnn_watcher *w = CNN_NEW(look->arena, cnn_watcher);
    cnn_status status =
        cnn_registry_find(run->registry, CNN_KIND_OBSERVER, "gallery", &component, look->err);
    if (status != CNN_OK)
        return status;
    w->observer = (const cnn_observer *)(const void *)component;
    if (!CNN_HAS(cnn_observer, w->observer, on_picture) || w->observer->on_picture == NULL)
        return cnn_fail(look->err, CNN_UNSUPPORTED, "the observer 'gallery' takes no pictures");
    status = w->observer->open(run->registry->host, NULL, look->request->dir, &w->state, look->err);
    run->watchers = w;
    run->n_watchers = status == CNN_OK ? 1 : 0;
    return status;
}

static cnn_status tell(cnn_looker *look, uint32_t kind, const char *path)
{
    cnn_event event = { .path = path };
    return cnn_run_tell(look->run, &event, kind, look->err);
}

static cnn_status look_at(cnn_looker *look)
{
    const char *weights = look->request->weights;
    char file[4200] = "";
    cnn_status status = CNN_OK;
    if (weights != NULL)
        status = cnn_weights_find(weights, file, sizeof file, look->err);
    if (status == CNN_OK)
        status = cnn_look_build(look);
    if (status == CNN_OK && weights != NULL)
        status = cnn_run_load(look->run, weights, look->err);
    if (status == CNN_OK)
        status = cnn_look_run(look);
    if (status == CNN_OK)
        status = open_observer(look);
    if (status == CNN_OK)
        status = tell(look, CNN_EVENT_RUN_BEGIN, weights != NULL ? file : NULL);
    if (status == CNN_OK)
        status = cnn_look_show(look);
    return status == CNN_OK ? tell(look, CNN_EVENT_RUN_END, look->request->dir) : status;
}

cnn_status cnn_look(const cnn_config *config, cnn_registry *registry,
                    const cnn_look_request *request, cnn_arena *arena, cnn_diags *diags,
                    uint32_t *count, cnn_error *err)
{
    cnn_looker look = { .request = request, .arena = arena, .diags = diags, .err = err };
    cnn_status status = cnn_run_open(config, registry, 0, arena, diags, &look.run, err);
    if (status == CNN_OK) {
        look.split =
            request->split < CNN_SPLIT_COUNT ? request->split : cnn_run_test_split(look.run);
        status = look_at(&look);
    }
    cnn_run_close(look.run);
    *count = look.n_shown;
    return status;
}
