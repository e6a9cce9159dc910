/* What the files of doc share: making and changing trees. */
#ifndef CNNRUN_DOC_INTERNAL_H
#define CNNRUN_DOC_INTERNAL_H

#include "doc.h"

#define CNN_DOC_MAX_NODES 100000u
#define CNN_DOC_MAX_DEPTH 100u
#define CNN_DOC_MAX_BYTES (16u << 20) /* of one file */

/* Parses source->text from byte `skip` on (the path of an override stands before it). *nodes counts
 * towards CNN_DOC_MAX_NODES, over all files of one pipeline. NULL after an error in diags. */
cnn_doc *cnn_doc_parse_source(const cnn_source *source, size_t skip, uint32_t *nodes,
                              cnn_arena *arena, cnn_diags *diags);

/* Reads a file and everything it includes. `where` is who asks for it, for the message of a file
 * that is not there; `stack` is the chain of files being read, NULL at its start. */
typedef struct cnn_doc_file cnn_doc_file;
cnn_doc *cnn_doc_read_file(const char *path, cnn_place where, const cnn_doc_file *stack,
                           uint32_t *nodes, cnn_arena *arena, cnn_diags *diags);

/* Applies one "PATH=VALUE" to a tree whose root is a map; false after an error in diags. */
bool cnn_doc_override(cnn_doc *root, const cnn_source *source, uint32_t *nodes, cnn_arena *arena,
                      cnn_diags *diags);

cnn_doc *cnn_doc_new(cnn_doc_kind kind, cnn_place place, const char *text, cnn_arena *arena);
/* Adds an element; `key` is NULL for lists. */
void cnn_doc_append(cnn_doc *doc, cnn_doc *key, cnn_doc *value, cnn_arena *arena);
/* Index of a key in a map, or -1. */
int64_t cnn_doc_find(const cnn_doc *map, const char *key);
/* An error for each key that stands there a second time. */
void cnn_doc_check_keys(const cnn_doc *map, cnn_arena *arena, cnn_diags *diags);
/* Moves everything in `over` into the map `base`: maps merge, anything else replaces. */
void cnn_doc_merge(cnn_doc *base, const cnn_doc *over, cnn_arena *arena);

/* A friendlier text for libyaml's, and a hint or NULL. */
const char *cnn_doc_explain(const char *problem, const char **hint);
/* The same for what the problem lies in, or NULL; *unclosed is what to say at its start when the
 * text ends before it does, or NULL. */
const char *cnn_doc_explain_context(const char *context, const char **unclosed);

/* Can this text stand without quotes, on one line, and be read back unchanged? */
bool cnn_doc_is_plain(const char *text);

#endif
