/* doc: YAML text -> a tree that knows where everything stands. Includes are merged, overrides
 * applied. The only part that knows libyaml. Everything is a map, a list or text: types come later,
 * from whoever wants the value. */
#ifndef CNNRUN_DOC_H
#define CNNRUN_DOC_H

#include "base/arena.h"
#include "base/diag.h"

typedef enum cnn_doc_kind { CNN_DOC_SCALAR, CNN_DOC_LIST, CNN_DOC_MAP } cnn_doc_kind;

typedef struct cnn_doc cnn_doc;
struct cnn_doc {
    cnn_doc_kind kind;
    cnn_place place;
    const char *text; /* SCALAR; "" for an empty value */
    bool quoted;      /* SCALAR written in quotes: never null, never a $ expression */
    uint32_t count;   /* LIST, MAP */
    cnn_doc **items;  /* LIST: elements; MAP: values */
    cnn_doc **keys;   /* MAP: scalar nodes, all different */
};

/* Reads a pipeline file, follows `include:` (file or list, relative to the including file, depth
 * first; maps merge deeply, lists and scalars replace, later wins), then applies overrides
 * "a.b.0.c=VALUE" in order: dotted path, numbers index lists, a model item is also found by its
 * `name:`, the value is YAML. Also "@file.yaml": merges a file. Returns NULL after an error in
 * diags (syntax, duplicate key, tab, unknown anchor, cycle, missing file, more than 100,000 nodes
 * after aliases). All nodes live in the arena. [main] */
cnn_doc *cnn_doc_read(const char *path, const char *const *overrides, size_t n_overrides,
                      cnn_arena *arena, cnn_diags *diags);

/* Parses one YAML (hence also JSON) text, without includes. The text must live as long as the
 * arena. */
cnn_doc *cnn_doc_parse(const char *name, const char *text, size_t length, cnn_arena *arena,
                       cnn_diags *diags);

/* Value of a key, NULL if absent or map is NULL or no map. */
cnn_doc *cnn_doc_get(const cnn_doc *map, const char *key);
bool cnn_doc_is_null(const cnn_doc *doc); /* NULL, or unquoted "", ~ or null */

/* Canonical YAML (block style, two spaces), each line followed by "# file:line" if `origins`. */
void cnn_doc_print(const cnn_doc *doc, bool origins, FILE *out);

#endif
