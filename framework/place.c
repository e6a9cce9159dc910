/* Opens backends, gives every node to one, and cuts the program where the backend changes. */
#include "place.h"

#include <stddef.h>
#include <string.h>

/* ---- opening ---- */

static cnn_status find_backend(cnn_registry *registry, const char *name,
                               const cnn_backend **backend, const char **which, cnn_error *err)
{
    const cnn_component *component;
    const char *colon = strchr(name, ':');
    *which = colon != NULL ? colon + 1 : "";
    if (colon != NULL)
        name = cnn_arena_printf(registry->arena, "%.*s", (int)(colon - name), name);
    cnn_status status = cnn_registry_find(registry, CNN_KIND_BACKEND, name, &component, err);
    if (status == CNN_OK)
        *backend = (const cnn_backend *)(const void *)component;
    return status;
}

/* Drivers take time and memory: who has no device for `auto` is not asked for the others. */
static bool is_worth_asking(const cnn_backend *backend, const cnn_host *host)
{
    const size_t end = offsetof(cnn_backend, may_be_automatic) + sizeof backend->may_be_automatic;
    return backend->c.size < end || backend->may_be_automatic == NULL ||
           backend->may_be_automatic(host);
}

/* Behind all of at least its rank. */
static void insert(cnn_automatic *list, uint32_t *count, const char *name, int32_t rank)
{
    uint32_t at = *count < CNN_MAX_AUTOMATIC ? (*count)++ : CNN_MAX_AUTOMATIC;
    for (; at > 0 && list[at - 1].rank < rank; at--)
        if (at < CNN_MAX_AUTOMATIC)
            list[at] = list[at - 1];
    if (at < CNN_MAX_AUTOMATIC)
        list[at] = (cnn_automatic){ name, rank };
}

static void insert_devices(cnn_registry *registry, const cnn_backend *backend, cnn_automatic *list,
                           uint32_t *count)
{
    enum { MAX_DEVICES = 16 };
    uint32_t n = 0;
    cnn_error ignored;
    cnn_device_info *devices = CNN_NEW_ARRAY(registry->arena, cnn_device_info, MAX_DEVICES);
    if (!is_worth_asking(backend, registry->host) ||
        backend->devices(registry->host, devices, MAX_DEVICES, &n, &ignored) != CNN_OK)
        return;
    for (uint32_t d = 0; d < n && d < MAX_DEVICES; d++) {
        const char *name = backend->c.name;
        if (devices[d].usable == 0 || devices[d].automatic == 0)
            continue;
        if (d > 0)
            name = cnn_arena_printf(registry->arena, "%s:%u", name, d);
        insert(list, count, name, devices[d].rank);
    }
}

uint32_t cnn_list_automatic(cnn_registry *registry, cnn_automatic list[CNN_MAX_AUTOMATIC])
{
    uint32_t count = 0;
    cnn_error ignored;
    for (size_t i = 0; i < registry->n_entries; i++) {
        const cnn_entry *entry = &registry->entries[i];
        const cnn_component *component;
        if (entry->kind == CNN_KIND_BACKEND &&
            cnn_registry_find(registry, CNN_KIND_BACKEND, entry->component->name, &component,
                              &ignored) == CNN_OK)
            insert_devices(registry, (const cnn_backend *)(const void *)component, list, &count);
    }
    return count;
}

cnn_status cnn_stack_add(cnn_registry *registry, const char *name, cnn_stack *stack, cnn_error *err)
{
    const cnn_backend *backend;
    const char *which;
    for (uint32_t i = 0; i < stack->count; i++)
        if (strcmp(stack->items[i].name, name) == 0)
            return CNN_OK;
    if (stack->count == CNN_MAX_BACKENDS)
        return cnn_fail(err, CNN_INVALID, "backend: more than %u backends in one run",
                        stack->count);
    cnn_status status = find_backend(registry, name, &backend, &which, err);
    if (status != CNN_OK)
        return status;
    cnn_opened *opened = &stack->items[stack->count];
    opened->name = cnn_arena_string(registry->arena, name);
    opened->backend = backend;
    status = backend->open(registry->host, which, &opened->device, err);
    if (status != CNN_OK)
        return status;
    stack->count++;
    return backend->stands_on != NULL ? cnn_stack_add(registry, backend->stands_on, stack, err)
                                      : CNN_OK;
}

cnn_status cnn_stack_open(cnn_registry *registry, const char *name, bool forbid_fallback,
                          cnn_stack *stack, cnn_error *err)
{
    memset(stack, 0, sizeof *stack);
    stack->forbid_fallback = forbid_fallback;
    cnn_automatic list[CNN_MAX_AUTOMATIC];
    if (strcmp(name, "auto") == 0)
        name = cnn_list_automatic(registry, list) > 0 ? list[0].name : NULL;
    if (name == NULL) {
        (void)cnn_fail(err, CNN_MISSING, "no backend has a usable device");
        cnn_hint(err, "cnnrun devices says why");
        return CNN_MISSING;
    }
    cnn_status status = cnn_stack_add(registry, name, stack, err);
    if (status != CNN_OK)
        cnn_stack_close(stack);
    return status;
}

void cnn_stack_close(cnn_stack *stack)
{
    for (uint32_t i = stack->count; i > 0; i--)
        stack->items[i - 1].backend->close(stack->items[i - 1].device);
    stack->count = 0;
}

/* ---- one node ---- */

/* The backend that the layer asks for, else the chosen one; count if it was not opened. */
static uint32_t wished(const cnn_stack *stack, const cnn_node *node)
{
    uint32_t i = 0;
    while (node->backend != NULL && i < stack->count &&
           strcmp(stack->items[i].name, node->backend) != 0)
        i++;
    return i;
}

/* The backend that `at` stands on, or count. */
static uint32_t below(const cnn_stack *stack, uint32_t at)
{
    const char *name = stack->items[at].backend->stands_on;
    for (uint32_t i = 0; name != NULL && i < stack->count; i++)
        if (strcmp(stack->items[i].name, name) == 0)
            return i;
    return stack->count;
}

static cnn_status place_node(cnn_placement *placement, const cnn_stack *stack, uint32_t n,
                             cnn_arena *arena, cnn_error *err)
{
    const cnn_program *p = &placement->step->program;
    const cnn_node *node = cnn_node_at(p, n);
    const uint32_t first = wished(stack, node);
    uint32_t at = first;
    if (first >= stack->count)
        return cnn_fail(err, CNN_INTERNAL, "layer '%s': backend '%s' is not open", node->layer,
                        node->backend != NULL ? node->backend : "");
    for (uint32_t tries = 0; at < stack->count && tries < stack->count; tries++) {
        cnn_error why = { "", "" };
        const cnn_opened *opened = &stack->items[at];
        placement->node_backend[n] = at;
        if (opened->backend->supports(opened->device, p, n, &why) == CNN_OK)
            return CNN_OK;
        if (placement->reasons[n] == NULL)
            placement->reasons[n] = cnn_arena_string(arena, why.text);
        if (stack->forbid_fallback)
            break;
        at = below(stack, at);
    }
    (void)cnn_fail(err, CNN_UNSUPPORTED, "layer '%s': backend %s cannot run op '%s': %s",
                   node->layer, stack->items[first].name, node->op->c.name, placement->reasons[n]);
    cnn_hint(err, stack->forbid_fallback ? "fallback: allow lets another backend run it"
                                         : "no backend that it stands on can run it either");
    return CNN_UNSUPPORTED;
}

static void count_fallbacks(cnn_placement *placement)
{
    const cnn_program *p = &placement->step->program;
    double all = 0, fallen = 0;
    for (uint32_t n = 0; n < p->n_nodes; n++) {
        double macs = cnn_node_macs(cnn_node_at(p, n), p->values, p->value_stride);
        all += macs;
        if (placement->reasons[n] != NULL) {
            placement->n_fallbacks++;
            fallen += macs;
        }
    }
    placement->fallback_share = all > 0 ? fallen / all : 0;
}

/* ---- parts ---- */

typedef struct cutter {
    const cnn_program *whole;
    cnn_part *part;
    cnn_value_info *values;
    int32_t *map; /* whole program's value -> part's value */
    cnn_arena *arena;
} cutter;

static bool is_inside(const cnn_part *part, int32_t node)
{
    return node >= (int32_t)part->first_node && node < (int32_t)part->end_node;
}

static void add_value(cutter *c, int32_t v)
{
    cnn_program *p = &c->part->program;
    if (c->map[v] >= 0)
        return;
    cnn_value_info info = *cnn_value_at(c->whole, v);
    bool made_here = is_inside(c->part, info.producer);
    if (info.producer >= 0 && !made_here)
        info.kind = CNN_VALUE_INPUT;
    else if (info.kind == CNN_VALUE_TEMP && info.last_use >= (int32_t)c->part->end_node)
        info.kind = CNN_VALUE_OUTPUT;
    info.producer = made_here ? info.producer - (int32_t)c->part->first_node : -1;
    info.external = -1;
    c->map[v] = (int32_t)p->n_values;
    c->values[p->n_values] = info;
    c->part->values[p->n_values++] = v;
}

static const int32_t *renumber(cutter *c, const int32_t *from, uint32_t n)
{
    int32_t *to = CNN_NEW_ARRAY(c->arena, int32_t, n);
    for (uint32_t i = 0; i < n; i++) {
        add_value(c, from[i]);
        to[i] = c->map[from[i]];
    }
    return to;
}

static void add_nodes(cutter *c)
{
    cnn_part *part = c->part;
    cnn_node *nodes = CNN_NEW_ARRAY(c->arena, cnn_node, part->end_node - part->first_node);
    for (uint32_t n = part->first_node; n < part->end_node; n++) {
        cnn_node *node = &nodes[n - part->first_node];
        *node = *cnn_node_at(c->whole, n);
        node->in = renumber(c, node->in, node->n_in);
        node->out = renumber(c, node->out, node->n_out);
    }
    part->program.nodes = nodes;
    part->program.n_nodes = part->end_node - part->first_node;
}

static void list_externals(cutter *c)
{
    cnn_program *p = &c->part->program;
    int32_t *externals = CNN_NEW_ARRAY(c->arena, int32_t, p->n_values);
    for (uint32_t v = 0; v < p->n_values; v++) {
        uint32_t kind = c->values[v].kind;
        if (kind != CNN_VALUE_INPUT && kind != CNN_VALUE_STATE && kind != CNN_VALUE_OUTPUT)
            continue;
        c->values[v].external = (int32_t)p->n_externals;
        externals[p->n_externals++] = (int32_t)v;
    }
    p->externals = externals;
}

static void cut_part(const cnn_program *whole, cnn_part *part, cnn_arena *arena)
{
    cutter c = { .whole = whole, .part = part, .arena = arena };
    cnn_program *p = &part->program;
    c.values = CNN_NEW_ARRAY(arena, cnn_value_info, whole->n_values);
    c.map = CNN_NEW_ARRAY(arena, int32_t, whole->n_values);
    memset(c.map, -1, whole->n_values * sizeof *c.map);
    part->values = CNN_NEW_ARRAY(arena, int32_t, whole->n_values);
    *p = *whole;
    p->n_values = p->n_externals = 0;
    p->values = c.values;
    add_nodes(&c);
    list_externals(&c);
    p->update_begin = whole->update_begin < part->first_node ? 0
                      : whole->update_begin > part->end_node
                          ? p->n_nodes
                          : whole->update_begin - part->first_node;
    cnn_plan_memory(p, c.values, arena);
}

/* One backend for everything: the whole program as it is. */
static void take_whole(const cnn_program *whole, cnn_part *part, cnn_arena *arena)
{
    part->program = *whole;
    part->values = CNN_NEW_ARRAY(arena, int32_t, whole->n_values);
    for (uint32_t v = 0; v < whole->n_values; v++)
        part->values[v] = (int32_t)v;
}

static void make_parts(cnn_placement *placement, cnn_arena *arena)
{
    const cnn_program *p = &placement->step->program;
    const uint32_t *backend = placement->node_backend;
    placement->parts = CNN_NEW_ARRAY(arena, cnn_part, p->n_nodes + 1);
    for (uint32_t n = 0; n < p->n_nodes; n++) {
        cnn_part *last = &placement->parts[placement->n_parts];
        if (n > 0 && backend[n] == backend[n - 1]) {
            last[-1].end_node = n + 1;
            continue;
        }
        *last = (cnn_part){ .opened = backend[n], .first_node = n, .end_node = n + 1 };
        placement->n_parts++;
    }
    if (placement->n_parts == 1)
        take_whole(p, &placement->parts[0], arena);
    for (uint32_t i = 0; placement->n_parts > 1 && i < placement->n_parts; i++)
        cut_part(p, &placement->parts[i], arena);
}

cnn_status cnn_placement_from(const cnn_step *step, const cnn_stack *stack, cnn_arena *arena,
                              cnn_placement **out, cnn_error *err)
{
    cnn_placement *placement = CNN_NEW(arena, cnn_placement);
    placement->step = step;
    placement->node_backend = CNN_NEW_ARRAY(arena, uint32_t, step->program.n_nodes);
    placement->reasons = CNN_NEW_ARRAY(arena, const char *, step->program.n_nodes);
    for (uint32_t n = 0; n < step->program.n_nodes; n++) {
        cnn_status status = place_node(placement, stack, n, arena, err);
        if (status != CNN_OK)
            return status;
    }
    count_fallbacks(placement);
    make_parts(placement, arena);
    *out = placement;
    return CNN_OK;
}
