/* The backend's own table of kernels for one set of instructions: see CMakeLists.txt. */
#include "variants.h"

#define CPU_NAME CPU_TEST_STRING(CPU_VARIANT)
#define CPU_TABLE CPU_TEST_NAME(kernels, CPU_VARIANT)
#if CPU_LANES == 16
#define CPU_REGISTERS 32
#else
#define CPU_REGISTERS 16
#endif
#include "cpu/isa/table.h"
