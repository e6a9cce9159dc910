#include <stdlib.h>

#include "layer.h"

__attribute__((constructor)) static void leave(void)
{
    exit(7);
}

static const cnn_layer layers[] = { GOOD_LAYER("constructor_exits") };

CNN_PLUGIN(GOOD_HEAD("constructor_exits"), .layers = CNN_TABLE(layers));
