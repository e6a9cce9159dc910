/* torch.nn.init in double precision, rounded once. Element e of a normal tensor takes the numbers
 * 2e and 2e + 1 of the weight's stream, of a uniform one the number e, so a value depends on
 * nothing but its place. */
#include "init.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cnnrun/rng.h>

#define SQRT2 1.41421356237309504880
#define TRUNC_LOW (-2.0) /* torch.nn.init.trunc_normal_'s a and b */
#define TRUNC_HIGH 2.0

typedef struct filler {
    const cnn_type *type;
    int64_t count;
    uint64_t seed;
    uint32_t step;
    float *out;
} filler;

uint32_t cnn_hash_text(const char *text)
{
    uint32_t hash = 2166136261u;
    for (const unsigned char *p = (const unsigned char *)text; *p != 0; p++)
        hash = (hash ^ *p) * 16777619u;
    return hash;
}

static double uniform(const filler *f, int64_t element)
{
    return (double)cnn_unit_float(
        cnn_random_bits(f->seed, CNN_RNG_INIT, f->step, (uint64_t)element));
}

static double normal(const filler *f, int64_t element)
{
    cnn_rng rng = cnn_rng_at(f->seed, CNN_RNG_INIT, f->step, 2 * (uint64_t)element);
    return (double)cnn_rng_normal(&rng);
}

static void fill_constant(const filler *f, double value)
{
    for (int64_t i = 0; i < f->count; i++)
        f->out[i] = (float)value;
}

static void fill_uniform(const filler *f, double low, double high)
{
    for (int64_t i = 0; i < f->count; i++)
        f->out[i] = (float)(low + (high - low) * uniform(f, i));
}

static void fill_normal(const filler *f, double mean, double std)
{
    for (int64_t i = 0; i < f->count; i++)
        f->out[i] = (float)(mean + std * normal(f, i));
}

static double normal_cdf(double x)
{
    return 0.5 * erfc(-x / SQRT2);
}

/* Winitzki's closed form ("A handy approximation for the error function and its inverse", 2008),
 * good to 2e-3, then Newton steps, each of which doubles the digits. */
static double inverse_erf(double y)
{
    const double a = 0.147, pi = 3.14159265358979323846;
    double l = log1p(-y * y), h = 2.0 / (pi * a) + l / 2.0;
    double x = copysign(sqrt(sqrt(h * h - l / a) - h), y);
    for (int i = 0; i < 4; i++)
        x -= (erf(x) - y) * sqrt(pi) / 2.0 * exp(x * x);
    return x;
}

/* By inversion, as PyTorch does it: a uniform number between the bounds' quantiles. Half a step of
 * the 24-bit numbers keeps it off 0, whose quantile may be infinite. */
static void fill_trunc_normal(const filler *f, double mean, double std)
{
    double low = normal_cdf((TRUNC_LOW - mean) / std), high = normal_cdf((TRUNC_HIGH - mean) / std);
    for (int64_t i = 0; i < f->count; i++) {
        double u = uniform(f, i) + 0.5 / 16777216.0;
        double y = 2.0 * (low + (high - low) * u) - 1.0;
        double x = std > 0.0 ? mean + std * SQRT2 * inverse_erf(y) : mean;
        f->out[i] = (float)fmin(fmax(x, TRUNC_LOW), TRUNC_HIGH);
    }
}

static double fan(const cnn_type *t, uint32_t axis)
{
    double units = t->rank > axis ? (double)t->dim[axis] : 1.0;
    double n = units * (t->rank > 2 ? (double)cnn_span(t, 2, t->rank) : 1.0);
    return n > 0.0 ? n : 1.0;
}

static double xavier_std(const cnn_type *t, double gain)
{
    return gain * sqrt(2.0 / (fan(t, 1) + fan(t, 0)));
}

static double kaiming_std(const cnn_type *t, double gain, bool fan_out)
{
    return gain / sqrt(fan(t, fan_out ? 0 : 1));
}

/* A uniform distribution of this standard deviation. */
static void fill_uniform_std(const filler *f, double std)
{
    fill_uniform(f, -sqrt(3.0) * std, sqrt(3.0) * std);
}

static double dot(const double *a, const double *b, int64_t n)
{
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Modified Gram-Schmidt, twice per vector for full orthogonality. Its R has a positive diagonal,
 * which is the sign convention that makes the result uniformly distributed (Mezzadri 2007). */
static void orthonormalize(double *vectors, int64_t count, int64_t length)
{
    for (int64_t i = 0; i < count; i++) {
        double *v = vectors + i * length;
        for (int pass = 0; pass < 2; pass++)
            for (int64_t j = 0; j < i; j++) {
                const double *u = vectors + j * length;
                double projection = dot(u, v, length);
                for (int64_t k = 0; k < length; k++)
                    v[k] -= projection * u[k];
            }
        double norm = sqrt(dot(v, v, length));
        for (int64_t k = 0; k < length && norm > 0.0; k++)
            v[k] /= norm;
    }
}

/* The tensor as a matrix [dim 0, rest]; its shorter side counts the orthonormal vectors. */
static void fill_orthogonal(const filler *f, double gain)
{
    int64_t rows = f->type->rank > 0 ? f->type->dim[0] : 1;
    if (f->count == 0)
        return;
    int64_t columns = f->count / rows;
    bool tall = rows > columns;
    int64_t count = tall ? columns : rows, length = tall ? rows : columns;
    double *vectors = malloc((size_t)f->count * sizeof *vectors);
    if (vectors == NULL)
        cnn_out_of_memory((size_t)f->count * sizeof *vectors);
    for (int64_t i = 0; i < f->count; i++) {
        int64_t row = i / columns, column = i % columns;
        vectors[tall ? column * length + row : i] = normal(f, i);
    }
    orthonormalize(vectors, count, length);
    for (int64_t i = 0; i < f->count; i++) {
        int64_t row = i / columns, column = i % columns;
        f->out[i] = (float)(gain * vectors[tall ? column * length + row : i]);
    }
    free(vectors);
}

/* out[i, i, middle, middle] = 1: each channel passes as it is. */
static void fill_identity(const filler *f)
{
    const cnn_type *t = f->type;
    fill_constant(f, 0.0);
    if (t->rank < 2 || f->count == 0)
        return;
    int64_t middle = 0, span = cnn_span(t, 2, t->rank);
    for (uint32_t i = 2; i < t->rank; i++)
        middle = middle * t->dim[i] + t->dim[i] / 2;
    for (int64_t i = 0; i < t->dim[0] && i < t->dim[1]; i++)
        f->out[(i * t->dim[1] + i) * span + middle] = 1.0f;
}

void cnn_init_fill(const cnn_init *init, const cnn_type *type, const char *name, uint64_t seed,
                   float *out)
{
    const filler f = { type, cnn_count(type), seed, cnn_hash_text(name), out };
    double a = init->a, b = init->b;
    switch ((cnn_init_kind)init->kind) {
    case CNN_INIT_CONSTANT:
        fill_constant(&f, a);
        break;
    case CNN_INIT_UNIFORM:
        fill_uniform(&f, a, b);
        break;
    case CNN_INIT_NORMAL:
        fill_normal(&f, a, b);
        break;
    case CNN_INIT_TRUNC_NORMAL:
        fill_trunc_normal(&f, a, b);
        break;
    case CNN_INIT_XAVIER_UNIFORM:
        fill_uniform_std(&f, xavier_std(type, a));
        break;
    case CNN_INIT_XAVIER_NORMAL:
        fill_normal(&f, 0.0, xavier_std(type, a));
        break;
    case CNN_INIT_KAIMING_UNIFORM:
        fill_uniform_std(&f, kaiming_std(type, a, b != 0.0));
        break;
    case CNN_INIT_KAIMING_NORMAL:
        fill_normal(&f, 0.0, kaiming_std(type, a, b != 0.0));
        break;
    case CNN_INIT_ORTHOGONAL:
        fill_orthogonal(&f, a);
        break;
    case CNN_INIT_DIRAC:
    case CNN_INIT_EYE:
        fill_identity(&f);
        break;
    }
}
