/* A socket's `options` in zeroline.yaml: what each becomes in the contract, and the one line for
 * each that is wrong, or that the socket's type or a device does not have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/config/config.h"

#define TOP                                                                                        \
	"ports:\n"                                                                                 \
	"- {name: e0, kind: tap, device: zl0, address: 10.0.0.1/24}\n"                             \
	"- {name: e1, kind: tap, device: zl1, address: 10.0.1.1/24}\n"                             \
	"devices:\n"
/* A device with these options on its backend, in line 8. */
#define WITH(kind, front, back, options)                                                           \
	TOP "- name: d\n  kind: " kind "\n  frontend: {" front "}\n  backend: {" back              \
	    "options: {" options "}}\n"
#define XPUB(options)   WITH("forwarder", "", "", options)
#define PUSH(options)   WITH("streamer", "", "", options)
#define DEALER(options) WITH("queue", "", "", options)
#define ROUTER(options)                                                                            \
	WITH("bridge", "type: DEALER",                                                             \
	     "type: ROUTER, connect: [tcp://10.0.0.8:1, tcp://10.0.0.9:1], ", options)
#define AT "t.yaml:8: devices[0].backend.options."

static char directory[] = "/tmp/zl-config-XXXXXX";

static int load(struct zl_config *config, const char *text, char *error, size_t max)
{
	FILE *f = fopen("t.yaml", "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	return zl_config_load(config, "t.yaml", error, max);
}

static const struct {
	const char *text, *error;
} bad[] = {
	{XPUB("lingr: 0"), AT "lingr: unknown key; did you mean \"linger\"?"},
	{XPUB("linger: soon"), AT "linger: \"soon\" is not a duration (500ms, 30s, 2min), nor -1"},
	{XPUB("linger: 25h"), AT "linger: \"25h\" is out of range: -1 to 24h"},
	{XPUB("handshake_ivl: -1"),
	 AT "handshake_ivl: \"-1\" is not a duration (500ms, 30s, 2min)"},
	{XPUB("heartbeat_ivl: 5"), AT "heartbeat_ivl: \"5\" is not a duration (500ms, 30s, 2min)"},
	{XPUB("heartbeat_ttl: 2h"), AT "heartbeat_ttl: \"2h\" is out of range: 0 to 6553599ms"},
	{XPUB("tos: 256"), AT "tos: \"256\" is not a number from 0 to 255"},
	{XPUB("backlog: 0"), AT "backlog: \"0\" is not a number from 1 to 1048576"},
	{XPUB("tcp_keepalive: 1"), AT "tcp_keepalive: \"1\" is not one of yes, no"},
	{XPUB("tcp_keepalive_cnt: 128"),
	 AT "tcp_keepalive_cnt: \"128\" is not a number from 1 to 127"},
	{XPUB("tcp_keepalive_idle: 10ms"),
	 AT "tcp_keepalive_idle: \"10ms\" is out of range: 1s to 24h"},
	{XPUB("tcp_maxrt: 1ms"), AT "tcp_maxrt: \"1ms\" is out of range: 100ms to 24h"},
	{XPUB("reconnect_stop: [conn_refused, never]"),
	 AT "reconnect_stop[1]: \"never\" is not one of conn_refused, handshake_failed, "
	    "after_disconnect"},
	{XPUB("immediate: no"), AT "immediate: \"no\": a device queues nothing for a peer that is "
				   "not ready, its senders wait; remove it"},
	{XPUB("conflate: yes"),
	 AT "conflate: is no option of XPUB, but of PUB, SUB, DEALER, PULL, PUSH"},
	{XPUB("router_mandatory: yes"), AT "router_mandatory: is no option of XPUB, but of ROUTER"},
	{XPUB("router_mandatory: maybe"), AT "router_mandatory: \"maybe\" is not one of yes, no"},
	{XPUB("xpub_manual: yes"), AT "xpub_manual: needs an application that answers "
				      "subscriptions, and a device has none; remove it"},
	{XPUB("xpub_manual_last_value: yes"),
	 AT "xpub_manual_last_value: needs an application that answers subscriptions, and a device "
	    "has none; remove it"},
	{DEALER("router_raw: yes"), AT "router_raw: is no option of DEALER, but of ROUTER"},
	{DEALER("stream_notify: no"),
	 AT "stream_notify: is no option of DEALER, but of ROUTER, STREAM"},
	{DEALER("req_relaxed: yes"), AT "req_relaxed: is no option of DEALER, but of REQ"},
	{DEALER("routing_id: ''"), AT "routing_id: has 0 bytes; it may have 1 to 255"},
	{DEALER("routing_id: \"\\0a\""),
	 AT "routing_id: begins with a zero byte, as only made-up routing ids do"},
	{DEALER("routing_id: [a]"), AT "routing_id: is a list, but one value belongs here"},
	{DEALER("disconnect_msg: x"),
	 AT "disconnect_msg: is no option of DEALER, but of ROUTER, SERVER, PEER"},
	{ROUTER("connect_routing_id: [a, b, c]"),
	 "t.yaml:8: devices[0].backend: options.connect_routing_id: has 3 routing ids for 2 "
	 "connects"},
	{XPUB("bindtodevice: eth7"), "t.yaml:8: devices[0].backend: options.bindtodevice: \"eth7\" "
				     "is not a port's name; `ports` has them"},
	{XPUB("tcp_accept_filter: 10.0.0.0/33"), AT "tcp_accept_filter[0]: \"10.0.0.0/33\" is not "
						    "an IPv4 network, such as 10.0.0.0/24"},
	{XPUB("tcp_accept_filter: [10.0.0.1/24]"),
	 AT "tcp_accept_filter[0]: \"10.0.0.1/24\" has address bits beyond its prefix length"},
	{XPUB("metadata: x"),
	 AT "metadata: is not a mapping of properties, such as {X-site: north}"},
	{XPUB("metadata: {site: x}"), AT "metadata: \"site\" is not a property's name: X- and "
					 "letters, digits, - _ . +"},
	{XPUB("maxmsgsize: 0"),
	 AT "maxmsgsize: \"0\" is out of range: -1 (no limit), 1B to 1024GiB"},
	{XPUB("reconnect_ivl: 2h"),
	 AT "reconnect_ivl: \"2h\" is out of range: -1 (never), 1ms to 1h"},
	{XPUB("rate: 7"), AT "rate: \"7\" is not a number from 8 to 100000000"},
	{XPUB("pgm_fec_group: 12, pgm_fec_ondemand: yes"),
	 "t.yaml:8: devices[0].backend: options.pgm_fec_group: \"12\" is not a power of two from 2 "
	 "to "
	 "128, such as 16"},
	{XPUB("pgm_fec_group: 16"),
	 "t.yaml:8: devices[0].backend: options.pgm_fec_group: no parity "
	 "is sent: set pgm_fec_proactive or pgm_fec_ondemand too"},
	{XPUB("pgm_fec_proactive: 2"), "t.yaml:8: devices[0].backend: options.pgm_fec_proactive: "
				       "parity is of groups: set pgm_fec_group too"},
	{XPUB("pgm_fec_ondemand: yes"), "t.yaml:8: devices[0].backend: options.pgm_fec_ondemand: "
					"parity is of groups: set pgm_fec_group too"},
	{XPUB("pgm_fec_group: 64, pgm_fec_ondemand: yes"),
	 "t.yaml:8: devices[0].backend: options.pgm_fec_group: rate and recovery_ivl keep 83 "
	 "packets, "
	 "and two groups of 64 are needed; raise them, or make groups smaller"},
	{"cores: {poll: 2}\n" XPUB("xpub_nodrop: yes"),
	 "t.yaml:9: devices[0].backend: options.xpub_nodrop: works on one core for now: set "
	 "cores.poll to 1"},
};

static void test_every_mistake_is_told_in_one_line(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct zl_config config;
		char error[512];

		if (load(&config, bad[i].text, error, sizeof(error)) == 0)
			fail_msg("no error, but want: %s", bad[i].error);
		assert_string_equal(error, bad[i].error);
		zl_config_free(&config);
	}
}

static struct zl_config good;

static const struct zl_config_socket *backend(const char *text)
{
	char error[512];

	zl_config_free(&good);
	if (load(&good, text, error, sizeof(error)))
		fail_msg("%s", error);
	assert_true(zl_options_check(&good.devices[0].backend.at.options));
	return &good.devices[0].backend;
}

static void assert_bytes(const struct zl_ipc_option_bytes *b, const char *bytes, unsigned n)
{
	assert_int_equal(b->len, n);
	assert_memory_equal(b->data, bytes, n);
}

static void test_nothing_given_is_every_default(void **state)
{
	struct zl_ipc_options o;

	(void)state;
	zl_options_default(&o);
	assert_memory_equal(&backend(XPUB(""))->at.options, &o, sizeof(o));
}

static void test_connection_options_become_numbers(void **state)
{
	const struct zl_ipc_options *o;

	(void)state;
	o = &backend(XPUB("linger: 2s, immediate: yes, handshake_ivl: 0, heartbeat_ivl: 5s, "
			  "heartbeat_timeout: 7s, heartbeat_ttl: 30s, connect_timeout: 1500ms, "
			  "backlog: 7, tos: 184, tcp_keepalive: yes, tcp_keepalive_cnt: 3, "
			  "tcp_keepalive_idle: 10s, tcp_keepalive_intvl: 2s, tcp_maxrt: 9s, "
			  "reconnect_stop: [conn_refused, after_disconnect], bindtodevice: e1"))
		     ->at.options;
	assert_int_equal(o->linger, 2000);
	assert_int_equal(o->handshake_ivl, 0);
	assert_int_equal(o->heartbeat_ivl, 5000);
	assert_int_equal(o->heartbeat_timeout, 7000);
	assert_int_equal(o->heartbeat_ttl, 30000);
	assert_int_equal(o->connect_timeout, 1500);
	assert_int_equal(o->backlog, 7);
	assert_int_equal(o->tos, 184);
	assert_int_equal(o->tcp_keepalive, 1);
	assert_int_equal(o->tcp_keepalive_cnt, 3);
	assert_int_equal(o->tcp_keepalive_idle, 10000);
	assert_int_equal(o->tcp_keepalive_intvl, 2000);
	assert_int_equal(o->tcp_maxrt, 9000);
	assert_int_equal(o->reconnect_stop, ZL_STOP_CONN_REFUSED | ZL_STOP_AFTER_DISCONNECT);
	assert_int_equal(o->bindtodevice, 2);
	assert_int_equal(backend(XPUB("linger: -1"))->at.options.linger, -1);
	assert_int_equal(backend(XPUB("tcp_keepalive: no"))->at.options.tcp_keepalive, 0);
}

static void test_pattern_options_become_flags_and_bytes(void **state)
{
	const struct zl_ipc_options *o;

	(void)state;
	o = &backend(XPUB("xpub_verbose: yes, xpub_verboser: yes, xpub_nodrop: yes, "
			  "invert_matching: yes, only_first_subscribe: yes, "
			  "xpub_welcome_msg: \"w\\0w\", xpub_manual: no"))
		     ->at.options;
	assert_int_equal(o->xpub_verbose + o->xpub_verboser + o->xpub_nodrop + o->invert_matching +
				 o->only_first_subscribe,
			 5);
	assert_bytes(&o->xpub_welcome_msg, "w\0w", 3);
	o = &backend(DEALER("conflate: yes, probe_router: yes, routing_id: box, hello_msg: hi, "
			    "hiccup_msg: oops"))
		     ->at.options;
	assert_int_equal(o->conflate + o->probe_router, 2);
	assert_bytes(&o->routing_id, "box", 3);
	assert_bytes(&o->hello_msg, "hi", 2);
	assert_bytes(&o->hiccup_msg, "oops", 4);
	o = &backend(ROUTER("router_mandatory: yes, router_handover: yes, "
			    "router_notify: [connect, disconnect], disconnect_msg: bye"))
		     ->at.options;
	assert_int_equal(o->router_mandatory + o->router_handover, 2);
	assert_int_equal(o->router_notify, 3);
	assert_bytes(&o->disconnect_msg, "bye", 3);
	assert_int_equal(backend(ROUTER("router_notify: disconnect"))->at.options.router_notify, 2);
}

static void test_lists_become_tables(void **state)
{
	const struct zl_config_socket *s;

	(void)state;
	s = backend(XPUB("tcp_accept_filter: [10.0.0.0/24, 10.0.1.7], "
			 "metadata: {X-site: ny, X-r: ''}"));
	assert_int_equal(s->at.options.accept_filters, 2);
	assert_int_equal(s->at.options.tcp_accept_filter[0].ip, 0x0a000000);
	assert_int_equal(s->at.options.tcp_accept_filter[0].prefix_len, 24);
	assert_int_equal(s->at.options.tcp_accept_filter[1].ip, 0x0a000107);
	assert_int_equal(s->at.options.tcp_accept_filter[1].prefix_len, 32);
	assert_int_equal(s->at.options.metadata.bytes, 21);
	assert_memory_equal(s->at.options.metadata.data, "\6X-site\0\0\0\2ny\3X-r\0\0\0\0", 21);
	s = backend(ROUTER("connect_routing_id: [a, bc]"));
	assert_bytes(&s->endpoints[0].routing_id, "a", 1);
	assert_bytes(&s->endpoints[1].routing_id, "bc", 2);
}

static void test_libzmqs_names_set_what_the_sockets_own_keys_do(void **state)
{
	const struct zl_config_socket *s;

	(void)state;
	s = backend(PUSH("sndhwm: 7, rcvhwm: 8, maxmsgsize: -1, reconnect_ivl: 5ms, "
			 "reconnect_ivl_max: 0"));
	assert_int_equal(s->at.sndhwm, 7);
	assert_int_equal(s->at.rcvhwm, 8);
	assert_int_equal(s->at.max_msg_bytes, 0);
	assert_int_equal(s->reconnect_ms, 5);
	assert_int_equal(s->reconnect_max_ms, 5);
	s = backend(PUSH("maxmsgsize: 1MiB, reconnect_ivl: -1, reconnect_ivl_max: 9s"));
	assert_int_equal(s->at.max_msg_bytes, 1 << 20);
	assert_int_equal(s->reconnect_max_ms, 9000);
	assert_int_equal(s->at.options.reconnect_stop, ZL_STOP_ALWAYS);
}

static int setup(void **state)
{
	(void)state;
	return mkdtemp(directory) && chdir(directory) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	zl_config_free(&good);
	unlink("t.yaml");
	return chdir("/") || rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_mistake_is_told_in_one_line),
		cmocka_unit_test(test_nothing_given_is_every_default),
		cmocka_unit_test(test_connection_options_become_numbers),
		cmocka_unit_test(test_pattern_options_become_flags_and_bytes),
		cmocka_unit_test(test_lists_become_tables),
		cmocka_unit_test(test_libzmqs_names_set_what_the_sockets_own_keys_do),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
