/* A PGM packet, with the checksum that it should have. What is accepted can be built, no longer
 * than it was, and the built one says the same. */
#include <stdlib.h>
#include <string.h>

#include "dataplane/pgm/packet.h"
#include "tests/fuzz/feed.h"

static bool same_options(const struct pgm_options *a, const struct pgm_options *b)
{
	size_t from = offsetof(struct pgm_options, first_sqn);

	return a->has == b->has && a->rst == b->rst && a->parity == b->parity &&
	       a->encoded == b->encoded && a->fragment == b->fragment && a->naks == b->naks &&
	       !memcmp((const char *)a + from, (const char *)b + from,
		       offsetof(struct pgm_options, nak_list[b->naks]) - from);
}

static void check_again(const struct pgm_packet *p, size_t len)
{
	static uint8_t out[8192], twice[8192];
	struct pgm_packet q;
	size_t n = pgm_build(p, out, sizeof(out));

	/* An option twice is said once, and one not known not at all. */
	require(n > 0 && n <= len);
	require(pgm_parse(out, n, &q) == PGM_OK);
	require(same_options(&p->options, &q.options));
	require(p->tsdu_len == q.tsdu_len && memcmp(p->tsdu, q.tsdu, q.tsdu_len) == 0);
	require(pgm_build(&q, twice, sizeof(twice)) == n && memcmp(out, twice, n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *packet = malloc(size ? size : 1);
	struct pgm_packet p;
	enum pgm_reason r;

	require(packet);
	if (size)
		memcpy(packet, data, size);
	if (size >= PGM_HEADER_LEN) {
		pgm_store16(packet + 6, 0);
		pgm_store16(packet + 6, pgm_checksum(packet, size));
	}
	r = pgm_parse(packet, size, &p);
	require(r < PGM_REASONS && pgm_reason_text(r));
	if (r == PGM_OK)
		check_again(&p, size);
	free(packet);
	return 0;
}
