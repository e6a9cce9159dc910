/* The verbs, in the order of the help text. The first is what a bare pipeline means. */
#include <string.h>

#include "cli/cli.h"

/* clang-format off */
const cnn_verb *const cnn_verbs[] = {
    &cnn_verb_run,
    &cnn_verb_train,
    &cnn_verb_test,
    &cnn_verb_predict,
    &cnn_verb_validate,
    &cnn_verb_summary,
    &cnn_verb_show,
    &cnn_verb_explain,
    &cnn_verb_look,
    &cnn_verb_plugins,
    &cnn_verb_describe,
    &cnn_verb_devices,
    &cnn_verb_compare,
    &cnn_verb_time,
    NULL,
};
/* clang-format on */

const cnn_verb *cnn_verb_find(const char *name)
{
    for (size_t i = 0; cnn_verbs[i] != NULL; i++)
        if (strcmp(cnn_verbs[i]->name, name) == 0)
            return cnn_verbs[i];
    return NULL;
}
