/* AVX2 with FMA: x86-64-v3. */
#define CPU_NAME "avx2"
#define CPU_TABLE cpu_kernels_avx2
#define CPU_LANES 8
#define CPU_REGISTERS 16
#include "table.h"
