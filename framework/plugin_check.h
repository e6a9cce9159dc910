/* Checks of a plugin's tables: everything that can be known before any of its code runs. */
#ifndef CNNRUN_PLUGIN_CHECK_H
#define CNNRUN_PLUGIN_CHECK_H

#include <cnnrun/plugin.h>

/* Magic words, ABI version, pointer width, size of the table; says which one is wrong and how to
 * mend it. The rest of the plugin may be read only after this. */
cnn_status cnn_plugin_check_magic(const cnn_plugin *plugin, cnn_error *err);

/* The magic, names, sizes and strides (a larger struct than this host's is fine, a smaller one is
 * not), required functions, parameter tables, duplicates inside the plugin. */
cnn_status cnn_plugin_check(const cnn_plugin *plugin, cnn_error *err);

/* [a-z][a-z0-9_]*, at most 63 characters. */
bool cnn_is_component_name(const char *name);

#endif
