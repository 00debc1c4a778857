/* What the files of zmtp/ share with each other and with nobody else. A function that may find a
 * reason to end the session returns it, or FINE; the caller hands up what came before, and ends it.
 */
#ifndef ZL_ZMTP_ZMTP_H
#define ZL_ZMTP_ZMTP_H

#include <rte_mbuf.h>

#include "dataplane/zmtp/codec.h"
#include "dataplane/zmtp/session.h"

#define FINE ZL_ZMTP_COUNTERS

static inline struct zl_buf *buf_of(struct rte_mbuf *m)
{
	return (struct zl_buf *)m;
}
static inline struct rte_mbuf *mbuf_of(const struct zl_msg *m)
{
	return (struct rte_mbuf *)m->buf;
}
/* Bytes that a buffer could hold: what a piece's size is compared with before it pins all of them.
 */
static inline uint32_t room_of(const struct rte_mbuf *m)
{
	return m->buf_len > RTE_PKTMBUF_HEADROOM ? m->buf_len - RTE_PKTMBUF_HEADROOM : m->buf_len;
}

/* session.c */
/* A command travels to control in one packet. */
#define COMMAND_MAX                                                                                \
	(ZL_IPC_PACKET_MAX - sizeof(struct zl_ipc_header) - sizeof(struct zl_ipc_stream_bytes))
/* Count the reason and end the session; see zl_session_close. */
void session_end(struct zl_session *s, enum zl_zmtp_counter reason, bool flush);

/* gather.c: a frame whose bytes are spread over buffers, or must be contiguous */
/* Moves bytes of s->rx into the frame being gathered, as many as it lacks; sets s->rx to NULL if
 * the whole buffer went into it. */
enum zl_zmtp_counter gather(struct zl_session *s);
/* `want` bytes without a header, contiguous: the greeting. `want` may grow from call to call. */
enum zl_zmtp_counter gather_plain(struct zl_session *s, uint32_t want);
bool gathering(const struct zl_session *s);
bool gather_complete(const struct zl_session *s);
/* The complete frame as a descriptor, and the caller's reference with it. */
void gather_take(struct zl_session *s, struct zl_msg *m);
void gather_clear(struct zl_session *s);

/* May this frame come at all, here and now? */
enum zl_zmtp_counter frame_check(const struct zl_session *s, int parsed, const struct zl_frame *f);

/* parts.c: parts that wait */
/* Takes references of its own (or copies). */
enum zl_zmtp_counter parts_push(struct zl_session *s, const struct zl_msg *msgs, unsigned n);
/* Offers what is whole. False: not all was taken. */
bool parts_deliver(struct zl_session *s);
void parts_clear(struct zl_session *s);
static inline bool parts_unfinished(const struct zl_session *s)
{
	return s->parts.n > s->parts.whole;
}

/* greeting.c: where a greeting's pieces end, of the first n bytes that are here */
/* How many must be there before more can be said; n: it is over, or it is no greeting. */
uint32_t greeting_need(const uint8_t *g, uint32_t n);
/* Is there an answer due that the peer may be waiting for? */
bool greeting_wants_answer(const uint8_t *g, uint32_t n);
/* Over, and commands follow. */
bool greeting_of_3(const uint8_t *g, uint32_t n);
/* Of such a one: it asks for this mechanism. */
bool greeting_asks_for(const uint8_t *g, const char *mechanism);

/* handshake.c: before traffic */
/* One step; false: nothing more to do for now. */
bool handshake_input(struct zl_session *s, enum zl_zmtp_counter *why);

/* command.c: commands in traffic */
/* `m` is the whole command. True: it is a subscription, and m has become the part that says so. */
bool command_input(struct zl_session *s, struct zl_msg *m, bool in_message,
		   enum zl_zmtp_counter *why);

/* write.c: the tail buffer, which is shared by all sessions of the core */
bool tail_has(const struct zl_zmtp *z, uint32_t n);
bool tail_renew(struct zl_zmtp *z);
bool queue_slices(struct zl_session *s, const struct zl_slice *slice, unsigned n);
/* A copy of these, all or nothing; `msgs` messages end with them. */
bool queue_bytes(struct zl_session *s, const uint8_t *bytes, uint32_t len, uint32_t msgs);

/* heartbeat.c */
enum zl_zmtp_counter heartbeat_ping(struct zl_session *s, const uint8_t *data, uint64_t len);
enum zl_zmtp_counter heartbeat_pong(struct zl_session *s, uint64_t len);

/* receive.c */
/* The next bytes to cut are in s->rx; false: there are none. */
bool next_buffer(struct zl_session *s);
/* Lets go of s->rx if it is used up and nobody else needs it. */
void buffer_done(struct zl_session *s);

#endif
