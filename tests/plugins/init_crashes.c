#include <signal.h>

#include "layer.h"

static cnn_status crash(const cnn_host *host, cnn_error *err)
{
    (void)host, (void)err;
    (void)raise(SIGSEGV);
    return CNN_OK;
}

static const cnn_layer layers[] = { GOOD_LAYER("init_crashes") };

CNN_PLUGIN(GOOD_HEAD("init_crashes"), .init = crash, .layers = CNN_TABLE(layers));
