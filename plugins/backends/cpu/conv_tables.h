/* What a convolution's step is made of once views are known. */
#ifndef CPU_CONV_TABLES_H
#define CPU_CONV_TABLES_H

#include "conv_plan.h"

typedef struct cpu_conv_spec {
    bool gradient; /* with respect to the input */
    cpu_extent y, x;
    cpu_packing pack;
    cpu_conv_params params;
} cpu_conv_spec;

/* Fills in the parameters of a step whose spec is a cpu_conv_spec. */
cnn_status cpu_finish_conv(cpu_plan *, cpu_step *, cnn_error *);

#endif
