/* STREAM with peers that speak no ZMTP, in front of a DEALER with a worker, over each transport,
 * whoever connects: plain sockets, and libzmq's own ZMQ_STREAM. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include <cmocka.h>

#include "tests/interop/appliance.h"
#include "tests/interop/mirror.h"
#include "tests/interop/plain.h"
#include "tests/interop/transport.h"

#define RECORDS      100000
#define RECORD_BYTES 100
#define PIECE        (1u << 20)
#define PEERS_MAX    8

struct gateway {
	const struct transport *transport;
	struct appliance *appliance;
	struct mirror mirror_plan;
	struct peer *mirror;
	struct plain plan[PEERS_MAX];
	struct peer *peer[PEERS_MAX];
	unsigned peers, binders;
	char side[2][1024];
	uint8_t id[8]; /* the last that the mirror was told */
};

/* The STREAM binds, and connects to so many who bind. */
static void open_gateway(struct gateway *g, unsigned binders, const char *limits,
			 struct mirror mirror)
{
	const struct transport *t = g->transport;
	int n;

	printf("over %s\n", t->name);
	n = snprintf(g->side[FRONT], sizeof(g->side[FRONT]),
		     "type: STREAM, bind: [\"%s\"], reconnect: 20ms, reconnect_max: 20ms%s%s",
		     transport_at(t, false, FRONT, 0), limits, binders ? ", connect: [" : "");
	for (unsigned i = 0; i < binders; i++)
		n += snprintf(g->side[FRONT] + n, sizeof(g->side[FRONT]) - (size_t)n, "\"%s\"%s",
			      transport_at(t, true, FRONT, i), i + 1 < binders ? ", " : "]");
	transport_side(g->side[BACK], sizeof(g->side[BACK]), t, false, BACK, 1, "DEALER",
		       *limits ? limits + 2 : "hwm: 1000");
	g->appliance = transport_appliance(t, "bridge", g->side[FRONT], g->side[BACK], 0);
	g->mirror_plan = mirror;
	g->mirror_plan.endpoint = transport_at(t, false, BACK, 0);
	g->mirror = peer_start(&g->appliance->net, "mirror", mirror_run, &g->mirror_plan);
	appliance_await_peers(g->appliance, 1);
}

static struct peer *start_peer(struct gateway *g, bool binds, bool stream)
{
	unsigned i = g->peers++;

	g->plan[i] = (struct plain){
		.endpoint = transport_at(g->transport, binds, FRONT, binds ? g->binders++ : 0),
		.binds = binds,
		.stream = stream,
		.seed = i + 1,
	};
	g->peer[i] = peer_start(&g->appliance->net, stream ? "stream" : "plain", plain_run,
				&g->plan[i]);
	return g->peer[i];
}

static void mirror_is_told(struct gateway *g, const char *what)
{
	memcpy(g->id, peer_hear(g->mirror, what)->data, 5);
}

static struct peer *add_peer(struct gateway *g, bool binds, bool stream)
{
	struct peer *p = start_peer(g, binds, stream);

	peer_hear(p, "joined");
	mirror_is_told(g, "came");
	return p;
}

static void all_echo(struct gateway *g, unsigned n, uint64_t bytes, uint32_t piece)
{
	for (unsigned i = 0; i < n; i++)
		plain_go(g->peer[i], bytes, piece);
	for (unsigned i = 0; i < n; i++)
		plain_echoed(g->peer[i]);
}

static void close_gateway(struct gateway *g)
{
	for (unsigned i = 0; i < g->peers; i++)
		if (g->peer[i]) {
			plain_end(g->peer[i]);
			mirror_is_told(g, "went");
		}
	peer_tell(g->mirror, "end", 0);
	peer_done(g->mirror);
	appliance_stop(g->appliance);
}

/* Streams without ZMTP, as control shows them: their ids, in order, and how many. Free it. */
static char *raw_streams(struct gateway *g, unsigned *n)
{
	json_t *peers = appliance_ask(g->appliance, "peers"), *p;
	char *text = calloc(1, 64 * (json_array_size(peers) + 1));
	size_t i, at = 0;

	*n = 0;
	json_array_foreach(peers, i, p)
	{
		const char *name = json_string_value(json_object_get(p, "identity"));

		if (strcmp(json_string_value(json_object_get(p, "type")), "STREAM") != 0)
			continue;
		assert_string_equal(json_string_value(json_object_get(p, "zmtp")), "none");
		assert_int_equal(strncmp(name, "\\x00", 4), 0);
		assert_true(strlen(json_string_value(json_object_get(p, "address"))) > 4);
		at += (size_t)snprintf(text + at, 64, "%s=%s ",
				       json_string_value(json_object_get(p, "stream")), name);
		++*n;
	}
	json_decref(peers);
	return text;
}

/* Each of `before` is in `after`. */
static void all_are_still_there(const char *before, const char *after)
{
	char *copy = strdup(before);

	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		assert_non_null(strstr(after, word));
	free(copy);
}

static void control_goes(struct gateway *g)
{
	lab_kill(&g->appliance->control, SIGKILL);
}

static void control_comes(struct gateway *g)
{
	appliance_start_control(g->appliance);
	appliance_ready(g->appliance);
}

static void each_transport(void (*claim)(struct gateway *g))
{
	for (unsigned t = 0; t < n_transports; t++) {
		struct gateway g = {.transport = &transports[t]};

		if (transport_picks(g.transport, "STREAM"))
			claim(&g);
	}
}

/* Whoever comes while there is no control is let in by the next. */
static void echo_whoever_decides(struct gateway *g)
{
	uint64_t bytes = lab_scaled(RECORDS) * RECORD_BYTES;
	char *before, *after;
	unsigned n;

	open_gateway(g, 2, "", (struct mirror){0});
	add_peer(g, false, false);
	add_peer(g, false, true);
	add_peer(g, true, false);
	add_peer(g, true, true);
	before = raw_streams(g, &n);
	assert_int_equal(n, 4);
	all_echo(g, 4, bytes / 4, RECORD_BYTES);
	for (unsigned i = 0; i < 4; i++)
		plain_go(g->peer[i], bytes / 4, RECORD_BYTES);
	control_goes(g);
	for (unsigned i = 0; i < 4; i++)
		plain_echoed(g->peer[i]);
	peer_hear(start_peer(g, false, false), "joined");
	plain_go(g->peer[4], bytes / 10, RECORD_BYTES);
	all_echo(g, 4, bytes / 10, RECORD_BYTES);
	control_comes(g);
	mirror_is_told(g, "came");
	plain_echoed(g->peer[4]);
	after = raw_streams(g, &n);
	assert_int_equal(n, 5);
	all_are_still_there(before, after);
	all_echo(g, 5, 4 * PIECE + 17, PIECE);
	free(before);
	free(after);
	close_gateway(g);
}

static void test_bytes_come_back_whole_with_and_without_control(void **state)
{
	(void)state;
	each_transport(echo_whoever_decides);
}

static void peer_is_killed(struct gateway *g, unsigned i)
{
	peer_signal(g->peer[i], SIGKILL);
	g->peer[i] = NULL;
	mirror_is_told(g, "went");
}

static void come_and_go(struct gateway *g)
{
	uint8_t killed[8];

	open_gateway(g, 1, "", (struct mirror){.quitter = 1});
	add_peer(g, false, false); /* seed 1 */
	add_peer(g, true, false);
	add_peer(g, false, false);
	memcpy(killed, g->id, sizeof(killed));
	plain_says(g->peer[1], "hello");
	plain_hears(g->peer[1], "hello");

	/* Closed by the worker: what it said before comes, all of it, and no notice. */
	plain_says(g->peer[0], "quit");
	peer_hear(g->mirror, "closed");
	plain_hears_fill(g->peer[0], QUIT_BYTES);
	plain_is_over(g->peer[0]);
	plain_end(g->peer[0]);
	g->peer[0] = NULL;
	appliance_await_closes(g->appliance, "closed_by_user", 1);
	plain_says(g->peer[1], "still");
	plain_hears(g->peer[1], "still");

	/* Killed: told, and nobody is sent to in its place. */
	peer_is_killed(g, 2);
	assert_memory_equal(g->id, killed, 5);
	peer_tell_data(g->mirror, "send", 0, killed, 5);
	appliance_await_counter(g->appliance, "router.dropped_refused", 1);

	/* Whom we connect to is connected to again, under another name. */
	peer_is_killed(g, 1);
	g->binders = 0;
	add_peer(g, true, false);
	plain_go(g->peer[3], 1000 * RECORD_BYTES, RECORD_BYTES);
	plain_echoed(g->peer[3]);
	close_gateway(g);
}

static void test_connections_come_go_and_are_closed(void **state)
{
	(void)state;
	each_transport(come_and_go);
}

static uint64_t held_before;

static bool is_held_back(json_t *stats, const void *context)
{
	(void)stats;
	return appliance_counter((struct appliance *)(uintptr_t)context, "router.stalls_send") >
	       held_before;
}

static void await_held_back(struct gateway *g)
{
	appliance_await(g->appliance, "stats", is_held_back, g->appliance, "senders are held back");
	held_before = appliance_counter(g->appliance, "router.stalls_send");
}

/* The worker reads nothing, then a client reads nothing: whoever sends is held back, and loses
 * nothing. More than the kernel's buffers take (4 MiB). */
static void fill_and_release(struct gateway *g)
{
	held_before = 0;
	open_gateway(g, 1, ", hwm: 100, sndbuf: 16KiB",
		     (struct mirror){.small = true, .waits = true});
	for (unsigned i = 0; i < 3; i++)
		peer_hear(start_peer(g, i == 2, false), "joined");
	for (unsigned i = 0; i < 3; i++)
		plain_go(g->peer[i], 6 * PIECE, 10000);
	await_held_back(g);
	peer_tell(g->mirror, "on", 0);
	for (unsigned i = 0; i < 3; i++)
		mirror_is_told(g, "came");
	for (unsigned i = 0; i < 3; i++)
		plain_echoed(g->peer[i]);
	held_before = appliance_counter(g->appliance, "router.stalls_send");
	plain_go_deaf(g->peer[0], 12 * PIECE, 10000);
	await_held_back(g);
	plain_reads(g->peer[0]);
	plain_echoed(g->peer[0]);
	close_gateway(g);
}

static void test_who_is_not_read_waits_and_loses_nothing(void **state)
{
	(void)state;
	each_transport(fill_and_release);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_bytes_come_back_whole_with_and_without_control),
		LAB_TEST(test_connections_come_go_and_are_closed),
		LAB_TEST(test_who_is_not_read_waits_and_loses_nothing),
	};
	int status = lab_begin();

	transport_pick(argc, argv);
	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
