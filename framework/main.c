/* The program: the command line, or one plugin's examination (see loader.h). */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "loader.h"

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--examine") == 0)
        return cnn_examine_main(argv[2], atoi(argv[3]));
    return cnn_cli_main(argc, argv);
}
