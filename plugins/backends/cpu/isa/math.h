#ifndef CPU_MATH_H
#define CPU_MATH_H
#include "vector.h"
#include <math.h>
ALWAYS vf vexp(vf x)
{
    for (int i = 0; i < LANES; i++)
        x[i] = expf(x[i]);
    return x;
}
ALWAYS vf vlog(vf x)
{
    for (int i = 0; i < LANES; i++)
        x[i] = logf(x[i]);
    return x;
}
#endif
