/* Inside of control/: a connection to a ZAP handler, as a DEALER's, for zap.c. It connects, and
 * connects again, by itself, over the kernel's TCP or AF_UNIX, and never waits for anything. */
#ifndef ZL_CONTROL_ZAP_LINE_H
#define ZL_CONTROL_ZAP_LINE_H

#include "control/handshake/zap.h"
#include "control/loop.h"

#define ZL_ZAP_FRAME_MAX 16384 /* a longer one ends the connection */
#define ZL_ZAP_UNSENT    (4 * ZL_ZAP_REQUEST_MAX)

struct zl_zap_line_ops {
	void (*ready)(void *context); /* it takes requests, from now on or again */
	void (*message)(void *context, const struct zl_zap_message *m);
	void (*down)(void *context, const char *why); /* with it whatever was not answered */
};

enum zl_zap_line_state {
	ZL_ZAP_WAITING, /* for the next try */
	ZL_ZAP_CONNECTING,
	ZL_ZAP_HANDSHAKE,
	ZL_ZAP_READY
};

struct zl_zap_line {
	struct zl_loop *loop;
	struct zl_ipc_sockaddr address;
	const struct zl_zap_line_ops *ops;
	void *context;
	enum zl_zap_line_state state;
	struct zl_watch watch;
	struct zl_timer timer; /* the next try, or the end of this one */
	uint32_t retry_ms;
	struct zl_handshake handshake;
	struct zl_zap_message message;
	size_t in_bytes, out_at, out_bytes;
	uint8_t in[ZL_ZAP_FRAME_MAX], out[ZL_ZAP_UNSENT];
};

/* Begins to connect. The line must stay where it is until it is closed. */
void zl_zap_line_open(struct zl_zap_line *l, struct zl_loop *loop,
		      const struct zl_ipc_sockaddr *address, const struct zl_zap_line_ops *ops,
		      void *context);
void zl_zap_line_close(struct zl_zap_line *l);
/* Where a request may be written, ZL_ZAP_REQUEST_MAX bytes; NULL: `ready` will tell. */
uint8_t *zl_zap_line_room(struct zl_zap_line *l);
/* So much has been. */
void zl_zap_line_send(struct zl_zap_line *l, size_t bytes);

#endif
