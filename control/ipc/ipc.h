/* The contract between zeroline-dataplane and zeroline-control: packets on an AF_UNIX
 * SOCK_SEQPACKET socket (RUN_DIR/dataplane.sock). This folder is used by both sides, and nothing
 * else is shared.
 *
 * One packet is one zl_ipc_header and the fixed struct of its type, after which a few types carry
 * `tail` bytes (said below). Everything is in host byte order; strings are NUL-terminated within
 * their array. A receiver checks every packet with zl_ipc_check() before it looks inside; a packet
 * that fails ends the connection, not the process.
 *
 * The dataplane listens and serves one control at a time. On accept it sends HELLO. If HELLO says
 * "not set up", control sends SETUP, its PORTs, its ELEMENTs and START, then its sockets, devices
 * and endpoints. If it is set up, control sends DUMP and rebuilds its tables from what comes
 * (reconciliation), then goes on. Requests carry a seq and are answered by one RESULT of the same
 * seq, in order of completion; events carry seq 0. */
#ifndef ZL_CONTROL_IPC_H
#define ZL_CONTROL_IPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/ipc/options.h"
#include "control/ipc/policy.h"

#define ZL_IPC_VERSION    1
#define ZL_IPC_PACKET_MAX 16384 /* header, struct and tail */
#define ZL_IPC_SOCKET     "dataplane.sock"

#define ZL_NAME_MAX     32  /* a port's, socket's, device's name, NUL included */
#define ZL_ENDPOINT_MAX 256 /* "tcp://10.0.0.1:5555", NUL included */
#define ZL_REASON_MAX   48
#define ZL_TEXT_MAX     256
#define ZL_IDENTITY_MAX 255
#define ZL_USER_MAX     64 /* an authenticated name, NUL included */

#define ZL_POLL_CORES_MAX 16
#define ZL_CORES_MAX      17 /* poll cores and the host core */
#define ZL_IPC_PORTS_MAX  16
#define ZL_ELEMENTS_MAX   8
#define ZL_ELEMENT_GROUPS 64

/* X(NAME, struct suffix, direction): C control to dataplane, D dataplane to control.
 * R: a request, answered by RESULT. */
#define ZL_IPC_TYPES(X)                                                                            \
	/* start-up */                                                                             \
	X(HELLO, hello, D)                                                                         \
	X(SETUP, setup, CR)                                                                        \
	X(PORT, port, CR)                                                                          \
	X(ELEMENT, element, CR)                                                                    \
	X(START, empty, CR)                                                                        \
	X(RESULT, result, D)                                                                       \
	X(DUMP, empty, CR)                                                                         \
	X(SHUTDOWN, empty, CR)                                                                     \
	/* sockets, devices, endpoints: also sent D, seq of DUMP, as its answer */                 \
	X(SOCKET_ADD, socket, CR)                                                                  \
	X(SOCKET_DEL, id, CR)                                                                      \
	X(DEVICE_ADD, device, CR)                                                                  \
	X(DEVICE_DEL, id, CR)                                                                      \
	X(ENDPOINT_ADD, endpoint, CR)                                                              \
	X(ENDPOINT_DEL, id, CR)                                                                    \
	X(DIAL, id, CR)                                                                            \
	/* streams */                                                                              \
	X(STREAM_OPEN, stream_open, D)                                                             \
	X(STREAM_BYTES, stream_bytes, D)                                                           \
	X(STREAM_SEND, stream_send, C)                                                             \
	X(STREAM_SENT, stream_sent, D)                                                             \
	X(STREAM_READY, stream_ready, C)                                                           \
	X(STREAM_CLOSE, stream_close, C)                                                           \
	X(STREAM_CLOSED, stream_closed, D)                                                         \
	X(STREAM_STATE, stream_state, D)                                                           \
	/* subscriptions */                                                                        \
	X(STREAM_SUBS, subs, D)                                                                    \
	X(SUBS_ACK, subs_ack, C)                                                                   \
	X(MATCH, match, C)                                                                         \
	X(MATCH_STATE, match, D)                                                                   \
	/* measuring */                                                                            \
	X(COUNT, count, CR)                                                                        \
	/* steering */                                                                             \
	X(DEVICE_SET, device_set, CR)                                                              \
	X(ENDPOINT_SET, endpoint_set, CR)

enum zl_ipc_type {
	ZL_IPC_NONE,
#define X(name, st, dir) ZL_IPC_##name,
	ZL_IPC_TYPES(X)
#undef X
	ZL_IPC_TYPE_COUNT
};

struct zl_ipc_header {
	uint16_t type;
	uint16_t version;
	uint32_t length; /* of the whole packet */
	uint64_t seq;
};

struct zl_ipc_empty {
	uint64_t reserved;
};

/* An id (socket, device, endpoint); ids are chosen by control, never 0, never reused in a run. */
struct zl_ipc_id {
	uint32_t id;
	uint32_t reserved;
};

/* A socket address as the kernel has it (struct sockaddr_in, _in6, _un, _tipc, _vm); bytes 0: none.
 */
#define ZL_SOCKADDR_MAX 116
struct zl_ipc_sockaddr {
	uint32_t bytes;
	uint8_t at[ZL_SOCKADDR_MAX];
};

struct zl_ipc_result {
	int32_t error;          /* 0, or a negative errno */
	uint32_t config_line;   /* of what was refused (as PORT carried it), or 0 */
	char text[ZL_TEXT_MAX]; /* for a person: the thing, the value and the remedy; "" on success
				 */
	/* ENDPOINT_ADD of a bind that succeeded: where it listens, all wildcards filled in. */
	struct zl_ipc_sockaddr bound;
};

/* The cores of the mesh: the poll cores, 0 .. poll_cores - 1, which have the ports, and after them
 * the host core, which has the kernel's sockets. */
static inline uint32_t zl_ipc_cores(uint32_t poll_cores)
{
	return poll_cores + 1;
}
static inline uint32_t zl_ipc_host_core(uint32_t poll_cores)
{
	return poll_cores;
}

/* D on accept. The stats segment's memfd (stats.h) rides along by SCM_RIGHTS once set up. */
struct zl_ipc_hello {
	uint32_t pid;
	uint32_t set_up;      /* 0: waiting for SETUP */
	uint64_t started_ns;  /* CLOCK_REALTIME of the dataplane's start: tells one run from another
			       */
	uint64_t config_hash; /* as SETUP gave it */
	uint32_t poll_cores;
	uint32_t ports;
	char version[32];
};

enum zl_idle {
	ZL_IDLE_ADAPTIVE,
	ZL_IDLE_BUSY
};

struct zl_ipc_setup {
	uint64_t config_hash;
	uint32_t poll_cores;            /* 1 .. ZL_POLL_CORES_MAX */
	uint32_t idle;                  /* enum zl_idle */
	uint32_t hugepages;             /* 0: --no-huge */
	uint32_t memory_mb;             /* of packet and table memory in all */
	int32_t cpu[ZL_POLL_CORES_MAX]; /* CPU of each poll core; -1: any of those allowed */
	int32_t host_cpu;               /* of the host core; -1: any */
	uint32_t max_streams;           /* per core */
	uint32_t matcher_mb;            /* most memory of a core's matcher */
	uint32_t handshake_ms;          /* deadline of a handshake: 30000 */
	uint32_t rcvbuf_bytes;          /* TCP receive window offered at most */
	uint32_t min_rto_ms, user_timeout_ms, keepalive_idle_ms, backlog;
	uint32_t half_open;            /* peers of a core that are not READY; 0: no limit */
	uint32_t half_open_an_address; /* of those, of one source (zl_ipc_source); 0: no limit */
	uint32_t reserved;
};

enum zl_port_kind {
	ZL_PORT_PHYSICAL,
	ZL_PORT_TAP,
	ZL_PORT_AF_PACKET,
	ZL_PORT_AF_XDP,
	ZL_PORT_MEMIF,
	ZL_PORT_PCAP,
	ZL_PORT_RING,
	ZL_PORT_KINDS
};
extern const char *const zl_port_kind_name[ZL_PORT_KINDS]; /* "physical", "tap", ... */

/* One direction of the impairment stage; probabilities in parts per million. */
struct zl_impair {
	uint32_t loss_ppm, duplicate_ppm, corrupt_ppm, reorder_ppm;
	uint32_t delay_us,
		jitter_us;     /* uniform in [delay, delay + jitter]; order kept unless reorder */
	uint32_t reorder_us;   /* extra delay of a reordered frame */
	uint32_t rate_kbps;    /* 0: unlimited */
	uint32_t queue_frames; /* held at most; beyond: dropped and counted */
	uint32_t reserved;
	uint64_t seed;
};

struct zl_ipc_port {
	char name[ZL_NAME_MAX];
	uint32_t kind;     /* enum zl_port_kind */
	char device[128];  /* PCI address, interface, memif socket path, "rx.pcap,tx.pcap", ring */
	char options[128]; /* extra devargs, as DPDK takes them; "" */
	uint8_t mac[6];    /* 00:..:00: the device's own */
	uint16_t mtu;      /* 0: the device's */
	uint32_t ip, gateway; /* host order; 0: none */
	uint32_t prefix_len;
	uint32_t queues; /* 0: as many as poll cores if the kind can, else 1 */
	struct zl_impair rx, tx;
	uint32_t config_line;
	uint32_t reserved;
};

/* A PGM network element (RFC 3208 7): core 0 passes what is sent to these groups on between these
 * ports. No two elements have a group in common by the same port. */
struct zl_ipc_element {
	char name[ZL_NAME_MAX];
	uint32_t ports; /* two or more: a bit each, in the order that PORTs came */
	uint32_t groups;
	uint32_t group[ZL_ELEMENT_GROUPS]; /* host order */
	uint32_t config_line;
	uint32_t reserved;
};

static inline bool zl_ipc_element_has(const struct zl_ipc_element *e, uint32_t group)
{
	for (uint32_t i = 0; i < e->groups; i++)
		if (e->group[i] == group)
			return true;
	return false;
}

/* Socket types by ZeroMQ's own numbers (zmq.h), so nothing needs translating. */
enum zl_socket_type {
	ZL_PAIR,
	ZL_PUB,
	ZL_SUB,
	ZL_REQ,
	ZL_REP,
	ZL_DEALER,
	ZL_ROUTER,
	ZL_PULL,
	ZL_PUSH,
	ZL_XPUB,
	ZL_XSUB,
	ZL_STREAM,
	ZL_SERVER,
	ZL_CLIENT,
	ZL_RADIO,
	ZL_DISH,
	ZL_GATHER,
	ZL_SCATTER,
	ZL_DGRAM,
	ZL_PEER,
	ZL_CHANNEL,
	ZL_SOCKET_TYPES
};
extern const char
	*const zl_socket_type_name[ZL_SOCKET_TYPES]; /* "PAIR", "PUB", ... as ZMTP has it */

struct zl_ipc_socket {
	uint32_t id;
	uint32_t type; /* enum zl_socket_type */
	char name[ZL_NAME_MAX];
	uint32_t sndhwm, rcvhwm; /* messages; 0: no limit */
	uint32_t sndbuf;         /* bytes a peer may have queued whatever the HWM says */
	uint32_t home;           /* core that has the one instance of the socket; of no meaning
				  * where each core has its own part (zl_ipc_sharded) */
	uint64_t max_msg_bytes;  /* a longer frame or message closes its peer; 0: no limit */
	struct zl_ipc_options options;
	struct zl_ipc_policy policy;
};

enum zl_device_kind {
	ZL_FORWARDER,
	ZL_STREAMER,
	ZL_QUEUE,
	ZL_BRIDGE, /* any two that fit */
	ZL_DEVICE_KINDS
};
extern const char *const zl_device_kind_name[ZL_DEVICE_KINDS]; /* "forwarder", ... */

/* The socket types of a kind; ZL_SOCKET_TYPES for a bridge, which has none of its own. */
enum zl_socket_type zl_ipc_device_frontend(enum zl_device_kind kind);
enum zl_socket_type zl_ipc_device_backend(enum zl_device_kind kind);
/* May a device of this kind join these two? At least one must receive what the other sends. */
bool zl_ipc_device_joins(enum zl_device_kind kind, enum zl_socket_type frontend,
			 enum zl_socket_type backend);

/* Has each core its own part of such a socket, for the peers whose streams it has? Others have one
 * home, and what their peers on other cores say and hear crosses to it. */
bool zl_ipc_sharded(enum zl_socket_type type);

/* Do such a socket's peers speak no ZMTP (STREAM, and ROUTER with router_raw)? They are ready once
 * control has let them in, which says ZL_ZMTP_NONE: there is no greeting, handshake or frame. */
bool zl_ipc_raw(enum zl_socket_type type, const struct zl_ipc_options *options);

struct zl_ipc_device {
	uint32_t id;
	uint32_t kind; /* enum zl_device_kind */
	char name[ZL_NAME_MAX];
	uint32_t frontend, backend; /* socket ids; of one home, those that have one */
	uint32_t capture;           /* gets a copy of every message, both ways; 0: none */
	uint32_t paused;            /* 1: who sends is held back, and nothing is lost */
};
/* May a socket of this type be a device's capture? */
bool zl_ipc_device_captures(enum zl_socket_type type);

struct zl_ipc_device_set {
	uint32_t id;
	uint32_t paused;
};

/* A RADIO's subscription of so many bytes, one more than any group's name has, is to all groups: of
 * a flow's, as it cannot join any. What the bytes are does not matter. */
#define ZL_ALL_GROUPS 256

/* What carries an endpoint's streams: this stack, on every poll core, or the kernel, on the host
 * core alone. Of datagrams (zl_ipc_flows) there are no streams but one flow an endpoint, on one
 * core, that is dialled whether it binds or connects. */
enum zl_carrier {
	ZL_CARRIER_STACK, /* tcp:// on a port's address, or to what ports reach */
	ZL_CARRIER_TCP,   /* tcp:// on the kernel's addresses */
	ZL_CARRIER_IPC,
	ZL_CARRIER_TIPC,
	ZL_CARRIER_VMCI,
	ZL_CARRIER_UDP,  /* udp:// on ports */
	ZL_CARRIER_EPGM, /* PGM in UDP, and by itself: on ports */
	ZL_CARRIER_PGM,
	ZL_CARRIER_NORM, /* NORM in UDP (RFC 5740), by the kernel: a flow of the host core */
	ZL_CARRIERS
};
bool zl_ipc_flows(enum zl_carrier carrier);
/* Carried by ports, and not by the kernel? */
bool zl_ipc_on_ports(enum zl_carrier carrier);
/* Whom a bound ipc endpoint lets in: whoever one of them fits, everybody if there are none. A group
 * fits whose process has it as its own or among its others. */
enum zl_ipc_who {
	ZL_WHO_UID,
	ZL_WHO_GID,
	ZL_WHO_PID,
	ZL_WHOS
};
#define ZL_FILTERS_MAX 16
struct zl_ipc_filter {
	uint32_t who; /* enum zl_ipc_who */
	uint32_t id;
};
#define ZL_MODE_GIVEN 0x10000u /* beside the permission bits */
#define ZL_DEVICE_MAX 16       /* an interface's name, NUL included */

/* A group, and the address of the port that it is reached by. */
struct zl_ipc_line {
	uint32_t ip, via;
};

/* A bind (listens on every core of its carrier) or a connect (remembered only; DIAL opens a
 * stream, or of either kind the flow). */
struct zl_ipc_endpoint {
	uint32_t id;
	uint32_t socket;
	uint32_t connect;  /* 0: bind */
	uint32_t carrier;  /* enum zl_carrier */
	uint32_t ip;       /* STACK, flows: host order; bind: 0 for every port's */
	uint16_t port;     /* STACK, flows; bind: 0 for one that the dataplane chooses */
	uint16_t via_port; /* UDP connect: it sends from there; chosen by the dataplane */
	uint32_t via;      /* of a group on ports: the address of the one that it is reached by */
	struct zl_ipc_line b; /* PGM's line B, with what ip and via have as line A; ip 0: none */
	uint32_t node; /* NORM: what this end is called (NormNodeId); 0: by a number of its own */
	char device[ZL_DEVICE_MAX]; /* NORM: the kernel's interface, by its name; "": as it routes
				     */
	uint32_t mode; /* IPC bind: of the file, with ZL_MODE_GIVEN; 0: as the umask has it */
	uint32_t filters;
	struct zl_ipc_filter filter[ZL_FILTERS_MAX];
	struct zl_ipc_sockaddr address; /* the kernel's carriers: to bind or connect to */
	struct zl_ipc_sockaddr source;  /* TCP connect: to bind before; or none */
	struct zl_ipc_sockaddr bound;   /* bind, from the dataplane: as in its RESULT */
	char text[ZL_ENDPOINT_MAX];     /* as the person wrote it */
};

/* What the core of a bound endpoint says by itself to whoever connects, so that control hears of a
 * peer only once it has asked for something: our greeting, of which each piece follows the peer's
 * that it is for, and with NULL our READY behind it. A peer is announced with its first command; or
 * with its greeting, if `at_greeting` says so, if it is an old one (ZMTP 1.0, 2.0), or if it asks
 * for another mechanism. Until this has come peers are announced as they connect. */
#define ZL_OPENING_MAX    1104
#define ZL_GREETING_BYTES 64 /* ZMTP 3's */
struct zl_ipc_endpoint_set {
	uint32_t id;
	uint32_t at_greeting;
	uint32_t bytes; /* of which the first 64 are the greeting; 0: there is no such thing */
	uint32_t reserved;
	uint8_t opening[ZL_OPENING_MAX];
};

/* One end of a stream, as a socket address; of ipc there is none: its path is its endpoint's. */
struct zl_ipc_end {
	uint32_t bytes;
	uint8_t at[28];
};

/* Streams. `stream` ids are the dataplane's: core in the top byte, unique within a run. tail: the
 * first `bytes` of the peer's greeting, as STREAM_BYTES has it. */
struct zl_ipc_stream_open {
	uint64_t stream;
	uint32_t endpoint;
	uint32_t socket;
	uint32_t outgoing; /* this end dialled */
	uint32_t core;
	uint32_t carrier;       /* enum zl_carrier */
	uint32_t pid, uid, gid; /* ipc: the peer's */
	struct zl_ipc_end local, remote;
	uint32_t said;  /* the core has: the first of the bytes that control would */
	uint32_t bytes; /* of tail */
};

enum zl_relay {
	ZL_RELAY_GREETING,
	ZL_RELAY_COMMAND,
	ZL_RELAY_MESSAGE
};

/* What a stream speaks: major and minor; NONE: bytes, as they are (zl_ipc_raw). */
enum zl_zmtp_version {
	ZL_ZMTP_NONE = 0,
	ZL_ZMTP_V1_0 = 0x0100, /* RFC 13 */
	ZL_ZMTP_V2_0 = 0x0200, /* RFC 15 */
	ZL_ZMTP_V3_0 = 0x0300, /* RFC 23 */
	ZL_ZMTP_V3_1 = 0x0301, /* RFC 37 */
};

/* During the handshake: the peer's greeting in the pieces that something follows from (the
 * signature, the version, the rest; of ZMTP 1.0 the whole; of what is no greeting as much as shows
 * it), or one whole command's body (name and data, without frame header).
 * After READY: kind COMMAND for commands the dataplane does not know, MESSAGE for a user message
 * part sent upstream on XPUB/PUB. tail: `bytes` bytes. */
struct zl_ipc_stream_bytes {
	uint64_t stream;
	uint32_t kind;  /* enum zl_relay */
	uint32_t bytes; /* of tail */
	uint32_t more;  /* MESSAGE: another part follows */
	uint32_t reserved;
};

/* tail: `bytes` bytes to put on the wire as they are, at a frame boundary. */
struct zl_ipc_stream_send {
	uint64_t stream;
	uint32_t bytes;
	uint32_t reserved;
};
/* The peer's TCP has acknowledged control's bytes up to `total` (all STREAM_SENDs added up). */
struct zl_ipc_stream_sent {
	uint64_t stream;
	uint64_t total;
};

/* What a core opens and seals a session's messages with: CURVE's key (RFC 26), or GSSAPI's context
 * (RFC 38), which follows READY. Whoever has had either wipes it; STREAM_STATE has none. */
enum zl_ipc_boxed {
	ZL_BOXES_NONE, /* messages are plain, and the rest is 0 */
	ZL_BOXES_CURVE,
	ZL_BOXES_GSSAPI
};
#define ZL_IPC_KEY_BYTES   32
#define ZL_IPC_CONTEXT_MAX 8192 /* as gss_export_sec_context() has it */
struct zl_ipc_boxes {
	uint32_t on;             /* enum zl_ipc_boxed */
	uint32_t server;         /* this end is */
	uint64_t sent, received; /* the last of the handshake each way: CURVE's nonces; GSSAPI: the
				  * number of the peer's READY */
	/* CURVE: of both short-term keys (crypto_box_beforenm) */
	uint8_t key[ZL_IPC_KEY_BYTES];
};

/* The handshake is over: traffic may flow, and a pipe joins the stream to its socket. tail:
 * `context_bytes` bytes, GSSAPI's context. */
struct zl_ipc_stream_ready {
	uint64_t stream;
	uint32_t peer_type;    /* enum zl_socket_type */
	uint32_t zmtp;         /* enum zl_zmtp_version: how frames and subscriptions travel */
	uint32_t identity_len; /* 0 .. 255 */
	uint8_t identity[ZL_IDENTITY_MAX + 1];
	uint32_t context_bytes;              /* of tail */
	struct zl_ipc_properties properties; /* what else the peer told; kept for later controls */
	struct zl_ipc_boxes boxes;
	char user[ZL_USER_MAX];     /* who the peer has proved to be; "": nobody asked */
	struct zl_ipc_rate in, out; /* its own, instead of the socket's; 0: it has none */
};
struct zl_ipc_stream_close {
	uint64_t stream;
	char reason[ZL_REASON_MAX]; /* counted and shown under this name */
};
/* Also sent when a DIAL failed: stream 0, endpoint set; and likewise of peers that ended before
 * they were announced, so many of them for one reason. */
struct zl_ipc_stream_closed {
	uint64_t stream;
	uint32_t endpoint;
	uint32_t count; /* 0: one */
	char reason[ZL_REASON_MAX];
};
/* DUMP: one for each stream that is READY. Those in mid-handshake were closed ("control_restart")
 * when control went away, or are announced by STREAM_OPEN again if nothing had passed yet. */
struct zl_ipc_stream_state {
	struct zl_ipc_stream_open open;
	struct zl_ipc_stream_ready ready;
	uint64_t sent_total; /* control's bytes put on this stream by earlier controls, all acked or
				not */
};

/* tail: `bytes` bytes of records, each a zl_ipc_prefix and its prefix, no padding. */
enum {
	ZL_SUBSCRIBE = 1,
	ZL_CANCEL = 0
};
struct zl_ipc_prefix {
	uint16_t len;
	uint8_t op; /* ZL_SUBSCRIBE, ZL_CANCEL */
	uint8_t reserved;
};
struct zl_ipc_subs {
	uint64_t stream;
	uint32_t bytes; /* of tail */
	uint32_t count; /* records */
};

/* Control has dealt with the first `count` STREAM_SUBS of this connection: their MATCHes were sent
 * before this. What is not acknowledged when control goes away is sent again to the next one, after
 * its DUMP: in order, so that the last word on a prefix stands; a cancel of what the new control
 * does not know is passed on upstream if nobody else has the prefix. */
struct zl_ipc_subs_ack {
	uint64_t count;
};

/* Control's decisions for one core's matcher. tail: `bytes` bytes of zl_ipc_match_prefix records,
 * each followed by its prefix. `target` is a stream of that core, or a peer core (ZL_MATCH_CORE |
 * n) that has at least one subscriber to the prefix. MATCH_STATE answers DUMP in the same form. */
#define ZL_MATCH_CORE 0xffffffff00000000ull
struct zl_ipc_match {
	uint32_t core;
	uint32_t socket; /* the XPUB/PUB */
	uint32_t bytes;  /* of tail */
	uint32_t count;  /* records */
};
struct zl_ipc_match_prefix {
	uint64_t target;
	uint16_t len;
	uint8_t op;
	uint8_t reserved[5];
};

/* Every core counts its cycles by stage (the counters cycles.* and counted.* of the stats segment)
 * for so long from now. It stops by itself, at once when control goes away: who wants more asks
 * again in time. */
#define ZL_COUNT_MS_MAX 5000
struct zl_ipc_count {
	uint32_t ms; /* 1 .. ZL_COUNT_MS_MAX */
	uint32_t reserved;
};

/* address.c: a socket address as part of an endpoint: "10.0.0.1:5555", "[::1]:5", "/run/feed",
 * "@name", "{5555,0,9}", "2:5555"; "" if it is none. `text` holds ZL_ENDPOINT_MAX bytes. */
char *zl_ipc_address_text(const void *sockaddr, uint32_t bytes, char *text);
/* Is it a whole address of a family that is known here? */
bool zl_ipc_address_sound(const void *sockaddr, uint32_t bytes);
extern const char *const zl_carrier_scheme[ZL_CARRIERS]; /* "tcp", "tcp", "ipc", ... */
/* IPv4, address and port in host order, as a socket address. */
struct zl_ipc_end zl_ipc_end_ipv4(uint32_t ip, uint16_t port);
/* Its IPv4 address in host order; 0: it has none. */
uint32_t zl_ipc_end_ip(const struct zl_ipc_end *end);

/* source.c: who a stranger is as far as can be told before it has said anything: an IPv4 address,
 * an IPv6 network of 64 bits (which is what one host or site may choose its addresses from), a CID
 * of vsock, a node of TIPC, a user of ipc. IPv4 written as IPv6 is IPv4. */
struct zl_ipc_source {
	uint64_t at;
	uint64_t family;
};
struct zl_ipc_source zl_ipc_source(enum zl_carrier carrier, const struct zl_ipc_end *remote,
				   uint32_t uid);
static inline bool zl_ipc_source_is(const struct zl_ipc_source *a, const struct zl_ipc_source *b)
{
	return a->at == b->at && a->family == b->family;
}
/* Well mixed in its upper bits. */
static inline uint64_t zl_ipc_source_hash(const struct zl_ipc_source *s)
{
	return (s->at ^ s->family << 56) * 0x9e3779b97f4a7c15ull;
}

/* Size of the fixed struct of a type, 0 if there is no such type. */
size_t zl_ipc_size(uint16_t type);
const char *zl_ipc_name(uint16_t type);
/* Is this a well-formed packet: known type, right version, exact length, strings terminated, enums
 * and counts in range, records within the tail? 0, or -EBADMSG. Never reads past `length` bytes. */
int zl_ipc_check(const void *packet, size_t length);

/* The socket: both return a descriptor or a negative errno. connect() and listen() on RUN_DIR's
 * dataplane.sock; the listener unlinks a stale one and sets mode 0600. */
int zl_ipc_listen(const char *run_dir);
int zl_ipc_connect(const char *run_dir);
/* One packet, non-blocking; `fd` >= 0 rides along. 0, -EAGAIN, or another negative errno. */
int zl_ipc_send(int sock, const void *packet, size_t length, int fd);
/* One packet into buf (ZL_IPC_PACKET_MAX bytes), checked. Its length, 0 at end of file, -EAGAIN,
 * -EBADMSG, or another negative errno. *fd: a descriptor that rode along, or -1. */
long zl_ipc_recv(int sock, void *buf, int *fd);

/* Fills in a header; returns the body after it. packet must hold ZL_IPC_PACKET_MAX bytes. */
void *zl_ipc_begin(void *packet, enum zl_ipc_type type, uint64_t seq);
/* The body of a checked packet, and its tail. */
static inline void *zl_ipc_body(void *packet)
{
	return (char *)packet + sizeof(struct zl_ipc_header);
}
static inline uint8_t *zl_ipc_tail(void *packet)
{
	struct zl_ipc_header *h = packet;
	return (uint8_t *)packet + sizeof(*h) + zl_ipc_size(h->type);
}

#endif
