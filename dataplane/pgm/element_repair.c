/* Repair state of a network element (RFC 3208 7.2 to 7.5): who asked for a packet, and what became
 * of the NAK. A NAK is pending until it is confirmed, and outstanding until the repair comes or
 * NAK_RDATA_IVL is over; then the receivers are relied upon to ask again (7.3). */
#include "dataplane/pgm/element_state.h"

static uint32_t *bucket_of(const struct pgm_element *e, uint32_t path, uint32_t sqn, bool parity)
{
	uint64_t x = (uint64_t)path << 33 | (uint64_t)parity << 32 | sqn;

	return &e->repair_hash[element_hash(e, x) & e->repair_mask];
}

static uint32_t index_of(const struct pgm_element *e, const struct ne_repair *r)
{
	return (uint32_t)(r - e->repair);
}

struct ne_repair *repair_find(const struct pgm_element *e, const struct ne_path *path, uint32_t sqn,
			      bool parity)
{
	uint32_t of = (uint32_t)(path - e->path);

	for (uint32_t i = *bucket_of(e, of, sqn, parity); i != NE_NONE;
	     i = e->repair[i].hash_next) {
		struct ne_repair *r = &e->repair[i];

		if (r->path == of && r->sqn == sqn && r->parity == parity)
			return r;
	}
	return NULL;
}

bool repair_has_room(const struct pgm_element *e, const struct ne_path *path, unsigned n)
{
	return e->config.repairs - e->repair_count >= n &&
	       path->repairs + n <= e->config.path_repairs;
}

static void move(struct pgm_element *e, struct ne_repair *r, enum ne_repair_state to)
{
	uint32_t i = index_of(e, r);

	ne_list_remove(&e->repairs[r->state], e->repair_link, i);
	ne_list_append(&e->repairs[to], e->repair_link, i);
	r->state = (uint8_t)to;
}

struct ne_repair *repair_make(struct pgm_element *e, const struct ne_path *path, uint32_t sqn,
			      bool parity)
{
	uint32_t i = e->repairs[NE_FREE].head, of = (uint32_t)(path - e->path);
	uint32_t *bucket = bucket_of(e, of, sqn, parity);
	struct ne_repair *r = &e->repair[i];

	*r = (struct ne_repair){.path = of, .hash_next = *bucket, .sqn = sqn, .parity = parity};
	*bucket = i;
	e->repair_count++;
	e->path[of].repairs++;
	return r;
}

void repair_pend(struct pgm_element *e, uint64_t now_ns, struct ne_repair *r)
{
	r->due = now_ns + e->config.nak_repeat_ns;
	r->until = now_ns + e->config.nak_rpt_ns;
	move(e, r, NE_PENDING);
}

void repair_confirm(struct pgm_element *e, uint64_t now_ns, struct ne_repair *r)
{
	r->due = now_ns + e->config.nak_rdata_ns;
	r->elim_until = now_ns + e->config.nak_elim_ns;
	move(e, r, NE_OUTSTANDING);
}

void repair_null(struct pgm_element *e, uint64_t now_ns, struct ne_repair *r)
{
	r->due = now_ns + e->config.nak_elim_ns;
	move(e, r, NE_NULLED);
}

void repair_free(struct pgm_element *e, struct ne_repair *r)
{
	uint32_t i = index_of(e, r), *at = bucket_of(e, r->path, r->sqn, r->parity);

	while (*at != i)
		at = &e->repair[*at].hash_next;
	*at = r->hash_next;
	e->path[r->path].repairs--;
	e->repair_count--;
	move(e, r, NE_FREE);
}

/* Looks through all there are, which happens once in a session's life, if at all. */
void repairs_forget(struct pgm_element *e, const struct ne_path *path)
{
	for (uint32_t i = 0; path->repairs && i < e->config.repairs; i++) {
		struct ne_repair *r = &e->repair[i];

		if (r->state == NE_FREE || &e->path[r->path] != path)
			continue;
		repair_free(e, r);
		element_count(e, PGM_ne_repairs_forgotten);
	}
}

/* Pending ones of a session that are due together, asked for again in one NAK. */
struct batch {
	uint32_t path, n;
	bool parity;
	uint32_t sqn[1 + PGM_NAK_LIST_MAX];
};

static void flush(struct pgm_element *e, struct batch *b)
{
	if (b->n)
		element_repeat_nak(e, &e->path[b->path], b->sqn, b->n, b->parity);
	b->n = 0;
}

static void gather(struct pgm_element *e, struct batch *b, const struct ne_repair *r)
{
	uint32_t sqn = r->parity ? r->sqn | (r->largest - 1u) : r->sqn, i;

	if (b->n == 1 + PGM_NAK_LIST_MAX || b->path != r->path || b->parity != r->parity)
		flush(e, b);
	b->path = r->path;
	b->parity = r->parity;
	/* A list is in order (9.3). */
	for (i = b->n++; i && (int32_t)(b->sqn[i - 1] - sqn) > 0; i--)
		b->sqn[i] = b->sqn[i - 1];
	b->sqn[i] = sqn;
}

static struct ne_repair *first_due(struct pgm_element *e, uint64_t now_ns,
				   enum ne_repair_state state)
{
	uint32_t i = e->repairs[state].head;

	return i == NE_NONE || now_ns < e->repair[i].due ? NULL : &e->repair[i];
}

static void turn_pending(struct pgm_element *e, uint64_t now_ns)
{
	struct batch b = {.n = 0};
	struct ne_repair *r;

	while ((r = first_due(e, now_ns, NE_PENDING))) {
		if (now_ns >= r->until) {
			element_count(e, PGM_ne_repairs_unconfirmed);
			repair_free(e, r);
			continue;
		}
		gather(e, &b, r);
		r->due = now_ns + e->config.nak_repeat_ns;
		move(e, r, NE_PENDING);
	}
	flush(e, &b);
}

static void turn_over(struct pgm_element *e, uint64_t now_ns, enum ne_repair_state state,
		      enum pgm_counter why)
{
	struct ne_repair *r;

	while ((r = first_due(e, now_ns, state))) {
		element_count(e, why);
		repair_free(e, r);
	}
}

uint64_t repairs_turn(struct pgm_element *e, uint64_t now_ns)
{
	uint64_t due = PGM_NEVER;

	turn_pending(e, now_ns);
	turn_over(e, now_ns, NE_OUTSTANDING, PGM_ne_repairs_unanswered);
	turn_over(e, now_ns, NE_NULLED, PGM_ne_repairs_nulled);
	for (unsigned state = NE_PENDING; state < NE_STATES; state++) {
		uint32_t i = e->repairs[state].head;

		if (i != NE_NONE && e->repair[i].due < due)
			due = e->repair[i].due;
	}
	return due;
}

uint32_t pgm_element_repairs(const struct pgm_element *e)
{
	return e->repair_count;
}
