/* The patterns (pattern.h). */
#include "tests/bench/pattern.h"

#include <stddef.h>
#include <string.h>

static const struct pattern patterns[] = {
	{.name = "pubsub",
	 .sends = "PUB",
	 .takes = "SUB",
	 .sender = "publisher",
	 .taker = "subscriber",
	 .sent = "published",
	 .came = "delivered",
	 .subscribes = true},
	{.name = "pushpull",
	 .sends = "PUSH",
	 .takes = "PULL",
	 .sender = "sender",
	 .taker = "receiver",
	 .sent = "sent",
	 .came = "received"},
	{.name = "reqrep",
	 .sends = "DEALER",
	 .takes = "REP",
	 .sender = "requester",
	 .taker = "replier",
	 .sent = "asked",
	 .came = "answered",
	 .replies = true},
};

const struct pattern *pattern_named(const char *name)
{
	for (unsigned i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
		if (strcmp(patterns[i].name, name) == 0)
			return &patterns[i];
	return NULL;
}
