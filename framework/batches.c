/* A pass over a split: batches, each run by a program, one always started before the last is waited
 * for. */
#include <string.h>

#include "run_internal.h"

/* The places of a pass in the input memory of a program. */
static void set_places(const cnn_compiled *program, cnn_pass *pass)
{
    const cnn_step *step = program->step;
    for (uint32_t set = 0; set < CNN_SETS; set++) {
        pass->input[set] = cnn_runner_input(program->runner, step->input, set);
        pass->target[set] =
            step->target >= 0 ? cnn_runner_input(program->runner, step->target, set) : NULL;
    }
}

/* A smaller program, with the batch that lies in a place of `full`. */
static cnn_status copy_to_smaller(cnn_run *run, const cnn_compiled *full, cnn_flight *flight,
                                  cnn_error *err)
{
    cnn_pass from, to;
    const uint32_t set = flight->set;
    const cnn_data_shape *shape = cnn_data_shape_of(run->data);
    cnn_status status = cnn_run_program(run, full->mode, flight->samples, &flight->program, err);
    if (status != CNN_OK)
        return status;
    set_places(full, &from);
    set_places(flight->program, &to);
    memcpy(to.input[set], from.input[set], (size_t)(flight->samples * cnn_bytes(&shape->input)));
    if (to.target[set] != NULL)
        memcpy(to.target[set], from.target[set],
               (size_t)(flight->samples * cnn_bytes(&shape->target)));
    return CNN_OK;
}

static cnn_status start(cnn_run *run, cnn_compiled *full, const cnn_batch_work *work,
                        cnn_flight *flight, cnn_error *err)
{
    cnn_status status = CNN_OK;
    flight->program = full;
    if (flight->samples != full->batch)
        status = copy_to_smaller(run, full, flight, err);
    if (status != CNN_OK)
        return status;
    if (work->prepare != NULL)
        work->prepare(work->context, flight);
    return cnn_runner_run(flight->program->runner, flight->set, err);
}

static cnn_status run_all(cnn_run *run, cnn_compiled *full, int64_t first,
                          const cnn_batch_work *work, cnn_error *err)
{
    cnn_flight last = { .program = NULL };
    cnn_status status = CNN_OK;
    for (int64_t batch = first; status == CNN_OK; batch++) {
        cnn_flight next = { .set = (uint32_t)(batch % CNN_SETS) };
        if (last.program != NULL && work->stops != NULL && work->stops(work->context))
            break;
        status = cnn_feed_next(run->feed, &next.samples, err);
        if (status != CNN_OK || next.samples == 0)
            break;
        status = start(run, full, work, &next, err);
        if (status == CNN_OK && last.program != NULL)
            status = work->finish(work->context, &last, err);
        last = next;
    }
    return status == CNN_OK && last.program != NULL ? work->finish(work->context, &last, err)
                                                    : status;
}

cnn_status cnn_run_batches(cnn_run *run, cnn_compiled *full, cnn_pass *pass,
                           const cnn_batch_work *work, cnn_error *err)
{
    cnn_status status = CNN_OK;
    if (run->feed == NULL)
        status = cnn_feed_open(run->data, (uint32_t)run->config->data.threads, &run->feed, err);
    if (status != CNN_OK)
        return status;
    set_places(full, pass);
    cnn_feed_begin(run->feed, pass);
    status = run_all(run, full, pass->first, work, err);
    cnn_feed_end(run->feed);
    return status;
}
