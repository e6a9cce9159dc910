/* A shared object, but no plugin. */
#include <cnnrun/plugin.h>

CNN_EXPORT int no_entry_answer(void);
int no_entry_answer(void)
{
    return 42;
}
