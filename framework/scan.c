/* Children that try plugins. A child that crashes, hangs or leaves tells us what its plugin does;
 * how far it came is known from what it wrote into its pipe. */
#include "scan.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cnnrun/plugin.h>

#include "base/file.h"
#include "host_services.h"

#define AT_ONCE 2u
#define DEFAULT_SECONDS 5.0
#define CHILD_FD 3 /* the child's end of the pipe */
#define CACHE_LIMIT ((size_t)4 << 20)

typedef struct examination {
    cnn_candidate *candidate; /* NULL: free */
    pid_t pid;
    int fd;
    int64_t deadline_ns;
    size_t length;
    char text[sizeof(cnn_error) + 64];
} examination;

typedef struct scan {
    cnn_arena *arena;
    const char *program;
    double seconds;
    examination running[AT_ONCE];
} scan;

static int64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static double time_limit(void)
{
    const char *text = getenv("CNNRUN_EXAMINE_SECONDS");
    char *end;
    double seconds = text != NULL ? strtod(text, &end) : 0;
    return seconds > 0 && seconds <= 3600 && *end == '\0' ? seconds : DEFAULT_SECONDS;
}

/* This program; a test program asks the cnnrun beside it. */
static const char *find_program(cnn_arena *arena)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n > 0) {
        path[n] = '\0';
        const char *slash = strrchr(path, '/');
        if (slash != NULL && strncmp(slash + 1, "cnnrun", strlen("cnnrun")) != 0)
            return cnn_arena_printf(arena, "%s/cnnrun", cnn_program_dir(arena));
    }
    return "/proc/self/exe";
}

static void one_line(cnn_text *out, const char *s)
{
    for (; *s != '\0'; s++)
        cnn_text_add_bytes(out, *s == '\n' ? " " : s, 1);
    cnn_text_add_bytes(out, "\n", 1);
}

void cnn_verdict_format(cnn_status status, bool passing, const cnn_error *err, cnn_text *out)
{
    if (status == CNN_OK) {
        cnn_text_add(out, "ok\nend\n");
        return;
    }
    cnn_text_add(out, passing ? "passing\n" : "refused\n");
    one_line(out, err->text);
    one_line(out, err->hint);
    cnn_text_add(out, "end\n");
}

static void refuse(cnn_candidate *c, bool passing, const char *reason, const char *hint)
{
    c->known = true;
    c->passing = passing;
    c->refusal = reason;
    c->hint = hint;
}

/* The next line of a child's text, cut off its newline; NULL at the end. */
static char *take_line(char **text)
{
    char *line = *text, *newline = strchr(line, '\n');
    if (newline == NULL)
        return NULL;
    *newline = '\0';
    *text = newline + 1;
    return line;
}

/* false if the child did not come to a verdict; *in_init: it had begun to call init. */
static bool read_verdict(examination *e, bool *in_init, cnn_arena *arena)
{
    char *text = e->text, *line = take_line(&text);
    *in_init = line != NULL && strcmp(line, "init") == 0;
    if (*in_init)
        line = take_line(&text);
    if (line == NULL)
        return false;
    if (strcmp(line, "ok") == 0) {
        e->candidate->known = true;
        return true;
    }
    bool passing = strcmp(line, "passing") == 0;
    if (!passing && strcmp(line, "refused") != 0)
        return false;
    const char *reason = take_line(&text), *hint = take_line(&text);
    if (reason == NULL || hint == NULL)
        return false;
    refuse(e->candidate, passing, cnn_arena_string(arena, reason),
           hint[0] != '\0' ? cnn_arena_string(arena, hint) : NULL);
    return true;
}

static void explain_end(scan *s, cnn_candidate *c, bool late, bool in_init, int status)
{
    const char *when = in_init ? "in its init" : "while it is loaded", *text, *hint = NULL;
    if (late) {
        text = cnn_arena_printf(s->arena, "hangs %s (stopped after %g s)", when, s->seconds);
        hint = "if the machine was just busy: cnnrun plugins --no-cache tries again";
    } else if (WIFSIGNALED(status)) {
        text = cnn_arena_printf(s->arena, "crashes %s (signal %d)", when, WTERMSIG(status));
    } else {
        text = cnn_arena_printf(s->arena, "ends the program %s (exit status %d)", when,
                                WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    }
    refuse(c, false, text, hint);
}

static void finish(scan *s, examination *e, bool late)
{
    int status = 0;
    bool in_init;
    e->text[e->length] = '\0';
    bool ended = read_verdict(e, &in_init, s->arena);
    if (late || ended)
        (void)kill(-e->pid, SIGKILL); /* and whatever it has started */
    while (waitpid(e->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!ended)
        explain_end(s, e->candidate, late, in_init, status);
    (void)close(e->fd);
    e->candidate = NULL;
}

static int spawn(const scan *s, const char *path, int fd, pid_t *pid)
{
    char number[16];
    (void)snprintf(number, sizeof number, "%d", CHILD_FD);
    const char *arguments[] = { "cnnrun", "--examine", path, number, NULL };
    char *argv[5];
    memcpy(argv, arguments, sizeof argv);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, fd, CHILD_FD);
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    (void)posix_spawnattr_setpgroup(&attributes, 0);
    int failed = posix_spawn(pid, s->program, &actions, &attributes, argv, environ);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return failed;
}

static void begin(scan *s, examination *e, cnn_candidate *c)
{
    int ends[2], failed = 0;
    e->length = 0;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        failed = errno;
    } else {
        failed = spawn(s, c->path, ends[1], &e->pid);
        (void)close(ends[1]);
        if (failed != 0)
            (void)close(ends[0]);
    }
    if (failed != 0) {
        refuse(c, true,
               cnn_arena_printf(s->arena, "cannot be examined: %s does not start: %s", s->program,
                                strerror(failed)),
               NULL);
        return;
    }
    e->candidate = c;
    e->fd = ends[0];
    e->deadline_ns = now_ns() + (int64_t)(s->seconds * 1e9);
}

static bool is_complete(const examination *e)
{
    static const char end[] = "\nend\n";
    size_t n = sizeof end - 1;
    return e->length >= n && memcmp(e->text + e->length - n, end, n) == 0;
}

static void receive(scan *s, examination *e)
{
    size_t room = sizeof e->text - 1 - e->length;
    ssize_t n = room > 0 ? read(e->fd, e->text + e->length, room) : 0;
    if (n < 0 && errno == EINTR)
        return;
    if (n > 0)
        e->length += (size_t)n;
    if (n <= 0 || is_complete(e))
        finish(s, e, false);
}

/* Waits for news of the running children, or for a time limit. */
static void wait_for_news(scan *s)
{
    struct pollfd fds[AT_ONCE];
    int64_t now = now_ns(), wait_ns = INT64_MAX;
    for (size_t i = 0; i < AT_ONCE; i++) {
        const examination *e = &s->running[i];
        fds[i] = (struct pollfd){ .fd = e->candidate != NULL ? e->fd : -1, .events = POLLIN };
        if (e->candidate != NULL && e->deadline_ns - now < wait_ns)
            wait_ns = e->deadline_ns - now;
    }
    int ready = poll(fds, AT_ONCE, wait_ns > 0 ? (int)(wait_ns / 1000000) + 1 : 0);
    now = now_ns();
    for (size_t i = 0; i < AT_ONCE; i++) {
        examination *e = &s->running[i];
        if (e->candidate == NULL)
            continue;
        if (ready > 0 && fds[i].revents != 0)
            receive(s, e);
        else if (now >= e->deadline_ns)
            finish(s, e, true);
    }
}

static size_t examine_unknown(scan *s, cnn_candidate *candidates, size_t count)
{
    size_t examined = 0, next = 0;
    for (;;) {
        bool busy = false;
        for (size_t i = 0; i < AT_ONCE; i++) {
            while (s->running[i].candidate == NULL && next < count) {
                if (!candidates[next].known) {
                    begin(s, &s->running[i], &candidates[next]);
                    examined++;
                }
                next++;
            }
            busy = busy || s->running[i].candidate != NULL;
        }
        if (!busy)
            return examined;
        wait_for_news(s);
    }
}

/* Version and build of this program. */
static const char *host_name(const char *program, cnn_arena *arena)
{
    struct stat info = { 0 };
    (void)stat(program, &info);
    return cnn_arena_printf(arena, "%s/%d.%d/%lld-%lld.%09ld", CNNRUN_VERSION, CNN_ABI_MAJOR,
                            CNN_ABI_MINOR, (long long)info.st_size, (long long)info.st_mtim.tv_sec,
                            (long)info.st_mtim.tv_nsec);
}

static void write_cache(const char *dir, const char *path, const cnn_text *text)
{
    if (cnn_make_dirs(dir, NULL) == CNN_OK)
        (void)cnn_file_write(path, text->data, text->length, NULL);
}

size_t cnn_scan(cnn_candidate *candidates, size_t count, bool fresh, cnn_arena *arena)
{
    scan s = { .arena = arena, .program = find_program(arena), .seconds = time_limit() };
    const char *dir = cnn_user_dir("XDG_CACHE_HOME", ".cache", arena);
    if (dir == NULL)
        return examine_unknown(&s, candidates, count);

    const char *path = cnn_arena_printf(arena, "%s/plugins.cache", dir);
    const char *host = host_name(s.program, arena);
    char *old = NULL;
    size_t length = 0;
    if (cnn_file_read(path, CACHE_LIMIT, arena, &old, &length, NULL) == CNN_OK && !fresh)
        cnn_scan_cache_apply(old, length, host, candidates, count, arena);
    size_t examined = examine_unknown(&s, candidates, count);
    if (examined > 0) {
        cnn_text text = { 0 };
        cnn_scan_cache_format(old, length, host, candidates, count, &text);
        write_cache(dir, path, &text);
        cnn_text_free(&text);
    }
    return examined;
}
