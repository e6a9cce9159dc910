/* Expressions of maps as GLSL, for the line //$code of a shader: of map.comp, or of a kernel whose
 * result the expression changes before it is stored. The code defines
 *
 * - EPILOGUE(v, i): element i (of this dispatch's part) of the result; v: what the kernel computed;
 * - EPILOGUE_PUSH: members for the end of the block of push constants, which has no name;
 * - EPILOGUE_BEGIN: a statement before every EPILOGUE of a function, which reads the operands that
 *   are one number for all elements; of use to shaders that have it (`begins`).
 *
 * Without code the shader defines the first as (v) and the others as nothing. It includes
 * common.glsl and math.glsl. Operands are bound from `first_binding` on.
 *
 * The text depends on the expression, on which operand is overwritten in place, and on how operands
 * are broadcast, never on sizes. Axes of size 1 count for nothing, neighbouring axes that each
 * operand has or lacks together are one; of the axes that are left, a boundary k has q_k = i /
 * (elements behind it), and the place of an element in an operand is a sum of q_k with factors.
 * Divisors and factors are push constants. */
#ifndef VULKAN_GLSL_H
#define VULKAN_GLSL_H

#include <cnnrun/ops.h>

#include "plan.h"

enum { VK_MOST_INPUTS = 64 };

/* An expression and what it reads. */
typedef struct vk_expression {
    cnn_expr expr;
    uint32_t n_in;
    int32_t in[VK_MOST_INPUTS]; /* equal numbers: the same memory */
    cnn_type types[VK_MOST_INPUTS];
    cnn_type out;
    int32_t result;  /* number of the input that is v, of the shape of `out`; -1: none */
    bool begins;     /* the shader has EPILOGUE_BEGIN */
    int32_t written; /* the memory of what is stored; may be an `in` of the shape of `out`, or -1 */
} vk_expression;

/* The operands that remain: each is read by the expression, and none is another's double. */
typedef struct vk_glsl {
    char *text; /* free() */
    uint32_t n_bindings;
    uint32_t input[VK_MOST_BINDINGS]; /* number of the operand's input */
    bool follows[VK_MOST_BINDINGS];   /* of the shape of the result: a part of it needs a part */
    bool places;                      /* there are divisors or factors, and `first` before them */
    uint32_t n_divisors, n_factors;
    uint32_t divisors[CNN_MAX_RANK];
    uint32_t factors[VK_MOST_PUSH];
} vk_glsl;

/* CNN_UNSUPPORTED: more operands or push constants than any device need have. */
cnn_status vk_glsl_make(const vk_expression *, uint32_t first_binding, vk_glsl *out, cnn_error *);

/* The expression of a map and its operands. With the roots of a plan (plan.h), values that share a
 * place are the same memory. */
cnn_status vk_read_map(const cnn_program *, const cnn_node *, const int32_t *root, vk_expression *,
                       cnn_error *);

/* Words of EPILOGUE_PUSH. */
uint32_t vk_glsl_words(const vk_glsl *);

/* Pushes them, after the kernel's own; `first` is the element of the result that the part begins
 * with: operands that follow are bound from there, the others whole. */
void vk_glsl_push(vk_step *, const vk_glsl *, uint64_t first);

#endif
