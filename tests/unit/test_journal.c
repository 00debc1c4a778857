/* The host core's journal of subscriptions and its answers, with the test as control at the other
 * end of the socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "dataplane/dataplane.h"
#include "tests/unit/eal.h"

#define LETTERS 8

static struct zl_dataplane d;

/* main.c's; nothing here is to be said. */
void zl_say(const char *format, ...)
{
	fail_msg("%s", format);
}
static int control = -1;

static void attach(void)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	struct epoll_event e = {.events = EPOLLIN, .data.fd = pair[0]};
	assert_int_equal(epoll_ctl(d.epoll, EPOLL_CTL_ADD, pair[0], &e), 0);
	d.control = pair[0];
	d.journal_acked = 0;
	control = pair[1];
}

static void detach(void)
{
	if (d.control >= 0) {
		close(d.control);
		close(control);
	}
	d.control = control = -1;
}

static int setup(void **state)
{
	(void)state;
	memset(&d, 0, sizeof(d));
	d.control = -1;
	d.running = true;
	d.epoll = epoll_create1(EPOLL_CLOEXEC);
	d.letters = zl_letter_pool(LETTERS);
	return d.letters ? 0 : -1;
}

/* Every letter must be back. */
static int teardown(void **state)
{
	unsigned left = rte_mempool_avail_count(d.letters);

	(void)state;
	detach();
	close(d.epoll);
	rte_mempool_free(d.letters);
	return left == LETTERS ? 0 : -1;
}

static void core_says(uint64_t stream)
{
	struct zl_letter *letter = zl_letter_new(d.letters);

	assert_non_null(letter);
	struct zl_ipc_subs *m = zl_ipc_begin(letter->packet, ZL_IPC_STREAM_SUBS, 0);
	m->stream = stream;
	zl_host_send(&d, letter);
}

/* The next packet that control has: its type. */
static unsigned hear(uint64_t *stream)
{
	static uint64_t packet[ZL_IPC_PACKET_MAX / 8];
	int fd;

	if (zl_ipc_recv(control, packet, &fd) <= 0)
		return 0;
	*stream = *(uint64_t *)zl_ipc_body(packet);
	return ((struct zl_ipc_header *)packet)->type;
}

static void hear_subs(uint64_t first, uint64_t last)
{
	uint64_t stream;

	for (uint64_t i = first; i <= last; i++) {
		assert_int_equal(hear(&stream), ZL_IPC_STREAM_SUBS);
		assert_int_equal(stream, i);
	}
	assert_int_equal(hear(&stream), 0);
}

static void test_what_is_not_acknowledged_is_told_to_the_next_control_in_order(void **state)
{
	(void)state;
	attach();
	for (uint64_t i = 1; i <= 4; i++)
		core_says(i);
	hear_subs(1, 4);
	zl_journal_ack(&d, 2);
	assert_int_equal(rte_mempool_avail_count(d.letters), LETTERS - 2);
	detach();
	core_says(5); /* nobody is there */
	attach();
	d.adopting = true;
	core_says(6);
	hear_subs(1, 0); /* nothing before the dump has ended */
	zl_journal_ack(&d, 3);
	assert_int_equal(d.journal.n, 4); /* nor can anything be acknowledged */
	d.adopting = false;
	zl_journal_replay(&d);
	hear_subs(3, 6);
	zl_journal_ack(&d, 4);
	assert_int_equal(d.journal.n, 0);
}

static void test_an_acknowledgement_of_more_than_was_sent_is_harmless(void **state)
{
	(void)state;
	attach();
	core_says(1);
	zl_journal_ack(&d, 100);
	core_says(2);
	assert_int_equal(d.journal.n, 1);
	zl_journal_ack(&d, 2);
	assert_int_equal(d.journal.n, 0);
	hear_subs(1, 2);
}

static void test_an_answer_is_given_without_a_letter(void **state)
{
	struct zl_letter *all[LETTERS];
	uint64_t body;

	(void)state;
	attach();
	for (unsigned i = 0; i < LETTERS; i++)
		assert_non_null(all[i] = zl_letter_new(d.letters));
	zl_host_result(&d, 7, -EAGAIN, 0, "try again");
	assert_int_equal(hear(&body), ZL_IPC_RESULT);
	assert_null(d.owed);
	for (unsigned i = 0; i < LETTERS; i++)
		zl_letter_free(all[i]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(test_what_is_not_acknowledged_is_told_to_the_next_control_in_order),
		T(test_an_acknowledgement_of_more_than_was_sent_is_harmless),
		T(test_an_answer_is_given_without_a_letter),
#undef T
	};

	return cmocka_run_group_tests(tests, eal_group_setup, NULL);
}
