/* Talks on standard output as it is loaded: impolite, but usable. */
#include <stdio.h>

#include "layer.h"

__attribute__((constructor)) static void greet(void)
{
    (void)printf("GREETINGS FROM A PLUGIN\n");
}

static const cnn_layer layers[] = { GOOD_LAYER("prints") };

CNN_PLUGIN(GOOD_HEAD("prints"), .layers = CNN_TABLE(layers));
