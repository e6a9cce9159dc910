/* Plain x86-64 (SSE2: a product needs a register of its own), and NEON, whose registers are 32. */
#define CPU_NAME "baseline"
#define CPU_TABLE cpu_kernels_baseline
#define CPU_LANES 4
#if defined(__aarch64__)
#define CPU_REGISTERS 32
#else
#define CPU_REGISTERS 15
#endif
#include "table.h"
