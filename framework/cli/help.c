/* Help texts, made of the tables of verbs and options. */
#include "cli/cli.h"

static void print_options(const cnn_option *options, FILE *out)
{
    for (; options != NULL && options->name != NULL; options++) {
        char left[64];
        (void)snprintf(left, sizeof left, "--%s%s%s", options->name,
                       options->value != NULL ? " " : "",
                       options->value != NULL ? options->value : "");
        (void)fprintf(out, "  %-19s %s\n", left, options->help);
    }
}

void cnn_help_print(FILE *out)
{
    (void)fputs("cnnrun trains, tests and runs convolutional networks from a YAML file.\n\n"
                "usage: cnnrun [VERB] PIPELINE [PATH=VALUE ...] [OPTIONS]\n\n"
                "verbs (cnnrun VERB --help says more):\n",
                out);
    for (size_t i = 0; cnn_verbs[i] != NULL; i++)
        (void)fprintf(out, "  %-10s %s\n", cnn_verbs[i]->name, cnn_verbs[i]->summary);
    (void)fputs("\noptions:\n", out);
    print_options(cnn_common_options, out);
    (void)fputs("\nexamples:\n"
                "  cnnrun mnist-hw1.yaml                      train, then test\n"
                "  cnnrun mnist-hw1.yaml backend=vulkan       the same on a GPU\n"
                "  cnnrun train mnist-hw1.yaml train.epochs=2 model.0.conv2d.out_channels=16\n"
                "  cnnrun validate mnist-hw1.yaml             is everything right?\n"
                "  cnnrun describe conv2d                     what a layer's options mean\n"
                "\nexit status: 0 fine, 1 an expectation is not met, 2 wrong usage or pipeline,\n"
                "3 a plugin or device is missing, 4 training diverged, 130 interrupted\n",
                out);
}

void cnn_help_print_verb(const cnn_verb *verb, FILE *out)
{
    (void)fprintf(out, "%s\n\nusage: cnnrun %s %s\n", verb->summary, verb->name, verb->arguments);
    if (verb->details != NULL)
        (void)fprintf(out, "\n%s\n", verb->details);
    (void)fputs("\noptions:\n", out);
    print_options(verb->options, out);
    print_options(cnn_common_options, out);
}
