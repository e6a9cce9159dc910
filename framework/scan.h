/* scan: is a plugin file safe to load? Asked of a child process, remembered in a cache. */
#ifndef CNNRUN_SCAN_H
#define CNNRUN_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/text.h"

typedef struct cnn_candidate {
    const char *path; /* absolute */
    uint64_t size;
    int64_t mtime_ns;
    bool known;          /* the verdict below is there */
    bool passing;        /* depends on more than the file (a library that is missing): not cached */
    const char *refusal; /* why the file cannot be used; NULL: it can */
    const char *hint;    /* or NULL */
} cnn_candidate;

/* Gives every candidate a verdict: from the cache, else from a child process `cnnrun --examine FILE
 * FD`, two at a time, each killed after 5 seconds ($CNNRUN_EXAMINE_SECONDS). `fresh`: all from
 * children. Returns how many were examined. The cache is $XDG_CACHE_HOME/cnnrun/plugins.cache; what
 * cannot be read or written of it is as if it were not there. */
size_t cnn_scan(cnn_candidate *candidates, size_t count, bool fresh, cnn_arena *arena);

/* What the child writes: "init" when it is about to call the plugin's init, then the verdict ("ok",
 * "refused" or "passing" with two more lines, reason and hint), then "end". */
void cnn_verdict_format(cnn_status status, bool passing, const cnn_error *err, cnn_text *out);

/* The cache's text: a first line with its format's version, then one line per verdict:
 *     host TAB path TAB size TAB mtime TAB ok | refused TAB reason TAB hint
 * `host` names the version and build of this program: each asks for itself. Control characters and
 * % are written as %XX. (scan_cache.c) */
void cnn_scan_cache_apply(const char *text, size_t length, const char *host,
                          cnn_candidate *candidates, size_t count, cnn_arena *arena);
/* The new text: these candidates first, then the other lines of the old one, up to a limit. */
void cnn_scan_cache_format(const char *old, size_t length, const char *host,
                           const cnn_candidate *candidates, size_t count, cnn_text *out);

#endif
