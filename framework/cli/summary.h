/* What the files of `summary` share. */
#ifndef CNNRUN_CLI_SUMMARY_H
#define CNNRUN_CLI_SUMMARY_H

#include "cli/cli.h"

/* 1234567 as "1,234,567". */
const char *summary_grouped(double number, char *out, size_t size);

/* The model of arguments[0], for one sample. CNN_INVALID after errors. */
cnn_status summary_graph(cnn_context *context, cnn_graph **graph);

/* Two pipelines side by side, arguments[0] and [1]. (summary_pair.c) */
cnn_status summary_pair(cnn_context *context);

#endif
