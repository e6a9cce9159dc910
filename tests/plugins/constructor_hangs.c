#define _POSIX_C_SOURCE 200809L
#include <unistd.h>

#include "layer.h"

__attribute__((constructor)) static void hang(void)
{
    for (;;)
        (void)pause();
}

static const cnn_layer layers[] = { GOOD_LAYER("constructor_hangs") };

CNN_PLUGIN(GOOD_HEAD("constructor_hangs"), .layers = CNN_TABLE(layers));
