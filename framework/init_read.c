/* `init:` entries. Names, options and defaults are torch.nn.init's. */
#include "init.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cnnrun/param.h>

#include "params.h"

typedef struct constant_options {
    double val;
} constant_options;

typedef struct uniform_options {
    double a, b;
} uniform_options;

typedef struct normal_options {
    double mean, std;
} normal_options;

typedef struct gain_options {
    double gain;
} gain_options;

typedef struct kaiming_options {
    double a;
    int32_t mode;         /* 0 fan_in, 1 fan_out */
    int32_t nonlinearity; /* index into the choices below */
} kaiming_options;

typedef struct values_options {
    cnn_array values;
} values_options;

static const cnn_param constant_params[] = {
    { CNN_FIELD(constant_options, val, FLOAT), .help = "the value of every element" },
};

static const cnn_param uniform_params[] = {
    { CNN_FIELD(uniform_options, a, FLOAT), .def = "0", .help = "lower bound" },
    { CNN_FIELD(uniform_options, b, FLOAT), .def = "1", .help = "upper bound" },
};

static const cnn_param normal_params[] = {
    { CNN_FIELD(normal_options, mean, FLOAT), .def = "0", .help = "mean" },
    { CNN_FIELD(normal_options, std, FLOAT), .def = "1", .min = 0, .max = 1e30,
      .help = "standard deviation" },
};

static const cnn_param gain_params[] = {
    { CNN_FIELD(gain_options, gain, FLOAT), .def = "1", .help = "factor of the deviation" },
};

static const cnn_param kaiming_params[] = {
    { CNN_FIELD(kaiming_options, a, FLOAT), .def = "0",
      .help = "negative slope of the leaky_relu that follows" },
    { CNN_FIELD(kaiming_options, mode, CHOICE), .def = "fan_in", .choices = "fan_in|fan_out",
      .help = "which direction keeps its variance: forward or backward" },
    { CNN_FIELD(kaiming_options, nonlinearity, CHOICE), .def = "leaky_relu",
      .choices = "leaky_relu|relu|tanh|selu|sigmoid|linear|conv1d|conv2d|conv3d",
      .help = "what follows the layer" },
};

static const cnn_param values_params[] = {
    { CNN_FIELD(values_options, values, ARRAY), .help = "the numbers" },
};

/* torch.nn.init.calculate_gain */
static double kaiming_gain(const kaiming_options *o)
{
    enum { LEAKY_RELU, RELU, TANH, SELU };
    if (o->nonlinearity == LEAKY_RELU)
        return sqrt(2.0 / (1.0 + o->a * o->a));
    if (o->nonlinearity == RELU)
        return sqrt(2.0);
    if (o->nonlinearity == TANH)
        return 5.0 / 3.0;
    return o->nonlinearity == SELU ? 3.0 / 4.0 : 1.0;
}

static void set_one(const void *options, cnn_init *init)
{
    init->a = *(const double *)options; /* val or gain */
}

static void set_two(const void *options, cnn_init *init)
{
    init->a = ((const double *)options)[0]; /* a and b, or mean and std */
    init->b = ((const double *)options)[1];
}

static void set_kaiming(const void *options, cnn_init *init)
{
    const kaiming_options *o = options;
    init->a = kaiming_gain(o);
    init->b = o->mode;
}

typedef struct initialiser {
    const char *name;
    cnn_init_kind kind;
    double a; /* of those without options */
    uint32_t min_rank, max_rank;
    void (*set)(const void *options, cnn_init *init); /* NULL: no options */
    cnn_table params;
    size_t size;
} initialiser;

#define NONE NULL, { NULL, 0, 0 }, 0
#define ONE(type, params) set_one, CNN_TABLE(params), sizeof(type)
#define TWO(type, params) set_two, CNN_TABLE(params), sizeof(type)
#define KAIMING set_kaiming, CNN_TABLE(kaiming_params), sizeof(kaiming_options)

// clang-format off
static const initialiser initialisers[] = {
    { "zeros",           CNN_INIT_CONSTANT,        0, 0, 6, NONE },
    { "ones",            CNN_INIT_CONSTANT,        1, 0, 6, NONE },
    { "constant",        CNN_INIT_CONSTANT,        0, 0, 6, ONE(constant_options, constant_params) },
    { "uniform",         CNN_INIT_UNIFORM,         0, 0, 6, TWO(uniform_options, uniform_params) },
    { "normal",          CNN_INIT_NORMAL,          0, 0, 6, TWO(normal_options, normal_params) },
    { "trunc_normal",    CNN_INIT_TRUNC_NORMAL,    0, 0, 6, TWO(normal_options, normal_params) },
    { "xavier_uniform",  CNN_INIT_XAVIER_UNIFORM,  0, 2, 6, ONE(gain_options, gain_params) },
    { "xavier_normal",   CNN_INIT_XAVIER_NORMAL,   0, 2, 6, ONE(gain_options, gain_params) },
    { "kaiming_uniform", CNN_INIT_KAIMING_UNIFORM, 0, 2, 6, KAIMING },
    { "kaiming_normal",  CNN_INIT_KAIMING_NORMAL,  0, 2, 6, KAIMING },
    { "orthogonal",      CNN_INIT_ORTHOGONAL,      0, 2, 6, ONE(gain_options, gain_params) },
    { "dirac",           CNN_INIT_DIRAC,           0, 3, 5, NONE },
    { "eye",             CNN_INIT_EYE,             0, 2, 2, NONE },
};
// clang-format on
#define N_INITIALISERS (sizeof initialisers / sizeof initialisers[0])

static const initialiser *find(const char *name)
{
    for (size_t i = 0; i < N_INITIALISERS; i++)
        if (strcmp(initialisers[i].name, name) == 0)
            return &initialisers[i];
    return NULL;
}

static void unknown(const cnn_doc *name, cnn_diags *diags)
{
    const char *names[N_INITIALISERS];
    const char *all = "";
    for (size_t i = 0; i < N_INITIALISERS; i++) {
        names[i] = initialisers[i].name;
        all = cnn_arena_printf(diags->arena, "%s%s%s", all, i > 0 ? ", " : "", names[i]);
    }
    cnn_diag *d = cnn_diag_error(diags, name->place, "no initialiser '%s'", name->text);
    const char *near = cnn_did_you_mean(name->text, names, N_INITIALISERS);
    if (near != NULL)
        cnn_diag_hint(diags, d, "did you mean '%s'?", near);
    else
        cnn_diag_hint(diags, d, "there are %s; or write a number, or lists of numbers", all);
}

static const char *shape_text(const cnn_type *type, cnn_arena *arena)
{
    const char *text = "[";
    for (uint32_t i = 0; i < type->rank; i++)
        text =
            cnn_arena_printf(arena, "%s%s%lld", text, i > 0 ? ", " : "", (long long)type->dim[i]);
    return cnn_arena_printf(arena, "%s]", text);
}

static bool check_rank(const initialiser *in, const cnn_doc *name, const cnn_type *type,
                       cnn_arena *arena, cnn_diags *diags)
{
    if (type->rank >= in->min_rank && type->rank <= in->max_rank)
        return true;
    const char *range = in->min_rank == in->max_rank
                            ? cnn_arena_printf(arena, "%u", in->min_rank)
                            : cnn_arena_printf(arena, "%u to %u", in->min_rank, in->max_rank);
    cnn_diag_error(diags, name->place, "%s needs a weight of %s axes, this one has the shape %s",
                   in->name, range, shape_text(type, arena));
    return false;
}

/* A name with its options, which may be NULL. */
static bool read_named(const cnn_doc *name, const cnn_doc *options, const cnn_type *type,
                       cnn_arena *arena, cnn_diags *diags, cnn_init *init)
{
    const initialiser *in = find(name->text);
    if (in == NULL) {
        unknown(name, diags);
        return false;
    }
    *init = (cnn_init){ (uint32_t)in->kind, in->a, 0.0 };
    bool ok = check_rank(in, name, type, arena, diags);
    const void *values =
        cnn_params_read(in->name, &in->params, in->size, options, name->place, NULL, arena, diags);
    if (values != NULL && in->set != NULL)
        in->set(values, init);
    return ok && values != NULL;
}

static bool read_list(const cnn_doc *doc, const cnn_type *type, cnn_arena *arena, cnn_diags *diags,
                      cnn_init *init, const float **data)
{
    const cnn_table table = CNN_TABLE(values_params);
    const values_options *o =
        cnn_params_read("init", &table, sizeof *o, doc, doc->place, NULL, arena, diags);
    if (o == NULL)
        return false;
    int64_t have = cnn_count(&o->values.type), want = cnn_count(type);
    if (have != want) {
        cnn_diag_error(diags, doc->place, "init has %lld numbers, the shape %s needs %lld",
                       (long long)have, shape_text(type, arena), (long long)want);
        return false;
    }
    *init = (cnn_init){ CNN_INIT_CONSTANT, 0.0, 0.0 };
    *data = o->values.v;
    return true;
}

bool cnn_init_read(const cnn_doc *doc, const cnn_type *type, cnn_arena *arena, cnn_diags *diags,
                   cnn_init *init, const float **data)
{
    *data = NULL;
    *init = (cnn_init){ CNN_INIT_CONSTANT, 0.0, 0.0 };
    if (doc->kind == CNN_DOC_LIST)
        return read_list(doc, type, arena, diags, init, data);
    if (doc->kind == CNN_DOC_MAP) {
        if (doc->count == 1)
            return read_named(doc->keys[0], doc->items[0], type, arena, diags, init);
        cnn_diag_error(diags, doc->place, "init: one initialiser is wanted here, not %u",
                       doc->count);
        return false;
    }
    char *end;
    double number = strtod(doc->text, &end);
    if (end != doc->text && *end == '\0' && isfinite(number) && find(doc->text) == NULL) {
        init->a = number;
        return true;
    }
    return read_named(doc, NULL, type, arena, diags, init);
}
