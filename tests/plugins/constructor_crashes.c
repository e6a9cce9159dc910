#include <signal.h>

#include "layer.h"

__attribute__((constructor)) static void crash(void)
{
    (void)raise(SIGSEGV);
}

static const cnn_layer layers[] = { GOOD_LAYER("constructor_crashes") };

CNN_PLUGIN(GOOD_HEAD("constructor_crashes"), .layers = CNN_TABLE(layers));
