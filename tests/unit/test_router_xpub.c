/* XPUB as an application has it: which subscriptions its user hears of, and what it answers by its
 * own (ZMQ_XPUB_VERBOSE, _VERBOSER, _MANUAL, _MANUAL_LAST_VALUE). A word is +topic or -topic here.
 */
#include "tests/unit/router_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct router_log l;
static struct zl_socket_options options;

static void open_with(unsigned peers)
{
	log_open_with(&l, ZL_XPUB, NULL, &options, true);
	for (unsigned i = 0; i < peers; i++)
		log_add(&l, i, ZL_PIPE_PEER);
}

static int setup(void **state)
{
	(void)state;
	memset(&options, 0, sizeof(options));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	log_close(&l);
	return log_buffers() != 0;
}

static void say(unsigned i, const char *word)
{
	const struct zl_msg m = {
		.data = (const uint8_t *)word + 1,
		.len = (uint32_t)strlen(word + 1),
		.flags = *word == '+' ? ZL_MSG_SUBSCRIBE : ZL_MSG_CANCEL,
	};

	assert_int_equal(zl_socket_input(&l.pipe[i], &m, 1), 1);
}

/* What was received since the last time: a cancellation begins with 0, which ends a string. */
static void hears(const char *words)
{
	char bytes[64] = {0};

	for (size_t i = 0; words[i]; i++)
		bytes[i] = words[i] == '+' ? 1 : words[i] == '-' ? 0 : words[i];
	assert_memory_equal(l.received, bytes, sizeof(bytes));
	memset(l.received, 0, sizeof(l.received));
}

/* The user's own word, in the name of whom it heard last. */
static void answers(const char *word)
{
	assert_int_equal(l.socket.pattern->subscribe(&l.socket, NULL, *word == '+',
						     (const uint8_t *)word + 1,
						     (uint32_t)strlen(word + 1)),
			 0);
}

static void test_the_first_subscription_and_the_last_cancellation_are_heard(void **state)
{
	(void)state;
	open_with(2);
	say(0, "+a");
	hears("+a ");
	say(1, "+a");
	hears("");
	log_send(&l, "a1");
	assert_string_equal(l.out[0], "a1 ");
	assert_string_equal(l.out[1], "a1 ");
	say(0, "-a");
	hears("");
	say(1, "-a");
	hears("-a ");
}

static void test_verbose_tells_of_every_subscription(void **state)
{
	(void)state;
	options.xpub_verbose = true;
	open_with(2);
	say(0, "+a");
	hears("+a ");
	say(1, "+a");
	hears("+a ");
	say(1, "+a");
	hears("+a ");
	say(0, "-a");
	hears("");
	say(1, "-a");
	hears("-a ");
}

static void test_verboser_tells_of_every_cancellation_too(void **state)
{
	(void)state;
	options.xpub_verboser = true;
	open_with(2);
	say(0, "+a");
	hears("+a ");
	say(1, "+a");
	hears("+a ");
	say(0, "-a");
	hears("-a ");
	say(1, "-a");
	hears("-a ");
}

static void test_a_peer_that_goes_cancels_what_nobody_else_has(void **state)
{
	(void)state;
	open_with(2);
	say(0, "+a");
	say(0, "+b");
	say(1, "+b");
	hears("+a +b ");
	zl_socket_remove_pipe(&l.socket, &l.pipe[0]);
	hears("-a ");
}

static void test_with_manual_only_the_users_answers_are_in_force(void **state)
{
	(void)state;
	options.xpub_manual = true;
	open_with(2);
	say(0, "+a");
	hears("+a ");
	log_send(&l, "a1");
	assert_string_equal(l.out[0], "");
	answers("+b"); /* for peer 0 */
	say(1, "+a");
	hears("+a "); /* every one */
	answers("+c");
	log_send(&l, "a2 b1 c1");
	assert_string_equal(l.out[0], "b1 ");
	assert_string_equal(l.out[1], "c1 ");
	say(1, "-a");
	hears("-a ");
	answers("-c");
	log_send(&l, "c2");
	assert_string_equal(l.out[1], "c1 ");
	zl_socket_remove_pipe(&l.socket, &l.pipe[0]);
	hears("-a ");
	answers("+d"); /* nobody's: the one who is gone was heard last */
	log_send(&l, "d1");
	assert_string_equal(l.out[1], "c1 ");
}

static void test_a_last_value_goes_to_the_last_subscriber_alone(void **state)
{
	(void)state;
	options.xpub_manual_last_value = true;
	open_with(2);
	say(0, "+a");
	answers("+a");
	log_send(&l, "a1"); /* for 0, who was heard last */
	say(1, "+a");
	answers("+a");
	log_send(&l, "a2+x a3");
	assert_string_equal(l.out[0], "a1 a3 ");
	assert_string_equal(l.out[1], "a2+x a3 ");
	say(0, "+b"); /* and what it did not get into force is for nobody */
	log_send(&l, "b1");
	assert_string_equal(l.out[0], "a1 a3 ");
}

static void test_words_wait_until_the_user_receives(void **state)
{
	(void)state;
	options.xpub_manual = true;
	open_with(2);
	l.accept = 0;
	say(0, "+a");
	say(1, "+b");
	hears("");
	l.accept = 1;
	zl_socket_input(&l.pipe[0], NULL, 0);
	hears("+a ");
	answers("+x"); /* peer 0 was heard, though 1 has spoken since */
	log_send(&l, "x1");
	assert_string_equal(l.out[0], "x1 ");
	l.accept = 1;
	zl_socket_input(&l.pipe[0], NULL, 0);
	hears("+b ");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_the_first_subscription_and_the_last_cancellation_are_heard),
		T(test_verbose_tells_of_every_subscription),
		T(test_verboser_tells_of_every_cancellation_too),
		T(test_a_peer_that_goes_cancels_what_nobody_else_has),
		T(test_with_manual_only_the_users_answers_are_in_force),
		T(test_a_last_value_goes_to_the_last_subscriber_alone),
		T(test_words_wait_until_the_user_receives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
