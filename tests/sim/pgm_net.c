#include "tests/sim/pgm_net.h"

#include <stdlib.h>
#include <string.h>

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

void pgm_net_create(struct pgm_net *n)
{
	memset(n, 0, sizeof(*n));
	n->room = 1024;
	n->heap = must(malloc(n->room * sizeof(*n->heap)));
}

void pgm_net_destroy(struct pgm_net *n)
{
	while (n->n) {
		struct pgm_event e = pgm_net_take(n);

		if (e.packet)
			pgm_net_drop(n, e.packet);
	}
	while (n->free) {
		struct pgm_net_packet *p = n->free;

		n->free = p->next;
		free(p);
	}
	free(n->heap);
}

struct pgm_net_packet *pgm_net_packet(struct pgm_net *n, const uint8_t *head, uint32_t head_len,
				      const uint8_t *body, uint32_t body_len)
{
	struct pgm_net_packet *p = n->free;

	if (p)
		n->free = p->next;
	else
		p = must(malloc(sizeof(*p)));
	if (head_len + body_len > PGM_NET_PACKET)
		abort();
	p->refs = 1;
	p->len = head_len + body_len;
	memcpy(p->bytes, head, head_len);
	if (body_len)
		memcpy(p->bytes + head_len, body, body_len);
	n->out++;
	return p;
}

void pgm_net_hold(struct pgm_net_packet *p)
{
	p->refs++;
}

void pgm_net_drop(struct pgm_net *n, struct pgm_net_packet *p)
{
	if (!p->refs)
		abort();
	if (--p->refs)
		return;
	memset(p->bytes, 0xdd, p->len); /* whoever still reads it finds nonsense */
	p->next = n->free;
	n->free = p;
	n->out--;
}

static bool before(const struct pgm_event *a, const struct pgm_event *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

void pgm_net_add(struct pgm_net *n, uint64_t at_ns, unsigned station, unsigned what,
		 struct pgm_net_packet *packet)
{
	struct pgm_event e = {.at_ns = at_ns,
			      .order = n->order++,
			      .packet = packet,
			      .station = station,
			      .what = what};
	unsigned i = n->n++;

	if (packet)
		pgm_net_hold(packet);
	if (n->n > n->room) {
		n->room *= 2;
		n->heap = must(realloc(n->heap, n->room * sizeof(*n->heap)));
	}
	for (; i && before(&e, &n->heap[(i - 1) / 2]); i = (i - 1) / 2)
		n->heap[i] = n->heap[(i - 1) / 2];
	n->heap[i] = e;
}

uint64_t pgm_net_next(const struct pgm_net *n)
{
	return n->n ? n->heap[0].at_ns : UINT64_MAX;
}

struct pgm_event pgm_net_take(struct pgm_net *n)
{
	struct pgm_event first = n->heap[0], last = n->heap[--n->n];
	unsigned i = 0;

	for (unsigned child; (child = 2 * i + 1) < n->n; i = child) {
		if (child + 1 < n->n && before(&n->heap[child + 1], &n->heap[child]))
			child++;
		if (!before(&n->heap[child], &last))
			break;
		n->heap[i] = n->heap[child];
	}
	n->heap[i] = last;
	return first;
}
