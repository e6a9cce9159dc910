/* backend: auto -> the device on which a few steps of this very network take least. */
#include <string.h>

#include "run_internal.h"
#include "timing.h"

enum { STEPS = 3 };

/* The program that most of the run is spent in: CNN_PREDICT, if there are neither training nor
 * tests, takes less than measuring would. */
static uint32_t main_mode(uint32_t modes)
{
    return (modes & 1u << CNN_TRAIN) != 0  ? CNN_TRAIN
           : (modes & 1u << CNN_EVAL) != 0 ? CNN_EVAL
                                           : CNN_PREDICT;
}

static int64_t batch_of(const cnn_run *run, uint32_t mode)
{
    const cnn_config *config = run->config;
    const uint32_t split = mode == CNN_TRAIN ? CNN_SPLIT_TRAIN : cnn_run_test_split(run);
    const int64_t count = cnn_data_count(run->data, split);
    const int64_t batch =
        mode == CNN_EVAL && config->test.batch > 0 ? config->test.batch : config->train.batch;
    return count < batch ? count : batch;
}

static void say(const cnn_run *run, cnn_level level, const char *text)
{
    const cnn_host *host = run->registry->host;
    host->log(host, level, text);
}

/* Who cannot run it is out, and says why. */
static bool measure(cnn_run *run, const char *name, uint32_t mode, double *seconds)
{
    char line[600];
    cnn_error err = { "", "" };
    cnn_timing timing;
    cnn_status status = cnn_run_open_stack(run, name, &err);
    if (status == CNN_OK)
        status = cnn_time_steps(run, mode, batch_of(run, mode), STEPS, &timing, &err);
    cnn_run_close_stack(run);
    if (status == CNN_OK) {
        *seconds = timing.median;
        return true;
    }
    (void)snprintf(line, sizeof line, "backend auto: not %s: %.500s", name, err.text);
    say(run, CNN_WARNING, line);
    return false;
}

/* Measures them all; -1 if none can run it. */
static int32_t fastest(cnn_run *run, const cnn_automatic *list, uint32_t count, uint32_t mode)
{
    char line[600] = "backend auto, a step:";
    double least = 0;
    int32_t best = -1;
    for (uint32_t i = 0; i < count; i++) {
        double seconds;
        const size_t at = strlen(line);
        if (!measure(run, list[i].name, mode, &seconds))
            continue;
        (void)snprintf(line + at, sizeof line - at, "%s %s %.3g ms", best >= 0 ? "," : "",
                       list[i].name, seconds * 1e3);
        if (best < 0 || seconds < least) {
            least = seconds;
            best = (int32_t)i;
        }
    }
    if (best >= 0) {
        const size_t at = strlen(line);
        (void)snprintf(line + at, sizeof line - at, ": taking %s", list[best].name);
        say(run, CNN_INFO, line);
    }
    return best;
}

const char *cnn_run_choose(cnn_run *run, uint32_t modes)
{
    cnn_automatic list[CNN_MAX_AUTOMATIC];
    uint32_t count = cnn_list_automatic(run->registry, list), fast = 0;
    const uint32_t mode = main_mode(modes);
    while (fast < count && list[fast].rank > 0)
        fast++;
    if (fast < 2 || mode == CNN_PREDICT || batch_of(run, mode) == 0)
        return count > 0 ? list[0].name : "auto";
    run->is_trial = true;
    const int32_t best = fastest(run, list, fast, mode);
    run->is_trial = false;
    return list[best >= 0 ? best : 0].name;
}
