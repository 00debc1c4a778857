/* PGM's network element (RFC 3208 7) between OpenPGM's own source and receivers (openpgm.h), on
 * raw IP: the source is on the network of the appliance's first port, a receiver on that of each
 * of two more. Nothing but the element joins these networks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/interop/appliance.h"
#include "tests/interop/branch.h"
#include "tests/interop/openpgm.h"
#include "tests/interop/tally.h"

#define GROUP    "239.192.7.1"
#define OTHER    "239.64.7.1" /* has the same MAC address, so that the port lets it in */
#define ELEMENT  "pgm_elements: [{name: west, ports: [eth0, lan1, lan2], groups: " GROUP "}]\n"
#define MESSAGES 4000
#define SPMS     4 /* of so many one is not lost */
#define HOPS     9
/* A second. Of what a busy machine misses for a tenth of one, the ports' rings hold all. */
#define RATE_BYTES 2000000

/* What is counted in each of the peers' namespaces, by the type in byte 4 (RFC 3208 8.1). */
#define OF_TYPE(type) "ip protocol 113 @th,32,8 " #type
enum {
	ODATA,
	ODATA_AS_SENT, /* from the source's own address, and one hop on */
	RDATA,
	NAKS,
	TO_OTHER,
	TALLIES
};
static const char *const matches[TALLIES] = {
	[ODATA] = OF_TYPE(4) " ip daddr " GROUP,
	[ODATA_AS_SENT] = OF_TYPE(4) " ip daddr " GROUP " ip saddr " LAB_PEER_IP " ip ttl 8",
	[RDATA] = OF_TYPE(5),
	[NAKS] = OF_TYPE(8),
	[TO_OTHER] = ("ip daddr " OTHER),
};

/* Most take a part of a packet, some several. */
static struct flow numbered(void)
{
	static const char *const topics[] = {"A.", "B.", "C."};
	static const uint32_t sizes[] = {16, 900, 253, 40, 254, 1460, 17, 600, 300, 998, 22, 5000};

	return (struct flow){.topics = topics,
			     .n_topics = 3,
			     .bytes = sizes,
			     .n_bytes = sizeof(sizes) / sizeof(sizes[0]),
			     .messages = lab_scaled(MESSAGES)};
}

static const struct lab_net *far[BRANCHES];

/* impair: of the port to the source; impair_first: of the one to the first receiver. */
static struct appliance *begin(const char *impair, const char *impair_first)
{
	struct appliance *a = branch_appliance(
		&(struct branch_plan){.impair = {impair, impair_first}, .top = ELEMENT}, far);

	tally_begin(a->net.peer, matches, TALLIES);
	for (unsigned i = 0; i < BRANCHES; i++)
		tally_begin(far[i]->peer, matches, TALLIES);
	return a;
}

static void end(struct peer *p)
{
	peer_tell(p, "end", 0);
	peer_done(p);
}

static struct peer *begin_source(struct appliance *a, const struct openpgm *plan)
{
	struct peer *p = peer_start(&a->net, "source", openpgm_publish, plan);

	peer_hear(p, "ready");
	return p;
}

/* The receivers check that all comes, once, whole and in order. */
static void carry(struct appliance *a)
{
	struct flow flow = numbered();
	const struct openpgm source = {.flow = &flow,
				       .network = LAB_PEER_IP ";" GROUP,
				       .hops = HOPS,
				       .rate_bytes = RATE_BYTES,
				       .spm_ms = 100},
			     sink[2] = {
				     {.flow = &flow, .network = "10.99.1.2;" GROUP},
				     {.flow = &flow, .network = "10.99.2.2;" GROUP},
			     };
	struct peer *publisher, *subscriber[2];

	for (unsigned i = 0; i < 2; i++) {
		subscriber[i] = peer_start(far[i], "receiver", openpgm_subscribe, &sink[i]);
		peer_hear(subscriber[i], "joined");
	}
	publisher = begin_source(a, &source);
	for (unsigned i = 0; i < 2; i++)
		peer_hear(subscriber[i], "warm");
	/* Before an SPM has come by, nobody can ask for anything. */
	appliance_await_more(a, "pgm.ne_spms", SPMS);
	peer_tell(publisher, "go", 0);
	flow_rate("source", peer_hear(publisher, "sent"));
	for (unsigned i = 0; i < 2; i++)
		flow_rate("receiver", peer_hear(subscriber[i], "received"));
	for (unsigned i = 0; i < 2; i++)
		end(subscriber[i]);
	end(publisher);
}

/* Printed, as what a network loses is not all foreseen. */
static uint64_t counted(struct appliance *a, const char *name)
{
	uint64_t n = appliance_counter(a, name);

	printf("%s: %llu\n", name, (unsigned long long)n);
	return n;
}

static uint64_t came(const char *what, const struct lab_net *net, unsigned match)
{
	uint64_t n = tally(net->peer, match);

	printf("%s: %llu\n", what, (unsigned long long)n);
	return n;
}

static void test_what_a_source_sends_comes_to_receivers_of_other_networks(void **state)
{
	struct appliance *a = begin(NULL, NULL);

	(void)state;
	carry(a);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t n = came("data packets", far[i], ODATA);

		assert_true(n > 0);
		assert_int_equal(came("as sent", far[i], ODATA_AS_SENT), n);
	}
	appliance_stop(a);
}

/* What the port to the source loses, both receivers lose. The way there and back takes longer than
 * the 50 ms within which receivers ask, so that the second asks before the first is answered. */
static void test_of_two_who_ask_for_the_same_the_source_hears_one(void **state)
{
	struct appliance *a = begin("rx: {loss: 5%, delay: 30ms, seed: 1}, tx: {delay: 30ms}",
				    NULL);
	uint64_t heard, naks, sqns, eliminated;

	(void)state;
	carry(a);
	heard = came("NAKs at the source", &a->net, NAKS);
	naks = counted(a, "pgm.ne_naks");
	sqns = counted(a, "pgm.ne_nak_sqns");
	eliminated = counted(a, "pgm.ne_naks_eliminated");
	assert_true(heard > 0);
	assert_true(heard <=
		    counted(a, "pgm.ne_naks_forwarded") + counted(a, "pgm.ne_naks_repeated"));
	assert_true(heard < naks * 3 / 4);
	/* About a half: what is asked for again as its repair was lost counts as well. */
	assert_true(eliminated >= sqns / 3);
	assert_true(counted(a, "pgm.ne_rdata_copies") > counted(a, "pgm.ne_rdata"));
	appliance_stop(a);
}

static void test_who_has_lost_nothing_gets_no_repairs(void **state)
{
	struct appliance *a = begin(NULL, "tx: {loss: 5%, seed: 2}");

	(void)state;
	carry(a);
	assert_true(came("repairs for who lost", far[0], RDATA) > 0);
	assert_int_equal(came("repairs for who did not", far[1], RDATA), 0);
	assert_int_equal(counted(a, "pgm.ne_rdata_copies"), counted(a, "pgm.ne_rdata"));
	appliance_stop(a);
}

static void test_a_group_that_is_not_the_elements_stays_where_it_is(void **state)
{
	struct flow flow = numbered();
	const struct openpgm other = {
		.flow = &flow, .network = LAB_PEER_IP ";" OTHER, .hops = HOPS};
	struct appliance *a = begin(NULL, NULL);
	struct peer *source = begin_source(a, &other);

	(void)state;
	carry(a);
	/* It warms up for as long as nobody tells it to go. */
	appliance_await_more(a, "net.ip_drop_group", 100);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(came("data packets", far[i], ODATA) > 0);
		assert_int_equal(came("of the other group", far[i], TO_OTHER), 0);
	}
	peer_tell(source, "go", 0);
	peer_hear(source, "sent");
	end(source);
	appliance_stop(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_what_a_source_sends_comes_to_receivers_of_other_networks),
		LAB_TEST(test_of_two_who_ask_for_the_same_the_source_hears_one),
		LAB_TEST(test_who_has_lost_nothing_gets_no_repairs),
		LAB_TEST(test_a_group_that_is_not_the_elements_stays_where_it_is),
	};
	int status = lab_begin();

	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
