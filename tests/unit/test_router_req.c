/* REQ, REP, RADIO and DISH. */
#include "tests/unit/router_log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct router_log r;
static struct zl_socket_options options;

static void open_with(enum zl_socket_type type, unsigned peers)
{
	log_open(&r, type);
	memset(&options, 0, sizeof(options));
	r.socket.options = &options;
	for (unsigned i = 0; i < peers; i++)
		log_add(&r, i, ZL_PIPE_PEER);
}

static void close_all(void)
{
	log_close(&r);
	assert_int_equal(log_buffers(), 0);
}

/* --- REP --- */

static void test_rep_keeps_the_envelope_for_the_reply(void **state)
{
	(void)state;
	open_with(ZL_REP, 2);
	assert_int_equal(log_send(&r, "early"), -EFSM);
	assert_false(zl_socket_can_send(&r.socket));
	assert_int_equal(log_input(&r, 0, "h1+h2++ask+more ++next"), 5);
	assert_int_equal(log_input(&r, 1, "+other"), 0);
	assert_string_equal(r.received, "ask+more ");
	assert_true(zl_socket_can_send(&r.socket));
	assert_int_equal(log_send(&r, "yes+indeed again"), 2);
	assert_int_equal(log_send(&r, "again"), -EFSM);
	assert_string_equal(r.out[0], "h1+h2++yes+indeed ");
	assert_int_equal(log_input(&r, 1, "+other"), 2);
	assert_int_equal(log_send(&r, "p+"), 1);
	assert_int_equal(log_input(&r, 0, "+next"), 0);
	assert_int_equal(log_send(&r, "q"), 1);
	assert_string_equal(r.out[1], "+p+q ");
	close_all();
}

static void test_rep_takes_a_request_in_pieces(void **state)
{
	(void)state;
	open_with(ZL_REP, 2);
	assert_int_equal(log_input(&r, 0, "h1+"), 1);
	assert_int_equal(log_input(&r, 1, "+x"), 0);
	assert_int_equal(log_input(&r, 0, "h2++"), 2);
	r.accept = 0;
	assert_int_equal(log_input(&r, 0, "a+"), 0);
	r.accept = 100;
	assert_int_equal(log_input(&r, 0, "a+"), 1);
	assert_int_equal(log_send(&r, "early"), -EFSM);
	assert_int_equal(log_input(&r, 0, "b"), 1);
	assert_string_equal(r.received, "a+b ");
	assert_int_equal(log_send(&r, "c"), 1);
	assert_string_equal(r.out[0], "h1+h2++c ");
	r.accept = 0;
	assert_int_equal(log_input(&r, 1, "h++d"), 0);
	r.accept = 100;
	assert_int_equal(log_input(&r, 1, "h++d"), 3);
	assert_int_equal(log_send(&r, "e"), 1);
	assert_string_equal(r.out[1], "h++e ");
	close_all();
}

static void test_rep_passes_over_what_has_no_envelope(void **state)
{
	char text[4 * 300] = "";

	(void)state;
	open_with(ZL_REP, 2);
	assert_int_equal(log_input(&r, 0, "bad h+worse h++"), 5);
	assert_int_equal(log_input(&r, 0, "ask"), 1);
	assert_int_equal(r.counter[ZL_ROUTER_bad_envelopes], 2);
	assert_int_equal(log_send(&r, "a"), 1);
	assert_string_equal(r.out[0], "h++a ");
	for (unsigned i = 0; i < 250; i++)
		strcat(text, "h+");
	assert_int_equal(log_input(&r, 0, text), 250);
	assert_int_equal(log_input(&r, 0, "h+h+h+h+h+"), 5);
	assert_int_equal(r.counter[ZL_ROUTER_bad_envelopes], 2);
	assert_int_equal(log_input(&r, 0, "h+"), 1); /* too deep */
	assert_int_equal(r.counter[ZL_ROUTER_bad_envelopes], 3);
	assert_int_equal(log_input(&r, 1, "+q"), 2);
	assert_int_equal(log_input(&r, 0, "++x"), 3); /* the rest of it, though q is in its turn */
	assert_int_equal(log_send(&r, "b"), 1);
	assert_string_equal(r.out[1], "+b ");
	close_all();
}

static void test_rep_whose_asker_has_gone_replies_to_nobody(void **state)
{
	(void)state;
	open_with(ZL_REP, 2);
	log_input(&r, 0, "+ask");
	zl_socket_remove_pipe(&r.socket, &r.pipe[0]);
	assert_int_equal(log_input(&r, 1, "+x"), 0);
	assert_int_equal(log_send(&r, "a"), 1);
	assert_int_equal(r.counter[ZL_ROUTER_dropped_unroutable], 1);
	assert_int_equal(log_input(&r, 1, "+x+"), 2);
	zl_socket_remove_pipe(&r.socket, &r.pipe[1]);
	assert_int_equal(r.broken_receive, 1);
	assert_int_equal(log_send(&r, "a"), -EFSM);
	log_add(&r, 2, ZL_PIPE_PEER);
	assert_int_equal(log_input(&r, 2, "h+"), 1);
	zl_socket_remove_pipe(&r.socket, &r.pipe[2]);
	assert_int_equal(r.broken_receive, 1); /* nobody had seen any of it */
	log_add(&r, 3, ZL_PIPE_PEER);
	r.pipe[3].queued_msgs = 10;
	assert_int_equal(log_input(&r, 3, "+y"), 2);
	assert_int_equal(log_send(&r, "full"), 1);
	assert_int_equal(r.counter[ZL_ROUTER_dropped_hwm], 1);
	r.pipe[3].queued_msgs = 0;
	/* without a HWM nothing is lost, but waits for memory */
	r.pipe[3].hwm_msgs = 0;
	r.pipe[3].queued_bytes = r.socket.pipe_bytes_max = 1 << 20;
	assert_int_equal(log_input(&r, 3, "+w"), 2);
	assert_int_equal(log_send(&r, "later"), 0);
	r.pipe[3].queued_bytes = 0;
	assert_int_equal(log_send(&r, "later"), 1);
	assert_int_equal(r.counter[ZL_ROUTER_dropped_hwm], 1);
	assert_int_equal(log_input(&r, 3, "+z"), 2);
	assert_int_equal(log_send(&r, "half+"), 1);
	zl_socket_broken(&r.socket);
	assert_int_equal(r.broken[3], 1);
	assert_int_equal(log_send(&r, "a"), -EFSM);
	assert_string_equal(r.out[3], "+later +half+");
	close_all();
}

/* --- REQ --- */

static void test_req_asks_one_in_turn_and_takes_its_reply_alone(void **state)
{
	(void)state;
	open_with(ZL_REQ, 2);
	assert_int_equal(log_send(&r, "ask+more again"), 2);
	assert_int_equal(log_send(&r, "again"), -EFSM);
	assert_false(zl_socket_can_send(&r.socket));
	assert_string_equal(r.out[0], "+ask+more ");
	assert_int_equal(log_input(&r, 1, "+lie +li+"), 4);
	assert_int_equal(log_input(&r, 1, "e"), 1);
	assert_int_equal(log_input(&r, 0, "noenvelope x+y +yes+indeed +late"), 8);
	assert_string_equal(r.received, "yes+indeed ");
	assert_int_equal(r.counter[ZL_ROUTER_bad_envelopes], 2);
	assert_int_equal(r.counter[ZL_ROUTER_dropped_late], 3);
	assert_int_equal(log_send(&r, "p+"), 1);
	assert_int_equal(log_input(&r, 1, "+early"), 2);
	assert_int_equal(log_send(&r, "q"), 1);
	assert_string_equal(r.out[1], "+p+q ");
	r.accept = 0;
	assert_int_equal(log_input(&r, 1, "+a"), 0);
	r.accept = 100;
	assert_int_equal(log_input(&r, 1, "+"), 1);
	assert_int_equal(log_input(&r, 1, "a+"), 1);
	assert_int_equal(log_send(&r, "x"), -EFSM);
	assert_int_equal(log_input(&r, 1, "b"), 1);
	assert_string_equal(r.received, "yes+indeed a+b ");
	assert_true(zl_socket_can_send(&r.socket));
	close_all();
}

static void test_req_waits_for_room_and_for_a_peer(void **state)
{
	(void)state;
	open_with(ZL_REQ, 0);
	assert_int_equal(log_send(&r, "a"), 0);
	assert_false(zl_socket_can_send(&r.socket));
	log_add(&r, 0, ZL_PIPE_PEER);
	assert_int_equal(log_send(&r, "a"), 1);
	zl_socket_remove_pipe(&r.socket,
			      &r.pipe[0]); /* no reply will come: RFC 28 has no way out */
	log_add(&r, 1, ZL_PIPE_PEER);
	assert_int_equal(log_input(&r, 1, "+stray"), 2);
	assert_int_equal(log_send(&r, "b"), -EFSM);
	options.req_relaxed = true;
	assert_int_equal(log_send(&r, "b"), 1);
	assert_int_equal(log_input(&r, 1, "+ha+"), 2);
	zl_socket_remove_pipe(&r.socket, &r.pipe[1]);
	assert_int_equal(r.broken_receive, 1);
	assert_string_equal(r.received, "ha+");
	close_all();
}

/* A reply of id, delimiter, body: libzmq's ids are in host order, and mean nothing to the replier.
 */
static unsigned reply(uint32_t id, const char *body)
{
	const struct zl_msg parts[] = {
		{.data = (const uint8_t *)&id, .len = sizeof(id), .flags = ZL_MSG_MORE},
		{.data = (const uint8_t *)"", .flags = ZL_MSG_MORE},
		{.data = (const uint8_t *)body, .len = (uint32_t)strlen(body)},
	};

	return zl_socket_input(&r.pipe[0], parts, 3);
}

static unsigned sent_ids;
static uint32_t sent_id[2];

static void note_id(void *ctx, struct zl_pipe *const *pipes, unsigned n_pipes,
		    const struct zl_msg *msgs, unsigned n)
{
	(void)ctx;
	(void)pipes;
	(void)n_pipes;
	if (n != 2)
		return;
	assert_int_equal(msgs[0].len, 4);
	assert_int_equal(msgs[1].len, 0);
	memcpy(&sent_id[sent_ids++], msgs[0].data, 4);
}

static void test_req_relaxed_and_correlated_takes_the_newest_reply(void **state)
{
	struct zl_socket_ops ops;

	(void)state;
	open_with(ZL_REQ, 1);
	ops = *r.socket.ops;
	ops.write = note_id;
	r.socket.ops = &ops;
	options.req_relaxed = options.req_correlate = true;
	assert_int_equal(log_send(&r, "a"), 1);
	assert_int_equal(log_send(&r, "b"), 1);
	assert_int_equal(sent_ids, 2);
	assert_int_not_equal(sent_id[0], sent_id[1]);
	assert_int_equal(reply(sent_id[0], "old"), 3);
	assert_int_equal(log_input(&r, 0, "+noid"), 2);
	assert_int_equal(reply(sent_id[1], "new"), 3);
	assert_int_equal(reply(sent_id[1], "twice"), 3);
	assert_string_equal(r.received, "new ");
	assert_int_equal(r.counter[ZL_ROUTER_dropped_late], 3);
	close_all();
}

/* --- RADIO and DISH --- */

static void test_radio_sends_to_those_who_joined_exactly(void **state)
{
	(void)state;
	open_with(ZL_RADIO, 3);
	log_subscribe(&r, 0, "ab");
	log_subscribe(&r, 1, "abc");
	log_subscribe(&r, 2, "ab");
	log_subscribe(&r, 2, "");
	assert_int_equal(log_send(&r, "ab+1 abc+2 a+3 abcd+4 +5 ab+6"), 12);
	assert_string_equal(r.out[0], "ab+1 ab+6 ");
	assert_string_equal(r.out[1], "abc+2 ");
	assert_string_equal(r.out[2], "ab+1 +5 ab+6 ");
	assert_int_equal(log_send(&r, "lone"), -EINVAL);
	assert_int_equal(log_send(&r, "ab+7 ab+8+9"), 2);
	assert_int_equal(log_send(&r, "ab+8+9"), -EINVAL);
	assert_int_equal(log_send(&r, "ab+"), 1);
	assert_int_equal(log_send(&r, "x abc+y"), 3);
	assert_string_equal(r.out[0], "ab+1 ab+6 ab+7 ab+x ");
	assert_string_equal(r.out[1], "abc+2 abc+y ");
	assert_int_equal(log_input(&r, 0, "S:g C:g junk"), 3);
	assert_string_equal(r.subs, "S:g C:g ");
	assert_int_equal(
		r.socket.pattern->subscribe(&r.socket, &r.pipe[0], false, (const uint8_t *)"ab", 2),
		0);
	log_clear(&r);
	assert_int_equal(log_send(&r, "ab+z"), 2);
	assert_string_equal(r.out[0], "");
	assert_string_equal(r.out[2], "ab+z ");
	close_all();
}

/* A flow's RADIO cannot be told of groups: it is in all of them. */
static void test_a_radio_sends_all_groups_to_who_is_in_all(void **state)
{
	static const uint8_t all[ZL_ALL_GROUPS];

	(void)state;
	open_with(ZL_RADIO, 2);
	log_subscribe(&r, 0, "ab");
	assert_int_equal(r.socket.pattern->subscribe(&r.socket, &r.pipe[1], true, all, sizeof(all)),
			 0);
	assert_int_equal(log_send(&r, "ab+1 abc+2 +3"), 6);
	assert_string_equal(r.out[0], "ab+1 ");
	assert_string_equal(r.out[1], "ab+1 abc+2 +3 ");
	log_subscribe(&r, 1, ""); /* the group of no name is another matter */
	assert_int_equal(
		r.socket.pattern->subscribe(&r.socket, &r.pipe[1], false, all, sizeof(all)), 0);
	log_clear(&r);
	assert_int_equal(log_send(&r, "ab+4 +5"), 4);
	assert_string_equal(r.out[0], "ab+4 ");
	assert_string_equal(r.out[1], "+5 ");
	close_all();
}

static int join(bool add, const char *group)
{
	return r.socket.pattern->subscribe(&r.socket, NULL, add, (const uint8_t *)group,
					   (uint32_t)strlen(group));
}

static void test_dish_receives_what_it_joined_in_two_parts(void **state)
{
	(void)state;
	open_with(ZL_DISH, 2);
	assert_int_equal(log_input(&r, 0, "a+1 b+2 lone c+3+4 d+5"), 10);
	assert_string_equal(r.received, "a+1 b+2 d+5 ");
	assert_int_equal(r.counter[ZL_ROUTER_dropped_group], 2);
	assert_int_equal(join(true, "b"), 0);
	assert_int_equal(join(true, "b"), 0);
	assert_int_equal(join(true, "d"), 0);
	log_clear(&r);
	assert_int_equal(log_input(&r, 0, "a+1 b+2 d+5 e+"), 7);
	assert_int_equal(log_input(&r, 0, "6 b+"), 2);
	assert_int_equal(log_input(&r, 1, "d+x"), 0);
	assert_int_equal(log_input(&r, 0, "7 d+"), 2);
	assert_int_equal(log_input(&r, 0, "8+9 d+10"), 4); /* three parts after all */
	assert_string_equal(r.received, "b+2 d+5 b+7 d+d+10 ");
	assert_int_equal(r.broken_receive, 1);
	assert_int_equal(join(false, "d"), 0);
	assert_int_equal(join(false, "b"), 0);
	log_clear(&r);
	assert_int_equal(log_input(&r, 0, "a+1 b+2"), 4);
	assert_string_equal(r.received, "");
	assert_int_equal(log_send(&r, "a+1"), -EOPNOTSUPP);
	close_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rep_keeps_the_envelope_for_the_reply),
		cmocka_unit_test(test_rep_takes_a_request_in_pieces),
		cmocka_unit_test(test_rep_passes_over_what_has_no_envelope),
		cmocka_unit_test(test_rep_whose_asker_has_gone_replies_to_nobody),
		cmocka_unit_test(test_req_asks_one_in_turn_and_takes_its_reply_alone),
		cmocka_unit_test(test_req_waits_for_room_and_for_a_peer),
		cmocka_unit_test(test_req_relaxed_and_correlated_takes_the_newest_reply),
		cmocka_unit_test(test_radio_sends_to_those_who_joined_exactly),
		cmocka_unit_test(test_a_radio_sends_all_groups_to_who_is_in_all),
		cmocka_unit_test(test_dish_receives_what_it_joined_in_two_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
