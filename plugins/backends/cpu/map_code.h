/* Expressions of maps as instructions for the map kernel. */
#ifndef CPU_MAP_CODE_H
#define CPU_MAP_CODE_H

#include "kernels.h"

/* Instructions and constants of an expression of n_in inputs; both are malloc'ed and the
 * caller's. Not a number, infinities and the signs of zeros come out as expr.h has it. False: it
 * needs more than CPU_MAP_REGISTERS, or there is no memory. */
bool cpu_map_compile(const cnn_expr *expr, uint32_t n_in, cpu_map_code **code, uint32_t *n_code,
                     float **constants, uint32_t *n_constants);

#endif
