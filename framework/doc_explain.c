/* What libyaml says about a syntax error, in words that help. */
#include <string.h>

#include "doc_internal.h"

typedef struct explanation {
    const char *problem; /* as libyaml says it */
    const char *text;
    const char *hint;
} explanation;

static const explanation explanations[] = {
    { "mapping values are not allowed in this context", "a key with a value cannot stand here",
      "check the indentation; a text that contains ': ' needs quotes" },
    { "did not find expected key", "a key was expected here",
      "check the indentation: all keys of a map start in the same column" },
    { "did not find expected '-' indicator", "a list item, starting with '-', was expected here",
      "check the indentation: all items of a list start in the same column" },
    { "block sequence entries are not allowed in this context", "a list item cannot start here",
      "write the list on the lines below its key, or as [a, b]" },
    { "block mapping entries are not allowed in this context", "a key cannot start here", NULL },
    { "could not find expected ':'", "this key has no ':' behind it",
      "write 'key: value' with a blank behind the colon" },
    { "did not find expected ',' or '}'", "',' or '}' was expected here", NULL },
    { "did not find expected ',' or ']'", "',' or ']' was expected here", NULL },
    { "did not find expected node content", "a value was expected here", NULL },
    { "found unexpected document indicator", "the document ends inside quotes",
      "close the quotes" },
    { "found unknown escape character", "unknown escape in a text in double quotes",
      "write \\\\ for a backslash, or use single quotes" },
    { "found a tab character that violates indentation", "a tab cannot be used for indentation",
      "use spaces" },
    { "found a tab character where an indentation space is expected",
      "a tab cannot be used for indentation", "use spaces" },
    { "did not find expected <document start>", "only one value may stand here",
      "check the indentation" },
    { "control characters are not allowed", "a control character cannot stand in a text", NULL },
    { "invalid leading UTF-8 octet", "the file is not valid UTF-8", "save it as UTF-8" },
    { "invalid trailing UTF-8 octet", "the file is not valid UTF-8", "save it as UTF-8" },
    { "incomplete UTF-8 octet sequence", "the file is not valid UTF-8", "save it as UTF-8" },
    { "found character that cannot start any token", "a value cannot start with this character",
      "put the text in quotes" },
};

/* What a problem lies in: how to call it, and what to say where it opens when its end is missing.
 */
static const explanation contexts[] = {
    { "while parsing a flow mapping", "in the {...}", "this '{' is never closed" },
    { "while parsing a flow sequence", "in the [...]", "this '[' is never closed" },
    { "while scanning a quoted scalar", "in the quotes", "these quotes are never closed" },
    { "while parsing a block mapping", "in the map", NULL },
    { "while parsing a block collection", "in the list", NULL },
};

const char *cnn_doc_explain(const char *problem, const char **hint)
{
    for (size_t i = 0; i < sizeof explanations / sizeof explanations[0]; i++) {
        if (strcmp(problem, explanations[i].problem) == 0) {
            *hint = explanations[i].hint;
            return explanations[i].text;
        }
    }
    *hint = NULL;
    return problem;
}

const char *cnn_doc_explain_context(const char *context, const char **unclosed)
{
    *unclosed = NULL;
    for (size_t i = 0; context != NULL && i < sizeof contexts / sizeof contexts[0]; i++) {
        if (strcmp(context, contexts[i].problem) == 0) {
            *unclosed = contexts[i].hint;
            return contexts[i].text;
        }
    }
    return NULL;
}
