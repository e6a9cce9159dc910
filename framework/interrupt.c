/* Ctrl-C. A signal handler can reach nothing but static storage: the one flag of the program. */
#include <signal.h>
#include <unistd.h>

#include "run_internal.h"

static volatile sig_atomic_t interrupts;

static void on_signal(int signal_number)
{
    static const char text[] = "\ncnnrun: finishing the batch, then a checkpoint is written; "
                               "Ctrl-C again quits at once\n";
    (void)signal_number;
    if (interrupts++ > 0)
        _exit(130);
    ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
    (void)written;
}

static void set_handler(void (*handler)(int))
{
    struct sigaction action = { 0 };
    action.sa_handler = handler;
    (void)sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

void cnn_interrupt_install(void)
{
    interrupts = 0;
    set_handler(on_signal);
}

void cnn_interrupt_restore(void)
{
    set_handler(SIG_DFL);
}

bool cnn_interrupted(void)
{
    return interrupts > 0;
}
