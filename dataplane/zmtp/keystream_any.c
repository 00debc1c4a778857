/* A machine whose vectors nothing is written for. */
#include "dataplane/zmtp/keystream.h"

unsigned zl_keystreams(zl_keystream_fn *all[ZL_KEYSTREAMS_MAX])
{
	all[0] = zl_keystream_portable;
	return 1;
}
