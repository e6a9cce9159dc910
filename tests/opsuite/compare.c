/* When two results are equal.
 *
 * Both backends compute in float32, in another order and with other contractions. A sum of n terms
 * then differs by about c sqrt(n) 6e-8 of the sum of magnitudes; a program here has up to ten ops
 * of up to some ten thousand terms. Tolerated are 2e-5 of the largest magnitude of the value. What
 * cancels to nothing (the gradient of a bias before a batch norm) keeps the rounding of its terms:
 * these are of size 1, which gives 2e-5, and up to about 5 where some thousands of them are summed
 * over the batch, 3 sqrt(5000) 6e-8 x 5 < 8e-5. A scalar is the sum of all: its terms may be as
 * large as the largest result of the program. NaN and infinities are to be where they are in the
 * reference's; integers are to be equal. No backend has bounds of its own. */
#include "opsuite.h"

#include <math.h>
#include <stdio.h>

static const double tolerance = 2e-5;

static double number_at(const void *data, uint32_t dtype, int64_t i)
{
    switch (dtype) {
    case CNN_F32:
        return (double)((const float *)data)[i];
    case CNN_I32:
        return (double)((const int32_t *)data)[i];
    default:
        return (double)((const uint8_t *)data)[i];
    }
}

double largest_of(const cnn_type *type, const void *data)
{
    double largest = 0;
    for (int64_t i = 0; i < cnn_count(type); i++) {
        double x = fabs(number_at(data, type->dtype, i));
        largest = isfinite(x) && x > largest ? x : largest;
    }
    return largest;
}

static bool is_near(double got, double want, double allowed)
{
    if (isnan(got) || isnan(want))
        return isnan(got) && isnan(want);
    return got == want || fabs(got - want) <= allowed;
}

static void place_text(const cnn_type *type, int64_t i, char *out, size_t size)
{
    int64_t at[CNN_MAX_RANK] = { 0 };
    size_t used = 0;
    for (uint32_t axis = type->rank; axis > 0; axis--) {
        at[axis - 1] = i % type->dim[axis - 1];
        i /= type->dim[axis - 1];
    }
    out[0] = '\0';
    for (uint32_t axis = 0; axis < type->rank && used < size; axis++)
        used += (size_t)snprintf(out + used, size - used, "%s%lld", axis == 0 ? "" : ",",
                                 (long long)at[axis]);
}

static double allowed_of(const cnn_type *type, const void *want, bool batched, double largest)
{
    double own = fmax(batched ? 1 : 4, largest_of(type, want));
    if (type->dtype != CNN_F32)
        return 0;
    return tolerance * (type->rank == 0 ? fmax(own, largest) : own);
}

bool compare_value(const char *name, const cnn_type *type, const void *got, const void *want,
                   bool batched, double largest)
{
    const double allowed = allowed_of(type, want, batched, largest);
    int64_t wrong = 0, worst = -1;
    double most = -1;
    for (int64_t i = 0; i < cnn_count(type); i++) {
        double g = number_at(got, type->dtype, i), w = number_at(want, type->dtype, i);
        if (is_near(g, w, allowed))
            continue;
        double error = isnan(g) || isnan(w) ? INFINITY : fabs(g - w);
        wrong++;
        worst = error > most ? i : worst;
        most = error > most ? error : most;
    }
    if (wrong == 0)
        return true;
    char shape[160], place[160];
    cnn_type_text(type, true, shape, sizeof shape);
    place_text(type, worst, place, sizeof place);
    printf("  %s %s: %lld of %lld differ, most at [%s]: %.9g, reference %.9g, allowed %.2g\n", name,
           shape, (long long)wrong, (long long)cnn_count(type), place,
           number_at(got, type->dtype, worst), number_at(want, type->dtype, worst), allowed);
    return false;
}
