/* Congestion control: an algorithm is one file and one of these. It owns the growth of cwnd and the
 * choice of ssthresh; loss detection and recovery (retransmit.c) are not its business. Bytes. */
#ifndef ZL_NET_TCP_CC_H
#define ZL_NET_TCP_CC_H

#include <stdint.h>

struct tcp_cc_ops;

struct tcp_cc {
	const struct tcp_cc_ops *ops;
	uint32_t cwnd, ssthresh;
	uint32_t mss;
	uint32_t acked; /* bytes since cwnd last grew in congestion avoidance */
};

struct tcp_cc_ops {
	const char *name;
	/* mss is known: the connection is about to send data. */
	void (*init)(struct tcp_cc *cc, uint32_t mss);
	/* `acked` new bytes were acknowledged out of recovery; `flight` were outstanding before. */
	void (*acked)(struct tcp_cc *cc, uint32_t acked, uint32_t flight);
	/* A loss was seen with `flight` outstanding: the new ssthresh. */
	uint32_t (*ssthresh)(const struct tcp_cc *cc, uint32_t flight);
	/* Nothing was sent for an RTO: cwnd no longer says anything of the path. */
	void (*idle)(struct tcp_cc *cc);
};

extern const struct tcp_cc_ops cc_newreno;

#endif
