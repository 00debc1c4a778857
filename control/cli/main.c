/* zeroline: the command line of the appliance. All of it is in cli_main(), so that tests can run it
 * without a process. */
#include <locale.h>

#include "control/cli/cli.h"

int main(int argc, char **argv)
{
	/* Only how wide a character is depends on the locale: no numbers with decimal commas. */
	setlocale(LC_CTYPE, "C.UTF-8");
	return cli_main(argc, argv, stdout, stderr);
}
