/* A device between pushers and pullers (pipeline.h), of whatever types and whoever connects. */
#ifndef ZL_TESTS_INTEROP_LINE_H
#define ZL_TESTS_INTEROP_LINE_H

#include "tests/interop/pipeline.h"
#include "tests/interop/transport.h"

struct line {
	const struct transport *transport;
	bool connects;  /* the appliance does, on both sides */
	bool up;        /* messages go from the backend to the frontend */
	unsigned peers; /* on each side */
	struct appliance *appliance;
	struct pusher pusher_plan[PUSHERS_MAX];
	struct puller puller_plan[PUSHERS_MAX];
	struct peer *pusher[PUSHERS_MAX], *puller[PUSHERS_MAX];
	char side[2][320]; /* of the configuration */
};

/* types: of the appliance's sockets, NULL for the kind's own; `more` goes into both sides' maps. */
void line_start(struct line *l, const char *kind, const char *const types[2], const char *more);
/* Number i of the peers; its endpoint, bind and (a pusher's) id are filled in. */
void line_pusher(struct line *l, unsigned i, struct pusher plan);
void line_puller(struct line *l, unsigned i, struct puller plan);
/* SIGKILL, and another in its place; back when it is there. */
void line_replace_pusher(struct line *l, unsigned i);
void line_replace_puller(struct line *l, unsigned i);
/* All are there; then the pushers start. */
void line_go(struct line *l);
/* All has been sent, and has arrived, each message once; shares: how much each puller has had. */
void line_arrives(struct line *l, uint64_t *shares);
void line_end(struct line *l);

#endif
