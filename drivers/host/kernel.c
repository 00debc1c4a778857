/* The object and its turn: what epoll has seen is noted with each stream, and streams that have
 * something for their owner are served once a turn each. */
#include "drivers/host/state.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define EVENTS      64
#define BUDGET      (256u << 10) /* bytes of one stream a turn, so that others get theirs */
#define DRY_PART    16           /* as tcp/ has it: below this part of memory nothing is read */
#define PAUSED_NS   100000000ull
#define DRY_WAIT_NS 1000000ull

const char *const zl_kernel_counter_name[ZL_KERNEL_COUNTERS] = {
#define X(name, text) #name,
#include "drivers/host/kernel_counters.def"
#undef X
};

const char *const zl_kernel_counter_text[ZL_KERNEL_COUNTERS] = {
#define X(name, text) text,
#include "drivers/host/kernel_counters.def"
#undef X
};

const char *const reason_name[REASONS] = {
#define X(name, error) #name,
#include "drivers/host/kernel_reasons.def"
#undef X
};

static const int reason_error[REASONS] = {
#define X(name, error) error,
#include "drivers/host/kernel_reasons.def"
#undef X
};
_Static_assert(ZL_KERNEL_closed_closed_here + REASONS == ZL_KERNEL_COUNTERS,
	       "a counter for each reason, in order");

enum reason reason_of(int error)
{
	for (enum reason r = 0; r < REASONS; r++)
		if (error && reason_error[r] == error)
			return r;
	if (error == EPIPE)
		return REASON_reset_by_peer;
	if (error == ENETUNREACH || error == EADDRNOTAVAIL)
		return REASON_unreachable;
	return error == EPERM ? REASON_no_permission : REASON_failed;
}

struct zl_kernel *zl_kernel_create(const struct zl_kernel_config *config)
{
	struct zl_kernel *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->config = *config;
	k->expire_at_ns = UINT64_MAX;
	k->epoll = epoll_create1(EPOLL_CLOEXEC);
	k->streams = calloc(config->max_streams, sizeof(*k->streams));
	for (unsigned i = 0; i < LISTENERS_MAX; i++)
		k->listener[i].fd = -1;
	if (k->epoll < 0 || !k->streams) {
		int error = k->streams ? errno : ENOMEM;

		zl_kernel_destroy(k);
		errno = error;
		return NULL;
	}
	for (uint32_t i = config->max_streams; i-- > 0;) {
		k->streams[i].kind = KIND_STREAM;
		k->streams[i].kernel = k;
		k->streams[i].fd = -1;
		k->streams[i].deadline_ns = UINT64_MAX;
		k->streams[i].next_free = k->free;
		k->free = &k->streams[i];
	}
	return k;
}

void zl_kernel_destroy(struct zl_kernel *k)
{
	if (!k)
		return;
	for (uint32_t i = 0; k->streams && i < k->config.max_streams; i++)
		if (k->streams[i].state != STREAM_FREE && k->streams[i].state != STREAM_DEAD)
			stream_release(&k->streams[i], REASON_shut_down);
	for (unsigned i = 0; i < LISTENERS_MAX; i++)
		if (k->listener[i].fd >= 0)
			listener_close(&k->listener[i]);
	read_spares_free(k);
	if (k->epoll >= 0)
		close(k->epoll);
	free(k->streams);
	free(k);
}

int zl_kernel_fd(const struct zl_kernel *k)
{
	return k->epoll;
}

const uint64_t *zl_kernel_counters(const struct zl_kernel *k)
{
	return k->counter;
}

uint64_t zl_kernel_next_timer(const struct zl_kernel *k)
{
	if (k->output)
		return 0; /* queued after this turn's writing */
	if (k->active)
		return k->now_ns + DRY_WAIT_NS; /* memory does not tell when there is some */
	return k->paused ? RTE_MIN(k->expire_at_ns, k->now_ns + PAUSED_NS) : k->expire_at_ns;
}

static void stream_event(struct kstream *s, uint32_t events)
{
	bool over = events & (EPOLLERR | EPOLLHUP);

	if (s->state == STREAM_FREE || s->state == STREAM_DEAD)
		return;
	if (s->state == STREAM_CONNECTING) {
		if (over || events & EPOLLOUT)
			stream_activate(s);
		return;
	}
	if (over || events & (EPOLLIN | EPOLLRDHUP)) {
		s->readable = true;
		stream_activate(s);
	}
	if (over || events & EPOLLOUT) {
		s->writable = true;
		if (s->stream.sendq.bytes || s->state == STREAM_CLOSING)
			stream_want_output(s);
	}
}

/* From now on only the peer's end is missing. */
static void await_end(struct kstream *s)
{
	s->awaits_end = true;
	stream_deadline(s, s->kernel->now_ns + CLOSING_NS);
}

/* All that was queued has gone, or never will: the peer hears of it, and its own end is awaited. */
static void closing(struct kstream *s)
{
	if (s->stream.sendq.bytes && !s->write_ended)
		return;
	if (!s->fin_sent && !s->write_ended)
		shutdown(s->fd, SHUT_WR);
	if (!s->fin_sent && !s->stream.linger_ms)
		await_end(s);
	s->fin_sent = true;
	if (s->read_ended && !s->rx)
		stream_end(s, s->reason == REASON_closed_by_peer ? REASON_closed_here : s->reason);
}

static void serve(struct kstream *s)
{
	if (s->state == STREAM_CONNECTING)
		connect_done(s);
	if (s->state != STREAM_OPEN && s->state != STREAM_CLOSING)
		return;
	s->budget = BUDGET;
	if (s->readable || s->rx)
		s->stream.events->readable(&s->stream);
	if (s->state == STREAM_CLOSING)
		closing(s);
	else if (s->state == STREAM_OPEN && s->read_ended && !s->rx && !s->held &&
		 s->reason != REASON_closed_by_peer)
		stream_end(s, s->reason); /* what it said before has been taken */
}

static unsigned serve_active(struct zl_kernel *k)
{
	struct kstream *s = k->active, *next;
	unsigned n = 0;

	k->active = NULL;
	for (; s; s = next, n++) {
		next = s->next_active;
		s->active = false;
		serve(s);
	}
	return k->dry ? 0 : n;
}

/* A dial has had its time, or what lingers, or a peer to end after us: while that still takes what
 * was sent it is waited for. */
static void deadline(struct kstream *s)
{
	bool unsent = (s->stream.sendq.bytes && !s->write_ended) || stream_unsent(s);

	if (s->state == STREAM_CONNECTING)
		stream_end(s, REASON_connect_timed_out);
	else if (unsent && s->stream.linger_ms && !s->awaits_end)
		stream_end(s, REASON_linger_timeout);
	else if (unsent || !s->awaits_end)
		await_end(s);
	else
		stream_end(s, REASON_fin_timeout);
}

static void expire(struct zl_kernel *k)
{
	uint64_t next_ns = UINT64_MAX;

	for (uint32_t i = 0; k->timed && i < k->config.max_streams; i++) {
		struct kstream *s = &k->streams[i];

		if (k->now_ns >= s->deadline_ns)
			deadline(s);
		next_ns = RTE_MIN(next_ns, s->deadline_ns);
	}
	k->expire_at_ns = next_ns;
}

uint32_t zl_kernel_sending(const struct zl_kernel *k)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < k->config.max_streams; i++) {
		const struct kstream *s = &k->streams[i];

		n += s->state == STREAM_CLOSING &&
		     ((s->stream.sendq.bytes && !s->write_ended) || stream_unsent(s));
	}
	return n;
}

static bool short_of_memory(const struct zl_kernel *k)
{
	const struct rte_mempool *pool = k->config.frames;
	unsigned n = rte_mempool_get_ops(pool->ops_index)->get_count(pool);

	return n < pool->size / DRY_PART && rte_mempool_avail_count(pool) < pool->size / DRY_PART;
}

unsigned zl_kernel_input(struct zl_kernel *k, uint64_t now_ns)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(k->epoll, events, EVENTS, 0);

	k->now_ns = now_ns;
	k->dry = short_of_memory(k);
	for (int i = 0; i < n; i++) {
		if (*(enum kind *)events[i].data.ptr == KIND_LISTENER)
			listener_accept(k, events[i].data.ptr);
		else
			stream_event(events[i].data.ptr, events[i].events);
	}
	if (k->paused)
		listeners_resume(k);
	if (now_ns >= k->expire_at_ns)
		expire(k);
	return serve_active(k) + (n > 0 ? (unsigned)n : 0);
}

/* Places of streams that have ended, once nothing of this turn can still name them. */
static void bury(struct zl_kernel *k)
{
	struct kstream *s = k->dead, *next;

	k->dead = NULL;
	for (; s; s = next) {
		next = s->next_free;
		if (s->active || s->outputs) {
			s->next_free = k->dead;
			k->dead = s;
			continue;
		}
		s->state = STREAM_FREE;
		s->next_free = k->free;
		k->free = s;
	}
}

unsigned zl_kernel_output(struct zl_kernel *k, uint64_t now_ns)
{
	struct kstream *s = k->output, *next;

	k->now_ns = now_ns;
	k->output = NULL;
	for (; s; s = next) {
		next = s->next_output;
		s->outputs = false;
		if (s->state != STREAM_OPEN && s->state != STREAM_CLOSING)
			continue;
		write_some(s);
		if (s->state == STREAM_CLOSING)
			closing(s);
	}
	bury(k);
	return (k->output != NULL) + (k->active && !k->dry);
}
