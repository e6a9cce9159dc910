/* Formulas: `$name` and `$(4*growth)` in a pipeline. Whole values only; integers, floats, booleans;
 * + - * / % ( ) == != < <= > >= and or not. `/` of two integers that does not come out even is an
 * error. */
#ifndef CNNRUN_FORMULA_H
#define CNNRUN_FORMULA_H

#include "doc.h"

typedef enum cnn_number_kind {
    CNN_NUMBER_BOOL,
    CNN_NUMBER_INT,
    CNN_NUMBER_FLOAT,
    CNN_NUMBER_TEXT
} cnn_number_kind;

typedef struct cnn_number_value {
    cnn_number_kind kind;
    int64_t i; /* BOOL, INT */
    double f;
    const char *text; /* TEXT: a block parameter that is a word */
} cnn_number_value;

/* Names that a formula may use: block parameters, in.channels, in.height, in.width, in.features,
 * classes. */
typedef struct cnn_scope cnn_scope;
struct cnn_scope {
    const cnn_scope *outer;
    uint32_t count;
    const char *const *names;
    const cnn_number_value *values;
};

/* Is this scalar a formula ($ at its start, not quoted)? */
bool cnn_is_formula(const cnn_doc *doc);

/* Evaluates it; false after an error in diags (unknown name with did-you-mean, syntax with a caret
 * at the spot, division by zero, overflow). A scope of NULL means that formulas are not allowed
 * here. */
bool cnn_formula_eval(const cnn_doc *doc, const cnn_scope *scope, cnn_diags *diags,
                      cnn_number_value *value);

/* A new tree with every formula replaced by its value as text; places stay. NULL after an error. */
cnn_doc *cnn_formula_substitute(const cnn_doc *doc, const cnn_scope *scope, cnn_arena *arena,
                                cnn_diags *diags);

#endif
