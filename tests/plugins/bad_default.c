#include "layer.h"

typedef struct bad_params {
    double slope;
} bad_params;

static const cnn_param params[] = {
    { CNN_FIELD(bad_params, slope, FLOAT), .def = "7", .min = 0, .max = 1, .help = "steepness" },
};

static const cnn_layer layers[] = {
    { .c = CNN_COMPONENT(cnn_layer, "bad_default", sizeof(bad_params), CNN_TABLE(params),
                         "has a default outside its range", "bad_default"),
      .build = give_input },
};

CNN_PLUGIN(GOOD_HEAD("bad_default"), .layers = CNN_TABLE(layers));
