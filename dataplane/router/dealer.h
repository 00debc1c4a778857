/* What the patterns that both send and receive without names share: DEALER, and with less PAIR,
 * CLIENT and CHANNEL. */
#ifndef ZL_ROUTER_DEALER_H
#define ZL_ROUTER_DEALER_H

#include "dataplane/router/balance.h"
#include "dataplane/router/inbox.h"
#include "dataplane/router/notices.h"
#include "dataplane/router/single.h"

struct zl_dealer {
	struct zl_balance balance;
	struct zl_inbox inbox;
	struct zl_notices notices;
	struct zl_single single; /* CLIENT, CHANNEL, DGRAM */
	struct zl_pipe *only;    /* PAIR, CHANNEL, DGRAM: the peer */
};

int zl_dealer_open(struct zl_socket *s);
void zl_dealer_close(struct zl_socket *s);
void zl_dealer_pipe_removed(struct zl_socket *s, struct zl_pipe *p);
unsigned zl_dealer_input(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs,
			 unsigned n);
int zl_dealer_send(struct zl_socket *s, const struct zl_msg *msgs, unsigned n, bool local);
bool zl_dealer_can_send(const struct zl_socket *s);
void zl_dealer_broken(struct zl_socket *s);
void zl_dealer_released(struct zl_socket *s, struct zl_pipe *p);

/* pair.c: what CHANNEL and DGRAM do as PAIR does. */
void zl_pair_pipe_added(struct zl_socket *s, struct zl_pipe *p);
void zl_pair_pipe_removed(struct zl_socket *s, struct zl_pipe *p);

/* client.c: what CHANNEL does as CLIENT does. */
unsigned zl_client_input(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs,
			 unsigned n);
int zl_client_send(struct zl_socket *s, const struct zl_msg *msgs, unsigned n, bool local);

#endif
