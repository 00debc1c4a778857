/* The kernel's streams, as their owner and their peer see them: bytes in order, back-pressure both
 * ways, and every kind of end. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/kernel_bed.h"

#define MIB (1u << 20)

static bool has_come(const void *n)
{
	return owned[0].n_in >= *(const size_t *)n;
}

static bool is_closed(const void *i)
{
	return owned[*(const unsigned *)i].closed != NULL;
}

static const unsigned first;

/* All that the peer can be given now, and the turns that it takes; how much. */
static size_t drain(int fd, uint8_t *to, size_t max)
{
	size_t n = 0;

	for (unsigned idle = 0; idle < 50 && n < max; idle++) {
		ssize_t got = recv(fd, to + n, max - n, 0);

		if (got > 0) {
			n += (size_t)got;
			idle = 0;
		} else if (got == 0) {
			break;
		}
		bed_turn();
	}
	return n;
}

static void test_bytes_come_in_order_whatever_they_were_cut_into(void **state)
{
	size_t n = 3 * MIB, at = 0, part = 1;
	uint8_t *bytes = malloc(n);
	int fd;

	(void)state;
	bed_start(2048);
	fd = bed_peer();
	pattern(bytes, 0, n);
	while (at < n) {
		size_t want = n - at < part ? n - at : part;
		ssize_t sent = send(fd, bytes + at, want, MSG_NOSIGNAL);

		if (sent > 0)
			at += (size_t)sent;
		part = part * 7 % 65521;
		bed_turn();
	}
	bed_await(has_come, &n, "all bytes have come");
	pattern_check(owned[0].in, 0, n);
	assert_int_equal(bed_counter(ZL_KERNEL_rx_bytes), n);
	close(fd);
	bed_await(is_closed, &first, "the stream has ended");
	assert_string_equal(owned[0].closed, "closed_here");
	free(bytes);
	bed_stop();
}

static void test_thousands_of_small_slices_go_out_whole(void **state)
{
	size_t n = 3000 * 13;
	uint8_t *got = malloc(n);
	int fd;

	(void)state;
	bed_start(4096);
	fd = bed_peer();
	bed_queue(&owned[0], n, 13);
	assert_int_equal(drain(fd, got, n), n);
	pattern_check(got, 0, n);
	assert_int_equal(owned[0].released_msgs, 3000);
	assert_int_equal(owned[0].released_bytes, n);
	assert_true(bed_counter(ZL_KERNEL_tx_calls) < 60); /* many a call */
	close(fd);
	free(got);
	bed_stop();
}

/* What the kernel has taken is released; what it has not stays queued, and goes when there is room.
 */
static void test_a_peer_that_does_not_read_holds_the_queue_back(void **state)
{
	size_t n = 3 * MIB;
	uint8_t *got = malloc(n);
	uint64_t left;
	int fd;

	(void)state;
	bed_start(4096);
	fd = bed_peer();
	bed_queue(&owned[0], n, 1500);
	for (unsigned i = 0; i < 100; i++)
		bed_turn();
	left = owned[0].stream->sendq.bytes;
	assert_true(left > 0 && left < n);
	assert_int_equal(owned[0].released_bytes, n - left);
	assert_int_equal(bed_counter(ZL_KERNEL_tx_bytes), n - left);
	assert_true(bed_counter(ZL_KERNEL_tx_calls) < 400); /* it does not go on trying */
	assert_int_equal(drain(fd, got, n), n);
	pattern_check(got, 0, n);
	assert_int_equal(owned[0].stream->sendq.bytes, 0);
	assert_int_equal(owned[0].released_msgs, (n + 1499) / 1500);
	close(fd);
	free(got);
	bed_stop();
}

/* As much as the kernel holds for it, without a byte of ours. */
static size_t flood(int fd, uint64_t from)
{
	uint8_t bytes[1000];
	size_t n = 0;

	for (unsigned idle = 0; idle < 50;) {
		ssize_t sent;

		pattern(bytes, from + n, sizeof(bytes));
		sent = send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL);
		if (sent > 0)
			n += (size_t)sent;
		idle = sent > 0 ? 0 : idle + 1;
		bed_turn();
	}
	return n;
}

static void test_an_owner_that_does_not_take_leaves_it_to_the_kernel(void **state)
{
	uint64_t asked;
	size_t n;
	int fd;

	(void)state;
	bed_start(2048);
	fd = bed_peer();
	owned[0].greedy = false;
	n = flood(fd, 0);
	assert_true(n > 0);
	assert_int_equal(bed_counter(ZL_KERNEL_rx_bytes), 0);
	asked = owned[0].readable;
	for (unsigned i = 0; i < 100; i++)
		bed_turn();
	assert_int_equal(owned[0].readable, asked); /* once for what came, not again and again */
	owned[0].greedy = true;
	for (struct rte_mbuf *m; (m = owned[0].stream->ops->take(owned[0].stream));) {
		memcpy(owned[0].in + owned[0].n_in, rte_pktmbuf_mtod(m, void *), m->data_len);
		owned[0].n_in += m->data_len;
		owned[0].stream->ops->consumed(owned[0].stream, m->data_len);
		rte_pktmbuf_free(m);
	}
	bed_await(has_come, &n, "what waited has come");
	pattern_check(owned[0].in, 0, n);
	close(fd);
	bed_stop();
}

static void test_who_takes_and_does_not_consume_is_given_so_much_and_no_more(void **state)
{
	size_t n, taken;
	int fd;

	(void)state;
	bed_start(2048);
	fd = bed_peer();
	owned[0].greedy = false;
	owned[0].keeps = true;
	n = flood(fd, 0);
	taken = owned[0].n_in;
	assert_true(taken >= RCVBUF && taken < RCVBUF + 32 * 2048);
	assert_true(n > taken);
	owned[0].greedy = true;
	owned[0].stream->ops->consumed(owned[0].stream, (uint32_t)owned[0].unconsumed);
	owned[0].unconsumed = 0;
	bed_await(has_come, &n, "the rest has come");
	pattern_check(owned[0].in, 0, n);
	close(fd);
	bed_stop();
}

static void test_when_memory_is_short_nothing_is_read_until_it_is_not(void **state)
{
	struct rte_mbuf *held[256];
	size_t n = 300;
	uint8_t bytes[300];
	unsigned n_held = 0;
	int fd;

	(void)state;
	bed_start(256);
	fd = bed_peer();
	while ((held[n_held] = rte_pktmbuf_alloc(pools.frames)))
		n_held++;
	pattern(bytes, 0, n);
	assert_int_equal(send(fd, bytes, n, 0), n);
	for (unsigned i = 0; i < 10; i++)
		bed_turn();
	assert_int_equal(owned[0].n_in, 0);
	assert_true(bed_counter(ZL_KERNEL_rx_no_memory) > 0);
	assert_true(zl_kernel_next_timer(kernel) <= now_ns + 1000000);
	rte_pktmbuf_free_bulk(held, n_held);
	bed_await(has_come, &n, "it is read");
	pattern_check(owned[0].in, 0, n);
	close(fd);
	bed_stop();
}

/* A program sends its last words and ends without having read ours. */
static void test_what_a_peer_said_is_read_though_it_ended_with_ours_unread(void **state)
{
	size_t n = 100000;
	uint8_t *bytes = malloc(n);
	int fd;

	(void)state;
	bed_start(2048);
	fd = bed_peer();
	owned[0].greedy = false;
	bed_queue(&owned[0], 500, 500);
	bed_turn();
	pattern(bytes, 0, n);
	assert_int_equal(send(fd, bytes, n, 0), n);
	close(fd);
	bed_queue(&owned[0], 700, 700); /* which nobody will read */
	bed_turn();
	owned[0].greedy = true;
	owned[0].hangs_up = false;
	bed_await(has_come, &n, "its last words have come");
	pattern_check(owned[0].in, 0, n);
	bed_await(is_closed, &first, "the stream has ended");
	assert_string_equal(owned[0].closed, "reset_by_peer");
	assert_int_equal(owned[0].n_in, n);
	assert_int_equal(bed_counter(ZL_KERNEL_tx_lost_bytes), 700);
	assert_int_equal(owned[0].released_msgs, 2); /* nothing counts as queued for it */
	free(bytes);
	bed_stop();
}

static void half_close(int fd)
{
	uint8_t got[70000];

	shutdown(fd, SHUT_WR);
	owned[0].hangs_up = false;
	for (unsigned i = 0; i < 10; i++)
		bed_turn();
	assert_true(owned[0].stream->peer_closed);
	assert_null(owned[0].closed);
	bed_queue(&owned[0], 60000, 1000);
	owned[0].stream->ops->shutdown(owned[0].stream);
	assert_int_equal(drain(fd, got, sizeof(got)), 60000);
	pattern_check(got, 0, 60000);
	assert_int_equal(recv(fd, got, 1, 0), 0);
	bed_await(is_closed, &first, "both sides have closed");
	assert_string_equal(owned[0].closed, "closed_here");
	close(fd);
}

static void test_a_half_closed_peer_still_gets_everything(void **state)
{
	(void)state;
	bed_start(2048);
	half_close(bed_peer());
	bed_stop();
	bed_start(2048);
	half_close(bed_peer_tcp());
	bed_stop();
}

static void test_a_reset_ends_a_stream_by_that_name(void **state)
{
	const struct linger at_once = {.l_onoff = 1};
	int fd;

	(void)state;
	bed_start(512);
	fd = bed_peer_tcp();
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
	bed_await(is_closed, &first, "the stream has ended");
	assert_string_equal(owned[0].closed, "reset_by_peer");
	assert_int_equal(bed_counter(ZL_KERNEL_closed_reset_by_peer), 1);
	bed_stop();
}

static void test_an_abort_is_a_reset_to_the_peer_and_no_event_here(void **state)
{
	uint8_t byte;
	int fd;

	(void)state;
	bed_start(512);
	fd = bed_peer_tcp();
	owned[0].stream->ops->abort(owned[0].stream);
	bed_turn();
	assert_null(owned[0].closed);
	assert_int_equal(recv(fd, &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	assert_int_equal(bed_counter(ZL_KERNEL_closed_aborted), 1);
	close(fd);
	bed_stop();
}

static void test_a_peer_that_never_closes_is_left_in_the_end(void **state)
{
	int fd;

	(void)state;
	bed_start(512);
	fd = bed_peer();
	owned[0].stream->ops->shutdown(owned[0].stream);
	for (unsigned i = 0; i < 100; i++)
		bed_turn();
	assert_null(owned[0].closed);
	now_ns += 31000000000ull;
	bed_turn();
	assert_string_equal(owned[0].closed, "fin_timeout");
	close(fd);
	bed_stop();
}

/* Three places: the fourth is turned away, and a place that is given up is taken again. */
static void test_there_are_so_many_streams_and_their_places_are_used_again(void **state)
{
	unsigned last = 2;
	uint8_t byte;
	int fd[5];

	(void)state;
	bed_start(512);
	for (unsigned i = 0; i < 3; i++)
		fd[i] = bed_peer();
	owned[3].stream = NULL;
	struct zl_ipc_endpoint at = bed_ipc("in", true);
	assert_int_equal(bed_dial(&at), -ENOBUFS);
	close(fd[2]);
	bed_await(is_closed, &last, "one has ended");
	bed_turn();
	fd[3] = bed_peer();
	assert_non_null(owned[3].stream);
	assert_int_equal(recv(fd[3], &byte, 1, 0), -1);
	assert_int_equal(errno, EAGAIN);
	for (unsigned i = 0; i < 4; i++)
		if (i != 2)
			close(fd[i]);
	bed_stop();
}

static bool is_established(const void *i)
{
	return owned[*(const unsigned *)i].established;
}

static void test_a_dial_is_told_of_later_or_refused_at_once(void **state)
{
	struct zl_ipc_endpoint in = bed_ipc("in", false), to = bed_ipc("in", true);
	struct zl_ipc_endpoint nobody = bed_ipc("nobody", true);
	struct zl_ipc_endpoint nowhere = bed_ipc("/nowhere/at/all", true);
	struct zl_ipc_sockaddr bound;

	(void)state;
	bed_start(512);
	assert_int_equal(bed_dial(&nobody), -ECONNREFUSED);
	assert_int_equal(bed_dial(&nowhere), -ENOENT);
	bed_turn(); /* places are free again at a turn's end */
	assert_int_equal(zl_kernel_listen(kernel, &in, &bed_settings, 7, &bound), 0);
	assert_int_equal(bed_dial(&to), 0);
	assert_false(owned[0].established);
	bed_await(is_established, &first, "the dial has succeeded");
	bed_queue(&owned[0], 100, 100);
	while (n_owned < 2 || owned[1].n_in < 100)
		bed_turn();
	pattern_check(owned[1].in, 0, 100);
	bed_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_come_in_order_whatever_they_were_cut_into),
		cmocka_unit_test(test_thousands_of_small_slices_go_out_whole),
		cmocka_unit_test(test_a_peer_that_does_not_read_holds_the_queue_back),
		cmocka_unit_test(test_an_owner_that_does_not_take_leaves_it_to_the_kernel),
		cmocka_unit_test(test_who_takes_and_does_not_consume_is_given_so_much_and_no_more),
		cmocka_unit_test(test_when_memory_is_short_nothing_is_read_until_it_is_not),
		cmocka_unit_test(test_what_a_peer_said_is_read_though_it_ended_with_ours_unread),
		cmocka_unit_test(test_a_half_closed_peer_still_gets_everything),
		cmocka_unit_test(test_a_reset_ends_a_stream_by_that_name),
		cmocka_unit_test(test_an_abort_is_a_reset_to_the_peer_and_no_event_here),
		cmocka_unit_test(test_a_peer_that_never_closes_is_left_in_the_end),
		cmocka_unit_test(test_there_are_so_many_streams_and_their_places_are_used_again),
		cmocka_unit_test(test_a_dial_is_told_of_later_or_refused_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
