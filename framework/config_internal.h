/* What the files of `config` share. */
#ifndef CNNRUN_CONFIG_INTERNAL_H
#define CNNRUN_CONFIG_INTERNAL_H

#include "config.h"

typedef struct cnn_config_reader {
    cnn_config *config;
    cnn_registry *registry;
    cnn_arena *arena;
    cnn_diags *diags;
    const cnn_source *file; /* the pipeline itself, not what it includes */

    /* Names of layers that `from:` may use at this point of the model. */
    const cnn_doc **names;
    uint32_t n_names;
    const cnn_block *inside; /* the block whose body is being read, or NULL */
} cnn_config_reader;

/* A component with its options: "name", {name: value} or {name: {options}}; also[] are keys that
 * stand beside options. false after errors. (config_pick.c) */
bool cnn_config_pick(cnn_config_reader *reader, cnn_kind kind, const cnn_doc *doc, cnn_use *use);
bool cnn_config_pick_named(cnn_config_reader *reader, cnn_kind kind, const cnn_doc *name,
                           const cnn_doc *options, const char *const *also, cnn_use *use);
/* One or a list of them. */
void cnn_config_pick_all(cnn_config_reader *reader, cnn_kind kind, const cnn_doc *doc,
                         cnn_uses *uses);
/* Losses and metrics are layers with a role. */
bool cnn_config_check_role(cnn_config_reader *reader, const cnn_use *use, uint32_t role,
                           const char *section);

/* Finds a component; an error of the registry becomes a diagnostic at the place. */
const cnn_component *cnn_config_find(cnn_config_reader *reader, cnn_kind kind, const cnn_doc *name);

/* data, blocks and model. */
void cnn_config_read_data(cnn_config_reader *reader, const cnn_doc *doc);
void cnn_config_read_blocks(cnn_config_reader *reader, const cnn_doc *doc);
void cnn_config_read_items(cnn_config_reader *reader, const cnn_doc *list, cnn_items *items);
void cnn_config_check_blocks(cnn_config_reader *reader);

/* Values beside the sections. */
typedef struct cnn_config_top {
    int64_t cnnrun; /* version of the format */
    const char *name, *backend;
    int32_t fallback; /* 1: forbid */
} cnn_config_top;

/* The parameter table of top (cnn_config_top), train, test, output, checkpoint, data or expect. */
const cnn_table *cnn_config_table(const char *section);
const cnn_table *cnn_config_data_table(void);

#endif
