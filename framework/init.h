/* Initial weights: torch.nn.init's formulas over Philox numbers keyed by (seed, INIT, hash of the
 * name, element). */
#ifndef CNNRUN_INIT_H
#define CNNRUN_INIT_H

#include <cnnrun/builder.h>

#include "base/diag.h"
#include "doc.h"

/* Fills `out` (cnn_count(type) floats). */
void cnn_init_fill(const cnn_init *init, const cnn_type *type, const char *name, uint64_t seed,
                   float *out);

/* Reads an `init:` entry of a pipeline: a name ("kaiming_normal"), a name with options ({normal:
 * {mean: 0, std: 0.01}}), a number, or nested lists of numbers whose count fits `type` (then *data
 * is set). false after errors in diags. */
bool cnn_init_read(const cnn_doc *doc, const cnn_type *type, cnn_arena *arena, cnn_diags *diags,
                   cnn_init *init, const float **data);

/* FNV-1a, 32 bits: the `step` of a weight's stream. */
uint32_t cnn_hash_text(const char *text);

#endif
