/* pgm:// and epgm:// with OpenPGM itself as source and as receiver (openpgm.h). What libzmq does
 * with OpenPGM is in test_multicast.c.
 *
 * Parity (RFC 3208 11) is tested from OpenPGM to us. The other way there is nothing to test, as it
 * must not be offered (source.h): OpenPGM's receiver (5.3.128) ends its process of it. Once it has
 * enough of a group it makes packets that it gives no sequence number, and asserts that they go
 * into its window (_pgm_rxw_reconstruct); and parity of a group of which it has delivered a part,
 * which pro-active parity may be even where nothing is lost, meets a state that it says cannot be
 * (_pgm_rxw_find_missing). Where parity was offered on demand and none was sent, it has been seen
 * to ask for packets of a link without loss, and to give up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/interop/appliance.h"
#include "tests/interop/exchange.h"
#include "tests/interop/openpgm.h"

#define HERE     "://eth0;239.192.7.1:7500"
#define FAST     "rate: 50000, recovery_ivl: 5s"
#define LOSS     "rx: {loss: 1%, seed: 1}, tx: {loss: 1%, seed: 2}"
#define MESSAGES 20000

/* Most take a part of a packet, some several. */
static struct flow numbered(void)
{
	static const char *const topics[] = {"A.", "B.", "C."};
	static const uint32_t sizes[] = {16,  900, 253, 40, 254, 1460, 17,  600,
					 300, 90,  998, 22, 64,  512,  5000};

	return (struct flow){.topics = topics,
			     .n_topics = 3,
			     .bytes = sizes,
			     .n_bytes = sizeof(sizes) / sizeof(sizes[0]),
			     .messages = lab_scaled(MESSAGES)};
}

static struct appliance *bridge(const char *frontend, const char *backend, const char *impair)
{
	return appliance_start(&(struct appliance_config){
		.frontend = frontend, .backend = backend, .impair = impair});
}

/* "pgm.NAME"; printed, as what a network loses is not all foreseen. */
static uint64_t counted(struct appliance *a, const char *name)
{
	uint64_t n = appliance_counter(a, name);

	printf("%s: %llu\n", name, (unsigned long long)n);
	return n;
}

static void end(struct peer *p)
{
	peer_tell(p, "end", 0);
	peer_done(p);
}

static void carry(struct appliance *a, struct peer *publisher, struct peer *subscriber,
		  unsigned spms)
{
	peer_hear(publisher, "ready");
	peer_hear(subscriber, "warm");
	if (spms)
		appliance_await_more(a, "pgm.src_spms", spms);
	peer_tell(publisher, "go", 0);
	flow_rate("publisher", peer_hear(publisher, "sent"));
	flow_rate("subscriber", peer_hear(subscriber, "received"));
	end(subscriber);
	end(publisher);
}

/* OpenPGM -> group -> TCP. The appliance still runs. */
static struct appliance *from_openpgm(bool udp, bool fec, const char *impair)
{
	static struct flow flow;
	static struct openpgm source;
	static struct subscriber sink;
	struct appliance *a;
	struct peer *subscriber;

	flow = numbered();
	source = (struct openpgm){.flow = &flow, .udp = udp, .fec = fec};
	sink = (struct subscriber){
		.flow = &flow, .endpoint = BACKEND, .prefixes = {""}, .warmed = true};
	a = bridge(udp ? "connect: [\"epgm" HERE "\"], hwm: 0, options: {" FAST "}"
		       : "connect: [\"pgm" HERE "\"], hwm: 0, options: {" FAST "}",
		   NULL, impair);
	subscriber = peer_start(&a->net, "subscriber", subscriber_run, &sink);
	carry(a, peer_start(&a->net, "OpenPGM", openpgm_publish, &source), subscriber, 0);
	assert_int_equal(counted(a, "pgm.rcv_lost"), 0);
	return a;
}

/* TCP -> group -> OpenPGM. */
static struct appliance *to_openpgm(bool udp, const char *backend, const char *impair)
{
	static struct flow flow;
	static struct openpgm sink;
	static struct publisher source;
	struct appliance *a;
	struct peer *subscriber;

	flow = numbered();
	sink = (struct openpgm){.flow = &flow, .udp = udp};
	source = (struct publisher){
		.flow = &flow, .endpoint = FRONTEND, .subscribers = 1, .deaf = true};
	a = bridge(NULL, backend, impair);
	subscriber = peer_start(&a->net, "OpenPGM", openpgm_subscribe, &sink);
	peer_hear(subscriber, "joined");
	/* Of so many SPMs one is not lost: then it can ask for repairs. */
	carry(a, peer_start(&a->net, "publisher", publisher_run, &source), subscriber,
	      impair ? 3 : 0);
	return a;
}

static void test_what_openpgm_sends_comes_whole(void **state)
{
	(void)state;
	appliance_stop(from_openpgm(true, false, NULL));
}

static void test_openpgm_repairs_what_is_lost(void **state)
{
	struct appliance *a = from_openpgm(true, false, LOSS);

	(void)state;
	assert_true(counted(a, "pgm.rcv_rdata") > 0);
	appliance_stop(a);
}

/* Its Reed-Solomon code against ours. One packet lost of a group is made up for by the parity that
 * comes by itself; of more, the rest is asked for. */
static void test_what_is_lost_is_rebuilt_from_openpgms_parity(void **state)
{
	struct appliance *a = from_openpgm(true, true, LOSS);

	(void)state;
	assert_true(counted(a, "pgm.rcv_parity") > 0);
	assert_true(counted(a, "pgm.rcv_rebuilt") > 0);
	assert_true(counted(a, "pgm.rcv_naks_parity") > 0);
	assert_int_equal(counted(a, "pgm.rcv_drop_parity_form"), 0);
	appliance_stop(a);
}

#define EPGM(options) "bind: [\"epgm" HERE "\"], hwm: 0, options: {" FAST options "}"

static void test_openpgm_receives_what_is_sent(void **state)
{
	(void)state;
	appliance_stop(to_openpgm(true, EPGM(""), NULL));
}

static void test_what_openpgm_loses_is_repaired(void **state)
{
	struct appliance *a = to_openpgm(true, EPGM(""), LOSS);

	(void)state;
	assert_true(counted(a, "pgm.src_rdata") > 0);
	appliance_stop(a);
}

static void test_raw_pgm_comes_from_openpgm(void **state)
{
	(void)state;
	appliance_stop(from_openpgm(false, false, NULL));
}

static void test_raw_pgm_goes_to_openpgm(void **state)
{
	(void)state;
	appliance_stop(
		to_openpgm(false, "bind: [\"pgm" HERE "\"], hwm: 0, options: {" FAST "}", NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_what_openpgm_sends_comes_whole),
		LAB_TEST(test_openpgm_repairs_what_is_lost),
		LAB_TEST(test_what_is_lost_is_rebuilt_from_openpgms_parity),
		LAB_TEST(test_openpgm_receives_what_is_sent),
		LAB_TEST(test_what_openpgm_loses_is_repaired),
		LAB_TEST(test_raw_pgm_comes_from_openpgm),
		LAB_TEST(test_raw_pgm_goes_to_openpgm),
	};
	int status = lab_begin();

	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
