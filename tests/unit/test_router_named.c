/* ROUTER, SERVER, PEER and STREAM: peers by name. */
#include "dataplane/router/names.h"
#include "tests/unit/router_log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct router_log r;
static struct zl_socket_options options;

static void open_with_peers(enum zl_socket_type type, const char *a, const char *b)
{
	log_open(&r, type);
	r.socket.options = &options;
	memset(&options, 0, sizeof(options));
	log_add_named(&r, 0, a);
	log_add_named(&r, 1, b);
}

static void close_all(void)
{
	log_close(&r);
	assert_int_equal(log_buffers(), 0);
}

static void test_messages_come_with_the_name_of_their_peer(void **state)
{
	(void)state;
	open_with_peers(ZL_ROUTER, "A", "Bob");
	assert_int_equal(log_input(&r, 0, "x y+z"), 3);
	assert_int_equal(log_input(&r, 1, "p"), 1);
	assert_string_equal(r.received, "A+x A+y+z Bob+p ");
	assert_int_equal(r.pipe[0].msgs_in, 3);
	assert_int_equal(r.pipe[0].bytes_in, 3);
	close_all();
}

static void test_what_is_not_received_is_offered_again_without_its_name(void **state)
{
	(void)state;
	open_with_peers(ZL_ROUTER, "A", "B");
	r.accept = 6; /* A a, A b c, and not all of the third */
	assert_int_equal(log_input(&r, 0, "a b+c d+e f"), 3);
	assert_string_equal(r.received, "A+a A+b+c ");
	r.accept = 1;
	assert_int_equal(log_input(&r, 0, "d+e f"), 0);
	r.accept = 100;
	assert_int_equal(log_input(&r, 0, "d+e f"), 3);
	assert_string_equal(r.received, "A+a A+b+c A+d+e A+f ");
	close_all();
}

static void test_a_message_in_several_calls_is_named_once_and_not_interrupted(void **state)
{
	(void)state;
	open_with_peers(ZL_ROUTER, "A", "B");
	assert_int_equal(log_input(&r, 0, "x a+"), 2);
	assert_int_equal(log_input(&r, 1, "q"), 0);
	assert_int_equal(log_input(&r, 0, "b+"), 1);
	assert_int_equal(log_input(&r, 0, "c y"), 2);
	assert_int_equal(log_input(&r, 1, "q"), 1);
	assert_string_equal(r.received, "A+x A+a+b+c A+y B+q ");
	assert_int_equal(log_input(&r, 0, "a+"), 1);
	zl_socket_remove_pipe(&r.socket, &r.pipe[0]);
	assert_int_equal(r.broken_receive, 1);
	assert_int_equal(log_input(&r, 1, "q"), 1);
	close_all();
}

static void test_more_messages_than_a_run_holds_come_in_order(void **state)
{
	struct zl_msg msgs[1000];
	char *text = malloc(1001);

	(void)state;
	open_with_peers(ZL_ROUTER, "A", "B");
	for (unsigned i = 0; i < 1000; i++) {
		text[i] = (char)('a' + i % 26);
		msgs[i] = (struct zl_msg){.data = (const uint8_t *)text + i,
					  .len = 1,
					  .flags = i % 3 == 0 ? ZL_MSG_MORE : 0};
	}
	msgs[999].flags = 0;
	r.accept = 4000;
	for (unsigned at = 0, n; at < 1000; at += n) {
		n = zl_socket_input(&r.pipe[0], msgs + at, 1000 - at < 700 ? 1000 - at : 700);
		assert_true(n > 0);
	}
	for (unsigned i = 0, at = 0; i < 1000; i++) {
		if (i == 0 || !(msgs[i - 1].flags & ZL_MSG_MORE)) {
			assert_memory_equal(r.received + at, "A+", 2);
			at += 2;
		}
		assert_int_equal(r.received[at], text[i]);
		assert_int_equal(r.received[at + 1], msgs[i].flags ? '+' : ' ');
		at += 2;
	}
	close_all();
	free(text);
}

static void test_messages_go_to_whom_they_name(void **state)
{
	(void)state;
	open_with_peers(ZL_ROUTER, "A", "B");
	assert_int_equal(log_send(&r, "A+x A+y+z B+p A+q C+none lone B+"), 13);
	assert_string_equal(r.out[0], "x y+z q ");
	assert_string_equal(r.out[1], "p ");
	assert_int_equal(r.writes, 3);
	assert_int_equal(log_send(&r, "i+"), 1);
	assert_int_equal(log_send(&r, "j A+k"), 3);
	assert_string_equal(r.out[1], "p i+j ");
	assert_string_equal(r.out[0], "x y+z q k ");
	assert_int_equal(r.counter[ZL_ROUTER_dropped_unroutable], 1);
	assert_int_equal(r.counter[ZL_ROUTER_dropped_malformed], 1);
	assert_int_equal(r.pipe[0].msgs_out, 5);
	close_all();
}

static void test_a_full_peer_loses_whole_messages_unless_mandatory(void **state)
{
	(void)state;
	open_with_peers(ZL_ROUTER, "A", "B");
	r.pipe[0].queued_msgs = 9;
	assert_int_equal(log_send(&r, "A+x A+y+z B+p"), 7);
	assert_string_equal(r.out[0], "x ");
	assert_string_equal(r.out[1], "p ");
	assert_int_equal(r.pipe[0].msgs_dropped, 1);
	assert_int_equal(r.counter[ZL_ROUTER_dropped_hwm], 1);
	assert_true(zl_socket_can_send(&r.socket));
	options.router_mandatory = true;
	log_clear(&r);
	assert_int_equal(log_send(&r, "B+q A+y B+r"), 2);
	assert_int_equal(log_send(&r, "A+y B+r"), 0);
	assert_int_equal(log_send(&r, "B+s C+t B+u"), 2);
	assert_int_equal(log_send(&r, "C+t B+u"), -EHOSTUNREACH);
	assert_string_equal(r.out[1], "q s ");
	assert_true(zl_socket_can_send(&r.socket));
	r.pipe[1].queued_msgs = 10;
	assert_false(zl_socket_can_send(&r.socket));
	zl_socket_released(&r.pipe[0], 1, 1);
	assert_int_equal(log_send(&r, "A+y"), 2);
	close_all();
}

/* pipe_bytes_max is what one pipe may hold while memory is as short as it is. */
static void test_without_a_hwm_nothing_is_lost_while_memory_is_short(void **state)
{
	(void)state;
	open_with_peers(ZL_ROUTER, "A", "B");
	r.pipe[0].hwm_msgs = 0;
	r.pipe[0].queued_msgs = 1000;
	r.pipe[0].queued_bytes = r.socket.pipe_bytes_max = 1 << 20;
	assert_int_equal(log_send(&r, "B+p A+x B+q"), 2);
	assert_int_equal(log_send(&r, "A+x B+q"), 0);
	assert_int_equal(r.counter[ZL_ROUTER_dropped_hwm], 0);
	assert_int_equal(r.counter[ZL_ROUTER_stalls_send], 2);
	zl_socket_released(&r.pipe[0], 1, 1000);
	assert_int_equal(log_send(&r, "A+x B+q"), 4);
	assert_string_equal(r.out[0], "x ");
	assert_string_equal(r.out[1], "p q ");
	close_all();
}

static void test_a_peer_that_goes_in_mid_message_loses_the_rest(void **state)
{
	(void)state;
	open_with_peers(ZL_ROUTER, "A", "B");
	assert_int_equal(log_send(&r, "A+x+"), 2);
	zl_socket_remove_pipe(&r.socket, &r.pipe[0]);
	assert_int_equal(log_send(&r, "y B+z"), 3);
	assert_string_equal(r.out[0], "x+");
	assert_string_equal(r.out[1], "z ");
	assert_int_equal(r.counter[ZL_ROUTER_broken_messages], 1);
	assert_int_equal(log_send(&r, "B+p+"), 2);
	zl_socket_broken(&r.socket);
	assert_int_equal(r.broken[1], 1);
	assert_int_equal(log_send(&r, "B+q"), 2);
	assert_string_equal(r.out[1], "z p+q ");
	log_add_named(&r, 0, "A"); /* the name is free again */
	assert_int_equal(log_send(&r, "A+r"), 2);
	assert_string_equal(r.out[0], "x+r ");
	close_all();
}

static void test_a_name_is_held_by_one_unless_handed_over(void **state)
{
	(void)state;
	open_with_peers(ZL_ROUTER, "A", "B");
	log_add_named(&r, 2, "A");
	assert_string_equal(r.misbehaved, "2:duplicate_routing_id ");
	assert_int_equal(log_input(&r, 2, "x y"), 2);
	assert_int_equal(log_input(&r, 0, "z"), 1);
	assert_string_equal(r.received, "A+z ");
	zl_socket_remove_pipe(&r.socket, &r.pipe[2]);
	assert_int_equal(log_send(&r, "A+still"), 2);
	assert_string_equal(r.out[0], "still ");
	log_clear(&r);
	options.router_handover = true;
	log_add_named(&r, 2, "A");
	assert_string_equal(r.misbehaved, "0:handover ");
	assert_int_equal(log_input(&r, 0, "late"), 1);
	assert_int_equal(log_send(&r, "A+new"), 2);
	zl_socket_remove_pipe(&r.socket, &r.pipe[0]);
	assert_int_equal(log_send(&r, "A+newer"), 2);
	assert_string_equal(r.out[2], "new newer ");
	assert_int_equal(log_input(&r, 2, "x"), 1);
	assert_string_equal(r.received, "A+x ");
	close_all();
}

static void test_comings_and_goings_are_told_when_there_is_room(void **state)
{
	static const struct zl_option_bytes gone = {(const uint8_t *)"gone", 4};
	static const struct zl_option_bytes hello = {(const uint8_t *)"hi", 2};

	(void)state;
	open_with_peers(ZL_ROUTER, "A", "B");
	options.router_notify = ZL_NOTIFY_CONNECT | ZL_NOTIFY_DISCONNECT;
	options.disconnect_msg = gone;
	options.hello_msg = hello;
	options.probe_router = true;
	log_add_named(&r, 2, "C");
	assert_string_equal(r.received, "C+ ");
	assert_string_equal(r.out[2], "hi  ");
	assert_int_equal(log_input(&r, 0, "m+"), 1);
	zl_socket_remove_pipe(&r.socket, &r.pipe[2]); /* within A's message it must wait */
	assert_string_equal(r.received, "C+ A+m+");
	r.accept = 1;
	assert_int_equal(log_input(&r, 0, "n"), 1);
	assert_int_equal(log_input(&r, 1, "p"), 0);
	r.accept = 100;
	assert_int_equal(log_input(&r, 1, "p"), 1);
	assert_string_equal(r.received, "C+ A+m+n C+ C+gone B+p ");
	r.pipe[1].dialled = true;
	r.accept = 0;
	zl_socket_remove_pipe(&r.socket, &r.pipe[1]); /* never told: nothing may leak */
	close_all();
}

static void test_server_messages_have_an_id_and_one_part(void **state)
{
	static const struct zl_option_bytes gone = {(const uint8_t *)"gone", 4};

	(void)state;
	open_with_peers(ZL_SERVER, "0001", "0002");
	assert_int_equal(log_input(&r, 0, "a b+c d e+"), 5);
	assert_int_equal(log_input(&r, 1, "x"), 1);
	assert_int_equal(log_input(&r, 0, "f g"), 2);
	assert_string_equal(r.received, "0001+a 0001+d 0002+x 0001+g ");
	assert_int_equal(r.counter[ZL_ROUTER_dropped_multipart], 2);
	assert_int_equal(log_send(&r, "0002+p 0001+q 0009+r 0002+s"), 4);
	assert_int_equal(log_send(&r, "0009+r 0002+s"), -EHOSTUNREACH);
	assert_int_equal(log_send(&r, "lone"), -EINVAL);
	assert_int_equal(log_send(&r, "0002+s 0001+t+u"), 2);
	assert_int_equal(log_send(&r, "0001+t+u"), -EINVAL);
	r.pipe[0].queued_msgs = 10;
	assert_int_equal(log_send(&r, "0001+v"), 0);
	assert_int_equal(log_send(&r, "0002+"), 1);
	assert_int_equal(log_send(&r, "w 0002+z"), 3);
	assert_string_equal(r.out[0], "q ");
	assert_string_equal(r.out[1], "p s w z ");
	options.disconnect_msg = gone;
	log_clear(&r);
	zl_socket_remove_pipe(&r.socket, &r.pipe[0]);
	assert_string_equal(r.received, "0001+gone ");
	close_all();
}

static void test_peer_tells_of_a_hiccup_when_it_had_dialled(void **state)
{
	static const struct zl_option_bytes gone = {(const uint8_t *)"gone", 4};
	static const struct zl_option_bytes hiccup = {(const uint8_t *)"hic", 3};

	(void)state;
	open_with_peers(ZL_PEER, "0001", "0002");
	options.disconnect_msg = gone;
	options.hiccup_msg = hiccup;
	r.pipe[0].dialled = true;
	zl_socket_remove_pipe(&r.socket, &r.pipe[0]);
	zl_socket_remove_pipe(&r.socket, &r.pipe[1]);
	assert_string_equal(r.received, "0001+hic 0002+gone ");
	close_all();
}

static void test_stream_is_told_of_connections_and_closes_them(void **state)
{
	(void)state;
	open_with_peers(ZL_STREAM, "1", "2");
	assert_int_equal(log_input(&r, 0, "bytes"), 1);
	assert_int_equal(log_send(&r, "1+x+y 2+z"), 5);
	assert_int_equal(log_send(&r, "3+x"), -EHOSTUNREACH);
	assert_string_equal(r.out[0], "x y ");
	assert_int_equal(log_send(&r, "1+p 1+ 2+q"), 6);
	assert_string_equal(r.misbehaved, "0:closed_by_user ");
	assert_string_equal(r.out[0], "x y p ");
	assert_string_equal(r.out[1], "z q ");
	/* whom the user has closed it hears no more of, nor of its end */
	assert_int_equal(log_send(&r, "1+x"), -EHOSTUNREACH);
	assert_int_equal(log_input(&r, 0, "late"), 1);
	assert_int_equal(r.counter[ZL_ROUTER_dropped_nameless], 1);
	zl_socket_remove_pipe(&r.socket, &r.pipe[0]);
	zl_socket_remove_pipe(&r.socket, &r.pipe[1]);
	assert_string_equal(r.received, "1+ 2+ 1+bytes 2+ ");
	close_all();
}

static void test_a_raw_router_is_a_stream_that_drops(void **state)
{
	static const struct zl_socket_options raw = {.router_raw = true};

	(void)state;
	log_open_with(&r, ZL_ROUTER, NULL, &raw, false);
	log_add_named(&r, 0, "1");
	assert_int_equal(log_send(&r, "1+x+y 3+x 1+ 4+z"), 9);
	assert_string_equal(r.out[0], "x y ");
	assert_string_equal(r.misbehaved, "0:closed_by_user ");
	assert_string_equal(r.received, "1+ ");
	close_all();
}

static void test_a_quiet_stream_tells_of_nobody(void **state)
{
	static const struct zl_socket_options quiet = {.stream_quiet = true};

	(void)state;
	log_open_with(&r, ZL_STREAM, NULL, &quiet, false);
	log_add_named(&r, 0, "1");
	assert_int_equal(log_input(&r, 0, "x"), 1);
	zl_socket_remove_pipe(&r.socket, &r.pipe[0]);
	assert_string_equal(r.received, "1+x ");
	close_all();
}

/* Nothing comes of the peer that could remind of it. */
static void test_a_notice_that_had_no_room_is_given_in_a_later_turn(void **state)
{
	(void)state;
	log_open_with(&r, ZL_STREAM, NULL, &options, false);
	memset(&options, 0, sizeof(options));
	r.accept = 0;
	log_add_named(&r, 0, "1");
	zl_socket_sweep(&r.socket, 1);
	assert_string_equal(r.received, "");
	r.accept = 100;
	zl_socket_sweep(&r.socket, 1);
	assert_string_equal(r.received, "1+ ");
	close_all();
}

static uint32_t seed = 1;

static uint32_t rnd(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static void test_names_are_found_as_a_plain_list_finds_them(void **state)
{
	enum {
		PIPES = 300,
		LONG = 255
	};
	static struct zl_pipe pipe[PIPES], many;
	static uint8_t name[PIPES][LONG];
	static bool in[PIPES];
	struct zl_names t;

	(void)state;
	zl_names_open(&t);
	for (unsigned i = 0; i < PIPES; i++) {
		uint32_t len = i % 7 == 0 ? LONG : 5;

		memcpy(name[i] + len - 4, &i, 4);
		pipe[i] = (struct zl_pipe){.routing_id = name[i], .routing_id_len = (uint8_t)len};
	}
	for (unsigned step = 0; step < 200000; step++) {
		unsigned i = rnd(PIPES);
		const struct zl_pipe *as = i % 3 ? &pipe[i] : &many;
		uint8_t len = pipe[i].routing_id_len;
		int error;

		switch (rnd(3)) {
		case 0:
			error = i % 3 ? zl_names_add(&t, &pipe[i])
				      : zl_names_add_copy(&t, &many, name[i], len);
			assert_int_equal(error, in[i] ? -EEXIST : 0);
			in[i] = true;
			break;
		case 1:
			assert_int_equal(zl_names_remove(&t, as, name[i], len), in[i]);
			in[i] = false;
			break;
		default:
			assert_ptr_equal(zl_names_find(&t, name[i], len), in[i] ? as : NULL);
		}
	}
	zl_names_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_come_with_the_name_of_their_peer),
		cmocka_unit_test(test_what_is_not_received_is_offered_again_without_its_name),
		cmocka_unit_test(test_a_message_in_several_calls_is_named_once_and_not_interrupted),
		cmocka_unit_test(test_more_messages_than_a_run_holds_come_in_order),
		cmocka_unit_test(test_messages_go_to_whom_they_name),
		cmocka_unit_test(test_a_full_peer_loses_whole_messages_unless_mandatory),
		cmocka_unit_test(test_without_a_hwm_nothing_is_lost_while_memory_is_short),
		cmocka_unit_test(test_a_peer_that_goes_in_mid_message_loses_the_rest),
		cmocka_unit_test(test_a_name_is_held_by_one_unless_handed_over),
		cmocka_unit_test(test_comings_and_goings_are_told_when_there_is_room),
		cmocka_unit_test(test_server_messages_have_an_id_and_one_part),
		cmocka_unit_test(test_peer_tells_of_a_hiccup_when_it_had_dialled),
		cmocka_unit_test(test_stream_is_told_of_connections_and_closes_them),
		cmocka_unit_test(test_a_raw_router_is_a_stream_that_drops),
		cmocka_unit_test(test_a_quiet_stream_tells_of_nobody),
		cmocka_unit_test(test_a_notice_that_had_no_room_is_given_in_a_later_turn),
		cmocka_unit_test(test_names_are_found_as_a_plain_list_finds_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
