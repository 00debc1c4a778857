/* OpenPGM as source and as receiver (openpgm.h). */
#include "tests/interop/openpgm.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <pgm/pgm.h>

#define NETWORK       LAB_PEER_IP ";239.192.7.1"
#define SPORT         7501
#define MTU           1500
#define RATE_BYTES    6250000 /* a second: 50 Mbit/s */
#define WINDOW_SQNS   25000   /* packets */
#define WINDOW_SECS   5
#define RECEIVE_BYTES (64 << 20)
#define FDS           8
#define TSDU_HEAD     2
#define TSDU_BYTES    1000 /* of a source's, its head included */
#define NONE          0xffff
#define LONG          0xff
#define HEAD_MAX      10
#define FILLER_BYTES  60

struct link {
	struct peer *self;
	const struct openpgm *plan;
	pgm_sock_t *sock;
	/* out: the TSDU at hand */
	_Alignas(64) uint8_t tsdu[TSDU_BYTES]; /* OpenPGM's checksum reads no other */
	unsigned len;
	uint16_t first;
	/* in: the frame at hand, and where the next message begins in the stream */
	bool joined, warm, ended;
	uint8_t *frame, *due;
	size_t have, room;
	uint64_t at; /* bytes of the stream before the TSDU at hand */
	uint64_t frame_at, received;
	double began;
};

/* --- the socket --- */

static void fail_pgm(struct link *l, const char *what, pgm_error_t *error)
{
	peer_fail(l->self, "OpenPGM: %s: %s", what,
		  error && error->message ? error->message : "refused");
}

static void set(struct link *l, int option, int value)
{
	if (!pgm_setsockopt(l->sock, IPPROTO_PGM, option, &value, sizeof(value)))
		peer_fail(l->self, "OpenPGM: option 0x%x = %d is refused", option, value);
}

static void set_source(struct link *l)
{
	static const int heartbeats[] = {pgm_msecs(100), pgm_msecs(100), pgm_msecs(100),
					 pgm_msecs(100), pgm_msecs(1300)};
	const struct pgm_fecinfo_t fec = {.block_size = 2 * OPENPGM_TG,
					  .group_size = OPENPGM_TG,
					  .ondemand_parity_enabled = true};
	const int rate = l->plan->rate_bytes ? (int)l->plan->rate_bytes : RATE_BYTES;

	set(l, PGM_SEND_ONLY, 1);
	set(l, PGM_ODATA_MAX_RTE, rate);
	/* Of a window of so many packets OpenPGM makes no room for parity. */
	if (l->plan->fec) {
		set(l, PGM_TXW_SECS, WINDOW_SECS);
		set(l, PGM_TXW_MAX_RTE, rate);
	} else {
		set(l, PGM_TXW_SQNS, WINDOW_SQNS);
	}
	set(l, PGM_AMBIENT_SPM, l->plan->spm_ms ? pgm_msecs(l->plan->spm_ms) : pgm_secs(30));
	if (!pgm_setsockopt(l->sock, IPPROTO_PGM, PGM_HEARTBEAT_SPM, heartbeats,
			    sizeof(heartbeats)))
		fail_pgm(l, "heartbeats", NULL);
	if (!l->plan->fec)
		return;
	if (!pgm_setsockopt(l->sock, IPPROTO_PGM, PGM_USE_FEC, &fec, sizeof(fec)))
		fail_pgm(l, "parity", NULL);
	openpgm_mend_parity(SPORT, OPENPGM_PORT);
}

static void set_receiver(struct link *l)
{
	set(l, PGM_RECV_ONLY, 1);
	set(l, PGM_RXW_SQNS, WINDOW_SQNS);
	set(l, PGM_PEER_EXPIRY, pgm_secs(300));
	set(l, PGM_SPMR_EXPIRY, pgm_msecs(25));
	set(l, PGM_NAK_BO_IVL, pgm_msecs(50));
	set(l, PGM_NAK_RPT_IVL, pgm_msecs(200));
	set(l, PGM_NAK_RDATA_IVL, pgm_msecs(200));
	set(l, PGM_NAK_DATA_RETRIES, 50);
	set(l, PGM_NAK_NCF_RETRIES, 50);
}

static const char *network(const struct link *l)
{
	return l->plan->network ? l->plan->network : NETWORK;
}

static void bind_here(struct link *l, const struct pgm_addrinfo_t *where)
{
	struct pgm_sockaddr_t at = {.sa_port = OPENPGM_PORT, .sa_addr = {.sport = SPORT}};
	struct pgm_interface_req_t via = {.ir_interface = where->ai_recv_addrs[0].gsr_interface};
	pgm_error_t *error = NULL;

	pgm_gsi_create_from_string(&at.sa_addr.gsi, network(l), -1);
	if (!pgm_bind3(l->sock, &at, sizeof(at), &via, sizeof(via), &via, sizeof(via), &error))
		fail_pgm(l, "bind", error);
}

static void join_group(struct link *l, const struct pgm_addrinfo_t *where)
{
	if (!pgm_setsockopt(l->sock, IPPROTO_PGM, PGM_JOIN_GROUP, &where->ai_recv_addrs[0],
			    sizeof(struct group_req)) ||
	    !pgm_setsockopt(l->sock, IPPROTO_PGM, PGM_SEND_GROUP, &where->ai_send_addrs[0],
			    sizeof(struct group_req)))
		fail_pgm(l, "the group", NULL);
}

/* So that nothing is lost but what the test loses. */
static void make_room(struct link *l)
{
	int fd, bytes = RECEIVE_BYTES;
	socklen_t n = sizeof(fd);

	if (!pgm_getsockopt(l->sock, IPPROTO_PGM, PGM_RECV_SOCK, &fd, &n) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		peer_fail(l->self, "a receive buffer of %d bytes: %s", bytes, strerror(errno));
}

static void open_link(struct link *l, bool sends)
{
	struct pgm_addrinfo_t *where = NULL;
	pgm_error_t *error = NULL;

	/* Its end is its own, and not that of a test in this process's parent. */
	signal(SIGSEGV, SIG_DFL);
	signal(SIGABRT, SIG_DFL);
	if (!pgm_init(&error) || !pgm_getaddrinfo(network(l), NULL, &where, &error) ||
	    !pgm_socket(&l->sock, AF_INET, SOCK_SEQPACKET, l->plan->udp ? IPPROTO_UDP : IPPROTO_PGM,
			&error))
		fail_pgm(l, "socket", error);
	if (l->plan->udp) {
		set(l, PGM_UDP_ENCAP_UCAST_PORT, OPENPGM_PORT);
		set(l, PGM_UDP_ENCAP_MCAST_PORT, OPENPGM_PORT);
	}
	set(l, PGM_MTU, MTU);
	(sends ? set_source : set_receiver)(l);
	bind_here(l, where);
	join_group(l, where);
	pgm_freeaddrinfo(where);
	set(l, PGM_MULTICAST_LOOP, 0);
	set(l, PGM_MULTICAST_HOPS, l->plan->hops ? (int)l->plan->hops : 1);
	set(l, PGM_NOBLOCK, 1);
	if (!pgm_connect(l->sock, &error))
		fail_pgm(l, "connect", error);
	make_room(l);
}

static void close_link(struct link *l)
{
	pgm_close(l->sock, true);
	pgm_shutdown();
	free(l->frame);
	free(l->due);
}

/* Until something has come, or the test says something, but no longer: OpenPGM's timers are looked
 * at with each call into it. */
static void wait_for(struct link *l, short events, int ms)
{
	struct pollfd fds[FDS] = {{.fd = peer_descriptor(l->self), .events = POLLIN}};
	int n = FDS - 1;

	if (pgm_poll_info(l->sock, fds + 1, &n, events) < 0)
		fail_pgm(l, "poll", NULL);
	poll(fds, (nfds_t)n + 1, ms);
}

/* --- a source --- */

/* NAKs are answered, and parity goes out: a packet a call. */
static void repair(struct link *l)
{
	struct pgm_msgv_t none;
	size_t n = 0;

	if (pgm_recvmsgv(l->sock, &none, 1, MSG_DONTWAIT, &n, NULL) == PGM_IO_STATUS_ERROR)
		fail_pgm(l, "repairs", NULL);
}

static void send_tsdu(struct link *l)
{
	size_t n = 0;
	int status;

	l->tsdu[0] = (uint8_t)(l->first >> 8);
	l->tsdu[1] = (uint8_t)l->first;
	while ((status = pgm_send(l->sock, l->tsdu, l->len, &n)) != PGM_IO_STATUS_NORMAL) {
		if (status != PGM_IO_STATUS_RATE_LIMITED && status != PGM_IO_STATUS_WOULD_BLOCK)
			peer_fail(l->self, "OpenPGM: send: status %d", status);
		repair(l);
		wait_for(l, POLLIN, 1);
	}
	repair(l);
	l->len = TSDU_HEAD;
	l->first = NONE;
}

static void append(struct link *l, const uint8_t *at, size_t n)
{
	while (n) {
		size_t some = n < TSDU_BYTES - l->len ? n : TSDU_BYTES - l->len;

		memcpy(l->tsdu + l->len, at, some);
		l->len += (unsigned)some;
		at += some;
		n -= some;
		if (l->len == TSDU_BYTES)
			send_tsdu(l);
	}
}

static void put(struct link *l, const void *body, uint32_t n)
{
	uint8_t head[HEAD_MAX] = {0};
	uint64_t len = (uint64_t)n + 1; /* the flags count */

	if (l->first == NONE)
		l->first = (uint16_t)(l->len - TSDU_HEAD);
	if (len < LONG) {
		head[0] = (uint8_t)len;
		append(l, head, 2);
	} else {
		head[0] = LONG;
		for (unsigned i = 0; i < 8; i++)
			head[1 + i] = (uint8_t)(len >> (56 - 8 * i));
		append(l, head, HEAD_MAX);
	}
	append(l, body, n);
}

/* What has been put is on its way. With parity all TSDUs are of one length, and a group is complete
 * before it can be repaired: what nobody looks at fills them. */
static void flush_out(struct link *l)
{
	static const uint8_t filler[FILLER_BYTES] = FLOW_WARM "0";

	if (!l->plan->fec) {
		if (l->len > TSDU_HEAD)
			send_tsdu(l);
		return;
	}
	for (unsigned i = 0; i < 2 * OPENPGM_TG * TSDU_BYTES / FILLER_BYTES; i++)
		put(l, filler, FILLER_BYTES);
}

static bool is_told(struct link *l, int ms)
{
	repair(l);
	wait_for(l, POLLIN, ms);
	return peer_is_told(l->self);
}

static void send_flow(struct link *l)
{
	const struct flow *f = l->plan->flow;
	uint8_t *buf = malloc(flow_bytes_max(f));

	for (uint64_t i = 0; i < f->messages; i++) {
		put(l, buf, flow_part(f, 0, i, 0, buf));
		if (!l->plan->fec && i % 7 == 0)
			flush_out(l);
	}
	free(buf);
}

void openpgm_publish(struct peer *self, const void *plan)
{
	struct link l = {.self = self, .plan = plan, .len = TSDU_HEAD, .first = NONE};
	uint64_t messages = l.plan->flow->messages;
	char mark[48];
	double began;

	open_link(&l, true);
	peer_say(self, "ready", 0, 0);
	while (!is_told(&l, 1)) {
		put(&l, FLOW_WARM "0", 2);
		flush_out(&l);
	}
	peer_listen(self, "go");
	began = peer_clock();
	send_flow(&l);
	put(&l, mark,
	    (uint32_t)snprintf(mark, sizeof(mark), "~0 %llu", (unsigned long long)messages));
	flush_out(&l);
	peer_say(self, "sent", messages, peer_clock() - began);
	while (!is_told(&l, 10))
		;
	peer_listen(self, "end");
	close_link(&l);
}

/* --- a receiver --- */

static void take_message(struct link *l, const uint8_t *at, size_t n)
{
	const struct flow *f = l->plan->flow;
	unsigned long long i = l->received, total;

	if (n && at[0] == FLOW_WARM[0]) {
		if (!l->warm)
			peer_say(l->self, "warm", 0, 0);
		l->warm = true;
	} else if (n && at[0] == '~') {
		l->frame[l->have] = '\0';
		if (sscanf((const char *)at, "~0 %llu", &total) != 1 || total != i)
			peer_fail(l->self, "\"%s\" came after %llu messages", (const char *)at, i);
		l->ended = true;
	} else {
		if (l->received == 0)
			l->began = peer_clock();
		if (i == f->messages || n != flow_part(f, 0, i, 0, l->due) ||
		    memcmp(at, l->due, n) != 0)
			peer_fail(l->self, "a message of %zu bytes is not number %llu", n, i);
		l->received++;
	}
}

/* Bytes of the frame at hand, as far as is known: one more, or all of it. */
static size_t frame_needs(const struct link *l, size_t *head)
{
	uint64_t len = 0;

	*head = l->have && l->frame[0] == LONG ? HEAD_MAX : 2;
	if (l->have < *head)
		return *head;
	if (*head == 2)
		return *head - 1 + l->frame[0];
	for (unsigned i = 1; i < 9; i++)
		len = len << 8 | l->frame[i];
	return *head - 1 + len;
}

/* Where the first frame that begins in these bytes does. */
static uint16_t take_bytes(struct link *l, const uint8_t *bytes, size_t n)
{
	uint16_t first = NONE;
	size_t head, needs;

	for (size_t i = 0; i < n; i++) {
		if (!l->have && first == NONE)
			first = (uint16_t)i;
		l->frame[l->have++] = bytes[i];
		needs = frame_needs(l, &head);
		if (needs > l->room)
			peer_fail(l->self, "after %llu messages a frame of %zu bytes came",
				  (unsigned long long)l->received, needs);
		if (l->have < needs || l->have < head)
			continue;
		if (l->frame[head - 1])
			peer_fail(l->self, "flags 0x%02x came", l->frame[head - 1]);
		take_message(l, l->frame + head, needs - head);
		l->have = 0;
	}
	return first;
}

static void take_tsdu(struct link *l, const uint8_t *at, size_t n)
{
	uint16_t first, begins;
	size_t skip = 0;

	if (n < TSDU_HEAD)
		peer_fail(l->self, "a TSDU of %zu bytes came", n);
	first = (uint16_t)(at[0] << 8 | at[1]);
	at += TSDU_HEAD;
	n -= TSDU_HEAD;
	if (!l->joined && first == NONE)
		return;
	if (!l->joined)
		skip = first;
	if (skip >= n)
		peer_fail(l->self, "a message begins at %zu of %zu bytes", skip, n);
	begins = take_bytes(l, at + skip, n - skip);
	if (begins != (l->joined ? first : 0))
		peer_fail(l->self, "after %llu messages one begins at %u, but %u is said",
			  (unsigned long long)l->received, begins, first);
	l->joined = true;
}

static void receive(struct link *l)
{
	struct pgm_msgv_t msg;
	pgm_error_t *error = NULL;
	size_t n = 0;

	switch (pgm_recvmsg(l->sock, &msg, MSG_DONTWAIT, &n, &error)) {
	case PGM_IO_STATUS_NORMAL:
		if (msg.msgv_len != 1)
			peer_fail(l->self, "an APDU of %u packets came", msg.msgv_len);
		take_tsdu(l, msg.msgv_skb[0]->data, msg.msgv_skb[0]->len);
		break;
	case PGM_IO_STATUS_WOULD_BLOCK:
	case PGM_IO_STATUS_TIMER_PENDING:
	case PGM_IO_STATUS_RATE_LIMITED:
		wait_for(l, POLLIN, 5);
		break;
	case PGM_IO_STATUS_RESET:
		/* Before its first SPM it cannot ask for repairs, and gives up. */
		if (l->received)
			fail_pgm(l, "receive", error);
		pgm_error_free(error);
		l->joined = false;
		l->have = 0;
		break;
	default:
		fail_pgm(l, "receive", error);
	}
}

void openpgm_subscribe(struct peer *self, const void *plan)
{
	struct link l = {.self = self, .plan = plan};
	double deadline = peer_clock() + lab_patience_ms() * 1e-3;

	l.room = flow_bytes_max(l.plan->flow) + HEAD_MAX;
	l.frame = malloc(l.room + 1);
	l.due = malloc(l.room);
	open_link(&l, false);
	peer_say(self, "joined", 0, 0);
	while (!l.ended) {
		uint64_t before = l.received;

		receive(&l);
		if (l.received > before || !l.warm)
			deadline = peer_clock() + lab_patience_ms() * 1e-3;
		else if (peer_clock() > deadline)
			peer_fail(self, "nothing came after %llu messages",
				  (unsigned long long)l.received);
	}
	peer_say(self, "received", l.received, l.received ? peer_clock() - l.began : 0);
	peer_listen(self, "end");
	close_link(&l);
}
