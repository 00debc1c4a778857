/* What a source or a receiver says of a packet that it was shown. Several flows may share a group
 * and a port, so a packet is shown to each until one says that it is its own. */
#ifndef ZL_PGM_INPUT_H
#define ZL_PGM_INPUT_H

enum pgm_input {
	PGM_TAKEN,   /* its own, and of use */
	PGM_DROPPED, /* its own, and counted as dropped for a reason of pgm_counters.def */
	PGM_NOT_OURS /* of another session, port or direction: not looked at any further */
};

#endif
