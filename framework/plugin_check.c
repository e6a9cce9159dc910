/* What a plugin must have, as a table: for each kind the size of its struct and the functions that
 * may not be missing. */
#include "plugin_check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "params.h"
#include "registry.h"

#define MAX_COMPONENTS 4096u /* of one kind in one plugin: more is garbage */
#define MAX_NAME 63u

typedef struct required {
    const char *name;
    size_t offset;
} required;

#define NEEDS(type, field)                  \
    {                                       \
#field, offsetof(cnn_##type, field) \
    }

static const required layer_functions[] = { NEEDS(layer, build), { NULL, 0 } };
static const required op_functions[] = { NEEDS(op, infer), { NULL, 0 } };
static const required optimizer_functions[] = { NEEDS(optimizer, update), { NULL, 0 } };
static const required schedule_functions[] = { NEEDS(schedule, lr), { NULL, 0 } };
static const required dataset_functions[] = { NEEDS(dataset, open),
                                              NEEDS(dataset, close),
                                              NEEDS(dataset, describe),
                                              NEEDS(dataset, read),
                                              { NULL, 0 } };
static const required transform_functions[] = { NEEDS(transform, infer),
                                                NEEDS(transform, apply),
                                                { NULL, 0 } };
static const required backend_functions[] = {
    NEEDS(backend, devices),      NEEDS(backend, open),
    NEEDS(backend, close),        NEEDS(backend, supports),
    NEEDS(backend, compile),      NEEDS(backend, release),
    NEEDS(backend, alloc),        NEEDS(backend, free),
    NEEDS(backend, host_pointer), NEEDS(backend, write),
    NEEDS(backend, read),         NEEDS(backend, run),
    NEEDS(backend, wait),         { NULL, 0 }
};
static const required observer_functions[] = {
    NEEDS(observer, open), NEEDS(observer, close), NEEDS(observer, on_event), { NULL, 0 }
};

static cnn_status check_layer(const char *owner, const void *component, cnn_error *err);
static cnn_status check_op(const char *owner, const void *component, cnn_error *err);
static cnn_status check_optimizer(const char *owner, const void *component, cnn_error *err);

static const struct {
    size_t size; /* least: members that came later may be missing */
    const required *functions;
    cnn_status (*check)(const char *owner, const void *component, cnn_error *err); /* or NULL */
} rules[CNN_KIND_COUNT] = {
    [CNN_KIND_LAYER] = { sizeof(cnn_layer), layer_functions, check_layer },
    [CNN_KIND_OP] = { sizeof(cnn_op), op_functions, check_op },
    [CNN_KIND_OPTIMIZER] = { sizeof(cnn_optimizer), optimizer_functions, check_optimizer },
    [CNN_KIND_SCHEDULE] = { sizeof(cnn_schedule), schedule_functions, NULL },
    [CNN_KIND_DATASET] = { offsetof(cnn_dataset, view), dataset_functions, NULL },
    [CNN_KIND_TRANSFORM] = { offsetof(cnn_transform, flags), transform_functions, NULL },
    [CNN_KIND_BACKEND] = { sizeof(cnn_backend), backend_functions, NULL },
    [CNN_KIND_OBSERVER] = { offsetof(cnn_observer, wants), observer_functions, NULL },
};

cnn_status cnn_plugin_check_magic(const cnn_plugin *plugin, cnn_error *err)
{
    const cnn_magic *m = &plugin->magic, want = CNN_MAGIC;
    cnn_status status = CNN_OK;
    if (memcmp(m->magic, want.magic, sizeof want.magic) != 0)
        status = cnn_fail(err, CNN_INVALID,
                          "its symbol cnnrun_plugin does not begin with the magic word \"cnnrun\"");
    else if (m->major != want.major || m->minor != want.minor)
        status = cnn_fail(err, CNN_INVALID, "built for cnnrun ABI %u.%u, this is %u.%u", m->major,
                          m->minor, want.major, want.minor);
    else if (m->pointer_bits != want.pointer_bits)
        status = cnn_fail(err, CNN_INVALID, "built for pointers of %u bits, this host has %u",
                          m->pointer_bits, want.pointer_bits);
    else if (m->plugin_size < want.plugin_size)
        status = cnn_fail(err, CNN_INVALID,
                          "its plugin table is cut off: %u bytes, but cnnrun ABI %u.%u has %u",
                          m->plugin_size, want.major, want.minor, want.plugin_size);
    if (status != CNN_OK)
        cnn_hint(err, "rebuild it against this cnnrun's headers; CNN_PLUGIN() fills that part");
    return status;
}

bool cnn_is_component_name(const char *name)
{
    if (name == NULL || name[0] < 'a' || name[0] > 'z')
        return false;
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return name[n] == '\0' && n <= MAX_NAME;
}

/* Function pointers of any type: POSIX gives them one size and NULL is all zero. */
static bool is_null(const void *component, size_t offset)
{
    void (*function)(void);
    memcpy(&function, (const char *)component + offset, sizeof function);
    return function == NULL;
}

static cnn_status check_layer(const char *owner, const void *component, cnn_error *err)
{
    const cnn_layer *layer = component;
    if (layer->role > CNN_ROLE_METRIC)
        return cnn_fail(err, CNN_INVALID, "%s: unknown role %u", owner, layer->role);
    if (layer->metric > CNN_METRIC_ERROR)
        return cnn_fail(err, CNN_INVALID, "%s: unknown kind of metric %u", owner, layer->metric);
    return CNN_OK;
}

static cnn_status check_kernel(const char *owner, uint32_t i, const cnn_kernel *k, cnn_error *err)
{
    if (k->size < sizeof *k || k->target == NULL)
        return cnn_fail(err, CNN_INVALID, "%s: kernel %u has no size or target", owner, i);
    if (strcmp(k->target, "spirv") != 0)
        return k->run != NULL
                   ? CNN_OK
                   : cnn_fail(err, CNN_INVALID, "%s: kernel %u for \"%s\" has no function", owner,
                              i, k->target);
    if (k->code == NULL || k->code_bytes == 0 || k->code_bytes % 4 != 0 || k->dispatch == NULL)
        return cnn_fail(err, CNN_INVALID,
                        "%s: kernel %u for \"spirv\" needs code of whole words and dispatch", owner,
                        i);
    return CNN_OK;
}

static cnn_status check_kernels(const char *owner, const cnn_table *kernels, cnn_error *err)
{
    bool host = false;
    if (kernels->count > 0 && (kernels->items == NULL || kernels->stride < sizeof(cnn_kernel) ||
                               kernels->count > MAX_COMPONENTS))
        return cnn_fail(err, CNN_INVALID, "%s: its table of kernels is broken", owner);
    for (uint32_t i = 0; i < kernels->count; i++) {
        const cnn_kernel *k = cnn_table_at(kernels, i);
        cnn_status status = check_kernel(owner, i, k, err);
        if (status != CNN_OK)
            return status;
        host = host || strcmp(k->target, "host") == 0;
    }
    if (host)
        return CNN_OK;
    (void)cnn_fail(err, CNN_INVALID, "%s: no kernel for the target \"host\"", owner);
    cnn_hint(err, "every op needs one: it is what runs where a backend has nothing better");
    return CNN_INVALID;
}

static cnn_status check_op(const char *owner, const void *component, cnn_error *err)
{
    const cnn_op *op = component;
    if (op->min_in > op->max_in)
        return cnn_fail(err, CNN_INVALID, "%s: takes at least %u inputs but at most %u", owner,
                        op->min_in, op->max_in);
    return check_kernels(owner, &op->kernels, err);
}

static cnn_status check_optimizer(const char *owner, const void *component, cnn_error *err)
{
    const cnn_optimizer *optimizer = component;
    if (optimizer->n_scalars < 1 || optimizer->n_scalars > CNN_MAX_SCALARS)
        return cnn_fail(err, CNN_INVALID, "%s: n_scalars is %u, but must be from 1 to %d", owner,
                        optimizer->n_scalars, CNN_MAX_SCALARS);
    if (optimizer->n_scalars > 1 && optimizer->scalars == NULL)
        return cnn_fail(err, CNN_INVALID, "%s: %u scalars, but no function 'scalars'", owner,
                        optimizer->n_scalars);
    for (uint32_t i = 0; i < optimizer->c.params.count; i++) {
        const cnn_param *p = cnn_table_at(&optimizer->c.params, i);
        if (strcmp(p->name, "lr") == 0 && p->type == CNN_PARAM_FLOAT)
            return CNN_OK;
    }
    return cnn_fail(err, CNN_INVALID, "%s: no parameter 'lr' of type FLOAT", owner);
}

static cnn_status check_params(const char *owner, const cnn_component *c, cnn_error *err)
{
    const cnn_table *t = &c->params;
    if (t->count == 0)
        return CNN_OK;
    if (t->items == NULL || t->count > MAX_COMPONENTS || t->stride < sizeof(cnn_param))
        return cnn_fail(err, CNN_INVALID, "%s: its parameter table is broken or cut off", owner);
    for (uint32_t i = 0; i < t->count; i++) {
        const cnn_param *p = cnn_table_at(t, i);
        if (p->size < sizeof *p || p->size > t->stride)
            return cnn_fail(err, CNN_INVALID,
                            "%s: parameter %u has size %u, but %zu or more is needed", owner, i,
                            p->size, sizeof *p);
    }
    return cnn_params_validate(owner, t, c->params_size, err);
}

static cnn_status check_component(cnn_kind kind, const cnn_component *c, uint32_t stride,
                                  cnn_error *err)
{
    char owner[96];
    if (!cnn_is_component_name(c->name)) {
        (void)cnn_fail(err, CNN_INVALID, "a component of kind %s has the name '%.100s'",
                       cnn_kind_name(kind), c->name != NULL ? c->name : "(none)");
        cnn_hint(err, "names are a-z, 0-9 and _, begin with a letter, have at most %u characters",
                 MAX_NAME);
        return CNN_INVALID;
    }
    (void)snprintf(owner, sizeof owner, "%s '%s'", cnn_kind_name(kind), c->name);
    if (c->size < rules[kind].size || c->size > stride) {
        (void)cnn_fail(err, CNN_INVALID, "%s: its struct is cut off: %u bytes, but %zu are needed",
                       owner, c->size, rules[kind].size);
        cnn_hint(err, "rebuild it against this cnnrun's headers");
        return CNN_INVALID;
    }
    if (c->summary == NULL)
        return cnn_fail(err, CNN_INVALID, "%s: no summary", owner);
    for (const required *r = rules[kind].functions; r->name != NULL; r++)
        if (is_null(c, r->offset))
            return cnn_fail(err, CNN_INVALID, "%s: no function '%s'", owner, r->name);
    cnn_status status = check_params(owner, c, err);
    if (status == CNN_OK && rules[kind].check != NULL)
        status = rules[kind].check(owner, c, err);
    return status;
}

static cnn_status check_table(cnn_kind kind, const cnn_table *table, cnn_error *err)
{
    if (table->count == 0)
        return CNN_OK;
    if (table->items == NULL || table->count > MAX_COMPONENTS)
        return cnn_fail(err, CNN_INVALID, "its table of %ss is broken", cnn_kind_name(kind));
    if (table->stride < rules[kind].size) {
        (void)cnn_fail(err, CNN_INVALID,
                       "its table of %ss is cut off: %u bytes each, but %zu are needed",
                       cnn_kind_name(kind), table->stride, rules[kind].size);
        cnn_hint(err, "rebuild it against this cnnrun's headers");
        return CNN_INVALID;
    }
    for (uint32_t i = 0; i < table->count; i++) {
        const cnn_component *c = cnn_table_at(table, i);
        cnn_status status = check_component(kind, c, table->stride, err);
        if (status != CNN_OK)
            return status;
        for (uint32_t k = 0; k < i; k++)
            if (strcmp(c->name, ((const cnn_component *)cnn_table_at(table, k))->name) == 0)
                return cnn_fail(err, CNN_INVALID, "the %s '%s' stands in its table twice",
                                cnn_kind_name(kind), c->name);
    }
    return CNN_OK;
}

cnn_status cnn_plugin_check(const cnn_plugin *plugin, cnn_error *err)
{
    cnn_status status = cnn_plugin_check_magic(plugin, err);
    if (status != CNN_OK)
        return status;
    if (!cnn_is_component_name(plugin->name))
        return cnn_fail(err, CNN_INVALID,
                        "the plugin has the name '%.100s', but a-z, 0-9 and _ "
                        "are wanted",
                        plugin->name != NULL ? plugin->name : "(none)");
    if (plugin->version == NULL || plugin->license == NULL)
        return cnn_fail(err, CNN_INVALID, "the plugin '%s' must state its version and license",
                        plugin->name);
    uint64_t components = 0;
    for (cnn_kind kind = 0; kind < CNN_KIND_COUNT; kind++) {
        const cnn_table *table = cnn_plugin_table(plugin, kind);
        status = check_table(kind, table, err);
        if (status != CNN_OK)
            return status;
        components += table->count;
    }
    if (components == 0)
        return cnn_fail(err, CNN_INVALID, "the plugin '%s' has no components", plugin->name);
    return CNN_OK;
}
