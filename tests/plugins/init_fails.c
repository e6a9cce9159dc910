#include "layer.h"

static cnn_status refuse(const cnn_host *host, cnn_error *err)
{
    (void)host;
    (void)cnn_fail(err, CNN_MISSING, "the moon is not full");
    cnn_hint(err, "wait for it");
    return CNN_MISSING;
}

static const cnn_layer layers[] = { GOOD_LAYER("init_fails") };

CNN_PLUGIN(GOOD_HEAD("init_fails"), .init = refuse, .layers = CNN_TABLE(layers));
