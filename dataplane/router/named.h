/* What sockets share that address their peers by name (ROUTER, SERVER, PEER, STREAM): each message
 * received carries its peer's name as a first part, and each message sent begins with the name of
 * the peer that it is for, which is taken off again. */
#ifndef ZL_ROUTER_NAMED_H
#define ZL_ROUTER_NAMED_H

#include "dataplane/router/inbox.h"
#include "dataplane/router/names.h"
#include "dataplane/router/notices.h"
#include "dataplane/router/outbox.h"

struct zl_named {
	struct zl_names names;
	struct zl_msg *label; /* by slot: the name as a part, made once; buf NULL: it has none */
	bool *skips;          /* by slot: parts are not received until the message's last */
	struct zl_inbox inbox;
	struct zl_outbox outbox;
	struct zl_notices notices;
};

/* As the hooks of zl_pattern; s->state is the zl_named. */
int zl_named_open(struct zl_socket *s);
void zl_named_close(struct zl_socket *s);
void zl_named_broken(struct zl_socket *s);
void zl_named_released(struct zl_socket *s, struct zl_pipe *p);
void zl_named_turn(struct zl_socket *s);
/* false: the pipe was refused, for its name is taken (handover: the one that had it is closed). */
bool zl_named_add(struct zl_socket *s, struct zl_pipe *p, bool handover);
/* The user is told something of p, as if p had sent it: these bytes, of which there may be none. */
void zl_named_note(struct zl_socket *s, const struct zl_pipe *p, const uint8_t *bytes, size_t len);
/* Its user has done with p: nothing of it is received or told any more, nobody has its name. */
void zl_named_dismiss(struct zl_socket *s, struct zl_pipe *p);
/* Forgets the pipe, and hands up what the user has not been told yet. */
void zl_named_remove(struct zl_socket *s, struct zl_pipe *p);
/* Receive, each message with its label before it. How many parts were taken. */
unsigned zl_named_input(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs,
			unsigned n);
/* Send. strict: a message for a peer that there is not is refused (-EHOSTUNREACH), and one for a
 * peer that is full is not taken; else both are dropped and counted. */
int zl_named_send(struct zl_socket *s, const struct zl_msg *msgs, unsigned n, bool strict);
/* The first part of a message: begins it with the peer that the part names, or with none. 1, or 0:
 * not to be taken now, or -EHOSTUNREACH. */
int zl_named_choose(struct zl_socket *s, const struct zl_msg *name, bool strict);

#endif
