/* Events as a run sends them, for tests of observers. */
#ifndef CNNRUN_TEST_OBSERVERS_H
#define CNNRUN_TEST_OBSERVERS_H

#include "parts.h"

static inline cnn_event event(uint32_t kind)
{
    return (cnn_event){ .size = sizeof(cnn_event),
                        .kind = kind,
                        .pipeline = "demo",
                        .backend = "cpu",
                        .split = "test",
                        .epoch = 1,
                        .epochs = 2,
                        .batch = 300,
                        .batches = 938,
                        .step = 300,
                        .samples = 19200,
                        .loss = 0.7284,
                        .lr = 0.01,
                        .seconds = 4 };
}

static inline cnn_status send(const cnn_observer *o, cnn_observer_state *s, const cnn_event *e)
{
    cnn_error err = { "", "" };
    cnn_status status = o->on_event(s, e, &err);
    if (status != CNN_OK)
        fprintf(stderr, "  %s\n", err.text);
    return status;
}

static const double observer_accuracy = 0.98594, observer_counts[4] = { 10, 2, 0, 1234 };

/* An accuracy, a mean, and a table of two classes. */
static inline void add_metrics(cnn_event *e, cnn_metric_value m[3])
{
    m[0] = (cnn_metric_value){ .name = "accuracy",
                               .kind = CNN_METRIC_PERCENT,
                               .type = cnn_scalar_type(CNN_F32),
                               .values = &observer_accuracy };
    m[1] = m[0];
    m[1].name = "mean_squared_error";
    m[1].kind = CNN_METRIC_MEAN;
    m[2] = (cnn_metric_value){ .name = "confusion",
                               .kind = CNN_METRIC_COUNTS,
                               .type = cnn_type2(CNN_F32, 2, 2),
                               .values = observer_counts };
    e->metrics = m;
    e->n_metrics = 3;
}

/* Contents of a file; one at a time. */
static inline const char *contents(const char *path)
{
    static char text[16384];
    FILE *f = fopen(path, "rb");
    size_t n = f != NULL ? fread(text, 1, sizeof text - 1, f) : 0;
    if (f != NULL)
        (void)fclose(f);
    text[n] = '\0';
    return text;
}

#endif
