/* Running a plan. */
#ifndef CPU_EXEC_H
#define CPU_EXEC_H

#include "plan.h"

cnn_status cpu_exec_create(cpu_plan *plan, cnn_exec **, cnn_error *); /* takes the plan over */
void cpu_exec_free(cnn_exec *);                                       /* accepts NULL */

/* memory[i] is that of externals[i]; `fresh`: a state has changed since the last run. seconds:
 * per node, added to; or NULL. */
cnn_status cpu_exec_run(cnn_exec *, void *const *memory, bool fresh, double *seconds, cnn_error *);

#endif
