/* Inside of drivers/host: a session of libnorm's. */
#ifndef ZL_DRIVERS_HOST_NORM_STATE_H
#define ZL_DRIVERS_HOST_NORM_STATE_H

#include "drivers/host/norm.h"
#include "drivers/host/norm_api.h"

struct norm_source {
	NormNodeHandle node;     /* NULL: free */
	NormObjectHandle stream; /* NULL: it has none */
	bool active;             /* it has been heard of lately */
	bool readable;
	bool in_step;       /* what is read next follows what was read last */
	uint64_t active_at; /* counts up: when it became so last */
};

struct zl_norm {
	struct zl_norm_config config;
	const struct zl_norm_ops *ops;
	void *ctx;
	NormInstanceHandle instance;
	NormSessionHandle session;
	NormObjectHandle stream; /* that it sends */
	uint64_t activations;
	struct norm_source source[ZL_NORM_SOURCES];
};

/* norm_in.c */
void norm_event(struct zl_norm *n, const NormEvent *e);

#endif
