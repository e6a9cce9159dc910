/* Adds a letter to $CNNRUN_TEST_TRACE each time it is loaded, and cannot be used: so only
 * examinations are counted. */
#include <stdio.h>
#include <stdlib.h>

#include "layer.h"

__attribute__((constructor)) static void count(void)
{
    const char *path = getenv("CNNRUN_TEST_TRACE");
    FILE *file = path != NULL ? fopen(path, "a") : NULL;
    if (file == NULL)
        return;
    (void)fputc('x', file);
    (void)fclose(file);
}

static const cnn_layer layers[] = { GOOD_LAYER("counted"), GOOD_LAYER("counted") };

CNN_PLUGIN(GOOD_HEAD("counted"), .layers = CNN_TABLE(layers));
