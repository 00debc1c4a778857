/* XPUB with more subscriptions than near caches hold looks up the topics of a run side by side.
 * Who gets what must be as if each message had come alone. */
#include "dataplane/router/matcher.h"
#include "tests/unit/router_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	PIPES = 5,
	TOPICS = 14000,
	NOBODY = PIPES,
	RUN = 60,
	NAME = 24
};

static struct router_log l;
static unsigned subscriber[TOPICS]; /* of each topic; NOBODY */

/* Topics with little in common. */
static void name(char *into, unsigned topic)
{
	snprintf(into, NAME, "%08x.%08x", topic * 2654435761u, topic * 40503u + 7);
}

static void subscribe(unsigned topic, unsigned pipe)
{
	char prefix[NAME];

	name(prefix, topic);
	if (subscriber[topic] != NOBODY)
		assert_int_equal(l.socket.pattern->subscribe(&l.socket, &l.pipe[subscriber[topic]],
							     false, (const uint8_t *)prefix,
							     (uint32_t)strlen(prefix)),
				 0);
	if (pipe != NOBODY)
		log_subscribe(&l, pipe, prefix);
	subscriber[topic] = pipe;
}

static int setup(void **state)
{
	(void)state;
	log_open(&l, ZL_XPUB);
	for (unsigned i = 0; i < PIPES; i++) {
		log_add(&l, i, ZL_PIPE_PEER);
		l.pipe[i].hwm_msgs = 0;
	}
	srandom(7);
	for (unsigned i = 0; i < TOPICS; i++) {
		subscriber[i] = NOBODY;
		subscribe(i, (unsigned)random() % (PIPES + 1));
	}
	assert_true(zl_matcher_large(l.socket.matcher));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	log_close(&l);
	return 0;
}

/* A run of messages of some topics, each of one or more parts; into `expected` what each pipe
 * should be written. `streak`: how likely a message has the topic of the one before, in percent. */
static void send_run(unsigned streak)
{
	static char text[RUN * 3][NAME + 16], expected[PIPES][LOG_TEXT];
	static struct zl_msg msgs[RUN * 3];
	unsigned n = 0, topic = (unsigned)random() % TOPICS;

	memset(expected, 0, sizeof(expected));
	log_clear(&l);
	for (unsigned i = 1 + (unsigned)random() % RUN; i > 0; i--) {
		unsigned parts = random() % 4 ? 1 : 1 + (unsigned)random() % 3;

		if ((unsigned)random() % 100 >= streak)
			topic = (unsigned)random() % TOPICS;
		for (unsigned k = 0; k < parts; k++, n++) {
			bool more = k + 1 < parts;

			name(text[n], topic);
			sprintf(text[n] + strlen(text[n]), "-%u", n);
			msgs[n] = (struct zl_msg){
				.data = (const uint8_t *)text[n],
				.len = (uint32_t)strlen(text[n]),
				.flags = (uint8_t)((more ? ZL_MSG_MORE : 0) |
						   (random() % 20 ? 0 : ZL_MSG_CHAIN)),
			};
			if (subscriber[topic] != NOBODY) {
				strcat(expected[subscriber[topic]], text[n]);
				strcat(expected[subscriber[topic]], more ? "+" : " ");
			}
		}
	}
	assert_int_equal(zl_socket_send(&l.socket, msgs, n), n);
	for (unsigned i = 0; i < PIPES; i++)
		assert_string_equal(l.out[i], expected[i]);
}

static void test_runs_of_different_topics_go_where_each_alone_would(void **state)
{
	(void)state;
	for (unsigned turn = 0; turn < 3000; turn++)
		send_run(0);
}

static void test_streaks_of_a_topic_go_where_each_alone_would(void **state)
{
	(void)state;
	for (unsigned turn = 0; turn < 3000; turn++)
		send_run(turn / 50 % 3 * 45);
}

static void test_subscriptions_may_change_between_runs(void **state)
{
	(void)state;
	for (unsigned turn = 0; turn < 3000; turn++) {
		for (unsigned i = 0; i < 20; i++)
			subscribe((unsigned)random() % TOPICS, (unsigned)random() % (PIPES + 1));
		send_run((unsigned)random() % 100);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_runs_of_different_topics_go_where_each_alone_would),
		T(test_streaks_of_a_topic_go_where_each_alone_would),
		T(test_subscriptions_may_change_between_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
