/* What a well-formed packet is: one table row and one check for each struct of the contract. The
 * checks are exhaustive so that neither process can be led outside an array or an enum by the
 * other; what a value means, and whether an id exists, is left to the receiver. */
#include "control/ipc/ipc.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define PPM       1000000u
#define STRING(s) (memchr((s), '\0', sizeof(s)) != NULL)
#define NAMED(s)  (STRING(s) && (s)[0] != '\0')

/* No stream id reaches the top byte that marks a core as a target of MATCH. */
static bool stream_id(uint64_t stream)
{
	return stream != 0 && stream >> 56 < ZL_CORES_MAX;
}

static bool match_target(uint64_t target)
{
	if ((target & ZL_MATCH_CORE) == ZL_MATCH_CORE)
		return (uint32_t)target < ZL_CORES_MAX;
	return stream_id(target);
}

static bool check_empty(const struct zl_ipc_empty *m, size_t tail)
{
	(void)m;
	return tail == 0;
}

static bool check_id(const struct zl_ipc_id *m, size_t tail)
{
	return tail == 0 && m->id != 0;
}

/* Whole addresses only: what is read of one goes no further than its family says. */
static bool sockaddr_good(const void *at, uint32_t bytes, uint32_t max)
{
	return bytes == 0 || (bytes <= max && zl_ipc_address_sound(at, bytes));
}
#define ADDRESS(a) sockaddr_good((a).at, (a).bytes, sizeof((a).at))

static bool check_result(const struct zl_ipc_result *m, size_t tail)
{
	return tail == 0 && m->error <= 0 && m->error > -4096 && STRING(m->text) &&
	       ADDRESS(m->bound);
}

static bool check_hello(const struct zl_ipc_hello *m, size_t tail)
{
	return tail == 0 && m->set_up <= 1 && m->poll_cores <= ZL_POLL_CORES_MAX &&
	       (!m->set_up || m->poll_cores > 0) && m->ports <= ZL_IPC_PORTS_MAX &&
	       STRING(m->version);
}

static bool check_setup(const struct zl_ipc_setup *m, size_t tail)
{
	for (int i = 0; i < ZL_POLL_CORES_MAX; i++)
		if (m->cpu[i] < -1)
			return false;
	return tail == 0 && m->poll_cores > 0 && m->poll_cores <= ZL_POLL_CORES_MAX &&
	       m->idle <= ZL_IDLE_BUSY && m->hugepages <= 1 && m->host_cpu >= -1;
}

static bool check_impair(const struct zl_impair *m)
{
	return m->loss_ppm <= PPM && m->duplicate_ppm <= PPM && m->corrupt_ppm <= PPM &&
	       m->reorder_ppm <= PPM;
}

static bool check_port(const struct zl_ipc_port *m, size_t tail)
{
	return tail == 0 && NAMED(m->name) && m->kind < ZL_PORT_KINDS && STRING(m->device) &&
	       STRING(m->options) && m->prefix_len <= 32 && m->queues <= ZL_POLL_CORES_MAX &&
	       check_impair(&m->rx) && check_impair(&m->tx);
}

static bool check_element(const struct zl_ipc_element *m, size_t tail)
{
	if (tail || !NAMED(m->name) || __builtin_popcount(m->ports) < 2 ||
	    m->ports >> ZL_IPC_PORTS_MAX || !m->groups || m->groups > ZL_ELEMENT_GROUPS)
		return false;
	for (uint32_t i = 0; i < m->groups; i++)
		if (m->group[i] >> 28 != 0xe)
			return false;
	return true;
}

static bool check_socket(const struct zl_ipc_socket *m, size_t tail)
{
	return tail == 0 && m->id != 0 && m->type < ZL_SOCKET_TYPES && NAMED(m->name) &&
	       m->home < ZL_CORES_MAX && zl_options_check(&m->options) &&
	       zl_ipc_policy_good(&m->policy);
}

static bool check_device(const struct zl_ipc_device *m, size_t tail)
{
	return tail == 0 && m->id != 0 && m->kind < ZL_DEVICE_KINDS && NAMED(m->name) &&
	       m->frontend != 0 && m->backend != 0 && m->paused <= 1;
}

static bool check_device_set(const struct zl_ipc_device_set *m, size_t tail)
{
	return tail == 0 && m->id != 0 && m->paused <= 1;
}

static bool check_endpoint(const struct zl_ipc_endpoint *m, size_t tail)
{
	if (m->filters > ZL_FILTERS_MAX)
		return false;
	for (uint32_t i = 0; i < m->filters; i++)
		if (m->filter[i].who >= ZL_WHOS)
			return false;
	return tail == 0 && m->id != 0 && m->socket != 0 && m->connect <= 1 &&
	       m->carrier < ZL_CARRIERS && (m->mode & ~(ZL_MODE_GIVEN | 0777u)) == 0 &&
	       ADDRESS(m->address) && ADDRESS(m->source) && ADDRESS(m->bound) &&
	       (zl_ipc_on_ports(m->carrier) || m->address.bytes) && STRING(m->text) &&
	       STRING(m->device);
}

static bool check_endpoint_set(const struct zl_ipc_endpoint_set *m, size_t tail)
{
	return tail == 0 && m->id != 0 && m->at_greeting <= 1 &&
	       (m->bytes == 0 || (m->bytes >= ZL_GREETING_BYTES && m->bytes <= ZL_OPENING_MAX));
}

static bool stream_open(const struct zl_ipc_stream_open *m, size_t tail)
{
	return tail == m->bytes && stream_id(m->stream) && m->outgoing <= 1 &&
	       m->core < ZL_CORES_MAX && m->carrier < ZL_CARRIERS && ADDRESS(m->local) &&
	       ADDRESS(m->remote) && m->said <= ZL_OPENING_MAX;
}

static bool check_stream_open(const struct zl_ipc_stream_open *m, size_t tail)
{
	return stream_open(m, tail);
}

static bool check_stream_bytes(const struct zl_ipc_stream_bytes *m, size_t tail)
{
	return tail == m->bytes && stream_id(m->stream) && m->kind <= ZL_RELAY_MESSAGE &&
	       m->more <= 1;
}

static bool check_stream_send(const struct zl_ipc_stream_send *m, size_t tail)
{
	return tail == m->bytes && stream_id(m->stream);
}

static bool check_stream_sent(const struct zl_ipc_stream_sent *m, size_t tail)
{
	return tail == 0 && stream_id(m->stream);
}

static bool zmtp_version(uint32_t v)
{
	return v == ZL_ZMTP_NONE || v == ZL_ZMTP_V1_0 || v == ZL_ZMTP_V2_0 || v == ZL_ZMTP_V3_0 ||
	       v == ZL_ZMTP_V3_1;
}

static bool context_bytes(const struct zl_ipc_stream_ready *m, size_t tail)
{
	return m->context_bytes == tail && tail <= ZL_IPC_CONTEXT_MAX &&
	       (m->boxes.on == ZL_BOXES_GSSAPI) == (tail > 0);
}

static bool stream_ready(const struct zl_ipc_stream_ready *m, size_t tail)
{
	return context_bytes(m, tail) && stream_id(m->stream) && m->peer_type < ZL_SOCKET_TYPES &&
	       zmtp_version(m->zmtp) && m->boxes.on <= ZL_BOXES_GSSAPI && m->boxes.server <= 1 &&
	       memchr(m->user, '\0', sizeof(m->user)) && m->identity_len <= ZL_IDENTITY_MAX &&
	       zl_properties_check(&m->properties);
}

static bool check_stream_ready(const struct zl_ipc_stream_ready *m, size_t tail)
{
	return stream_ready(m, tail);
}

static bool check_stream_close(const struct zl_ipc_stream_close *m, size_t tail)
{
	return tail == 0 && stream_id(m->stream) && NAMED(m->reason);
}

/* A DIAL that failed has no stream, but then it has an endpoint. */
static bool check_stream_closed(const struct zl_ipc_stream_closed *m, size_t tail)
{
	return tail == 0 && (m->stream == 0 ? m->endpoint != 0 : stream_id(m->stream)) &&
	       NAMED(m->reason);
}

static bool check_stream_state(const struct zl_ipc_stream_state *m, size_t tail)
{
	return tail == 0 && stream_open(&m->open, 0) && stream_ready(&m->ready, 0) &&
	       m->open.stream == m->ready.stream;
}

static bool check_subs(const struct zl_ipc_subs *m, size_t tail)
{
	const uint8_t *p = (const uint8_t *)(m + 1);
	uint32_t count = 0;

	if (tail != m->bytes || !stream_id(m->stream))
		return false;
	while (tail > 0) {
		struct zl_ipc_prefix r;

		if (tail < sizeof(r))
			return false;
		memcpy(&r, p, sizeof(r));
		if (tail - sizeof(r) < r.len || r.op > ZL_SUBSCRIBE)
			return false;
		p += sizeof(r) + r.len;
		tail -= sizeof(r) + r.len;
		count++;
	}
	return count == m->count;
}

static bool check_subs_ack(const struct zl_ipc_subs_ack *m, size_t tail)
{
	(void)m;
	return tail == 0;
}

static bool check_match(const struct zl_ipc_match *m, size_t tail)
{
	const uint8_t *p = (const uint8_t *)(m + 1);
	uint32_t count = 0;

	if (tail != m->bytes || m->core >= ZL_CORES_MAX || m->socket == 0)
		return false;
	while (tail > 0) {
		struct zl_ipc_match_prefix r;

		if (tail < sizeof(r))
			return false;
		memcpy(&r, p, sizeof(r));
		if (tail - sizeof(r) < r.len || r.op > ZL_SUBSCRIBE || !match_target(r.target))
			return false;
		p += sizeof(r) + r.len;
		tail -= sizeof(r) + r.len;
		count++;
	}
	return count == m->count;
}

static bool check_count(const struct zl_ipc_count *m, size_t tail)
{
	return tail == 0 && m->ms > 0 && m->ms <= ZL_COUNT_MS_MAX;
}

/* A type's row is found by its number; several types may share a struct, and so its check. */
static const struct {
	const char *name;
	size_t size;
} types[ZL_IPC_TYPE_COUNT] = {
#define X(name, st, dir) [ZL_IPC_##name] = {#name, sizeof(struct zl_ipc_##st)},
	ZL_IPC_TYPES(X)
#undef X
};

#define X(name, st, dir)                                                                           \
	_Static_assert(sizeof(struct zl_ipc_header) + sizeof(struct zl_ipc_##st) <                 \
			       ZL_IPC_PACKET_MAX,                                                  \
		       #name " fits a packet");                                                    \
	_Static_assert(sizeof(struct zl_ipc_##st) % 4 == 0, #name " has no ragged end");
ZL_IPC_TYPES(X)
#undef X
_Static_assert(sizeof(struct zl_ipc_header) == 16, "bodies are aligned to 8");
_Static_assert(sizeof(struct zl_ipc_prefix) == 4, "records have no padding between them");
_Static_assert(sizeof(struct zl_ipc_match_prefix) == 16, "records have no padding between them");

size_t zl_ipc_size(uint16_t type)
{
	return type < ZL_IPC_TYPE_COUNT ? types[type].size : 0;
}

const char *zl_ipc_name(uint16_t type)
{
	return zl_ipc_size(type) > 0 ? types[type].name : "?";
}

static bool check_body(uint16_t type, const void *body, size_t tail)
{
	switch ((enum zl_ipc_type)type) {
#define X(name, st, dir)                                                                           \
	case ZL_IPC_##name:                                                                        \
		return check_##st(body, tail);
		ZL_IPC_TYPES(X)
#undef X
	case ZL_IPC_NONE:
	case ZL_IPC_TYPE_COUNT:
		break;
	}
	return false;
}

int zl_ipc_check(const void *packet, size_t length)
{
	const struct zl_ipc_header *h = packet;

	if (length < sizeof(*h) || length > ZL_IPC_PACKET_MAX || h->length != length ||
	    h->version != ZL_IPC_VERSION)
		return -EBADMSG;
	size_t size = zl_ipc_size(h->type);
	if (size == 0 || length - sizeof(*h) < size)
		return -EBADMSG;
	return check_body(h->type, h + 1, length - sizeof(*h) - size) ? 0 : -EBADMSG;
}

void *zl_ipc_begin(void *packet, enum zl_ipc_type type, uint64_t seq)
{
	struct zl_ipc_header *h = packet;

	*h = (struct zl_ipc_header){
		.type = type,
		.version = ZL_IPC_VERSION,
		.length = sizeof(*h) + zl_ipc_size(type),
		.seq = seq,
	};
	return memset(h + 1, 0, zl_ipc_size(type));
}
