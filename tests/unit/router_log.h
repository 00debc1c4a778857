/* A socket whose writes, receptions and subscriptions are written down as text, for the tests of
 * patterns: a message is its parts joined by '+', and ends with a space. */
#ifndef ZL_UNIT_ROUTER_LOG_H
#define ZL_UNIT_ROUTER_LOG_H

#include "dataplane/router/socket.h"

enum {
	LOG_PIPES = 40,
	LOG_TEXT = 4096
};

struct router_log {
	struct zl_socket socket;
	struct zl_pipe pipe[LOG_PIPES];
	char out[LOG_PIPES][LOG_TEXT]; /* what each pipe was written */
	char received[LOG_TEXT], upstream[LOG_TEXT], subs[LOG_TEXT];
	unsigned writes; /* calls of write since the last clear */
	unsigned accept; /* parts that receive, upstream and subscriptions still take */
	unsigned broken[LOG_PIPES], broken_receive;
	char misbehaved[LOG_TEXT]; /* pipe:reason of each that was to be closed */
	uint64_t counter[ZL_ROUTER_COUNTERS];
};

/* hwm 10 and sndbuf 0 unless changed in pipe[] or socket. */
void log_open(struct router_log *l, enum zl_socket_type type);
/* With this policy and these options (NULL: none), which stay the test's; alone: whoever decides
 * subscriptions is the pattern. */
void log_open_with(struct router_log *l, enum zl_socket_type type,
		   const struct zl_ipc_policy *policy, const struct zl_socket_options *options,
		   bool alone);
void log_close(struct router_log *l);
/* Pipe i joins, as a peer or as another core. */
void log_add(struct router_log *l, unsigned i, enum zl_pipe_kind kind);
/* A peer of this name, which stays the test's; "" for none. */
void log_add_named(struct router_log *l, unsigned i, const char *name);
/* Buffers made by patterns, of every log, that have references left. */
unsigned log_buffers(void);
void log_subscribe(struct router_log *l, unsigned i, const char *prefix);
/* Words are messages, '+' goes between parts; a '+' at the end leaves the last message open.
 * Returns how many parts there are. */
unsigned log_parse(struct zl_msg *msgs, const char *text);
/* How many parts were taken. */
int log_send(struct router_log *l, const char *text);
int log_send_local(struct router_log *l, const char *text);
unsigned log_input(struct router_log *l, unsigned i, const char *text);
/* Forgets what was written down. */
void log_clear(struct router_log *l);

#endif
