/* zeroline-control: see control.c. */
#include "control/control.h"

int main(int argc, char **argv)
{
	return zl_control_main(argc, argv);
}
