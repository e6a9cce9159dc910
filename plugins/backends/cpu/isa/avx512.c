/* AVX-512 F, VL, BW and DQ: x86-64-v4. */
#define CPU_NAME "avx512"
#define CPU_TABLE cpu_kernels_avx512
#define CPU_LANES 16
#define CPU_REGISTERS 32
#include "table.h"
