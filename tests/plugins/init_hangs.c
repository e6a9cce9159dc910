#define _POSIX_C_SOURCE 200809L
#include <unistd.h>

#include "layer.h"

static cnn_status hang(const cnn_host *host, cnn_error *err)
{
    (void)err;
    while (host != NULL)
        (void)pause();
    return CNN_OK;
}

static const cnn_layer layers[] = { GOOD_LAYER("init_hangs") };

CNN_PLUGIN(GOOD_HEAD("init_hangs"), .init = hang, .layers = CNN_TABLE(layers));
