/* The one symbol of a plugin: constant data that says everything before any of its code runs.
 *
 *     static const cnn_layer layers[] = { { ... } };
 *     CNN_PLUGIN(.name = "swish", .version = "1.0.0", .license = "MIT", .layers =
 * CNN_TABLE(layers));
 */
#ifndef CNNRUN_PLUGIN_H
#define CNNRUN_PLUGIN_H

#include "backend.h"
#include "data.h"
#include "layer.h"
#include "observer.h"
#include "optimizer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Until 1.0 the major is 0 and the minor must match exactly. */
#define CNN_ABI_MAJOR 0
#define CNN_ABI_MINOR 1

/* No padding, compared field by field, so that a mismatch can be named. Never changes. */
typedef struct cnn_magic {
    char magic[8]; /* "cnnrun\0\0" */
    uint32_t major;
    uint32_t minor;
    uint32_t pointer_bits;
    uint32_t plugin_size; /* sizeof(cnn_plugin) in the plugin */
} cnn_magic;

typedef struct cnn_plugin {
    cnn_magic magic;
    const char *name; /* snake case; components are also known as "name/component" */
    const char *version;
    const char *license;
    const char *summary; /* one line, or NULL */

    /* Optional. init runs once, when the first component is used, on the main thread; a failure
     * makes the plugin unusable with its message. deinit runs at exit, in reverse order. */
    cnn_status (*init)(const cnn_host *, cnn_error *);
    void (*deinit)(void);

    cnn_table layers;     /* of cnn_layer */
    cnn_table ops;        /* of cnn_op */
    cnn_table optimizers; /* of cnn_optimizer */
    cnn_table schedules;  /* of cnn_schedule */
    cnn_table datasets;   /* of cnn_dataset */
    cnn_table transforms; /* of cnn_transform */
    cnn_table backends;   /* of cnn_backend */
    cnn_table observers;  /* of cnn_observer */
} cnn_plugin;

#if defined(__GNUC__)
#define CNN_EXPORT __attribute__((visibility("default")))
#else
#define CNN_EXPORT
#endif

#ifdef __cplusplus
#define CNN_EXTERN extern "C"
#else
#define CNN_EXTERN extern
#endif

#define CNN_MAGIC                                                             \
    {                                                                         \
        { 'c', 'n', 'n', 'r', 'u', 'n', 0, 0 }, CNN_ABI_MAJOR, CNN_ABI_MINOR, \
            (uint32_t)(sizeof(void *) * 8), (uint32_t)sizeof(cnn_plugin)      \
    }

#define CNN_PLUGIN(...)                                   \
    CNN_EXTERN CNN_EXPORT const cnn_plugin cnnrun_plugin; \
    const cnn_plugin cnnrun_plugin = { .magic = CNN_MAGIC, __VA_ARGS__ }

/* First members of a component:
 *     { .c = CNN_COMPONENT(cnn_layer, "swish", sizeof(swish_params), params), ... } */
#define CNN_COMPONENT(struct_type, component_name, parameters_size, table, one_line, yaml)  \
    {                                                                                       \
        .size = sizeof(struct_type), .params_size = (uint32_t)(parameters_size),            \
        .name = (component_name), .summary = (one_line), .example = (yaml), .params = table \
    }

/* For components without parameters. */
#define CNN_NO_PARAMS \
    {                 \
        NULL, 0, 0    \
    }

#ifdef __cplusplus
}
#endif
#endif
