/* Options of a socket on the kernel's streams: what the kernel says of their descriptors, and the
 * times that are kept here, of a dial and of what lingers. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "drivers/host/state.h"
#include "tests/unit/kernel_bed.h"

#define MS 1000000ull

static const unsigned first;

static bool is_closed(const void *i)
{
	return owned[*(const unsigned *)i].closed != NULL;
}

static int option(const struct owned *o, int level, int name)
{
	int value = -1;
	socklen_t bytes = sizeof(value);

	assert_int_equal(getsockopt(kstream_of(o->stream)->fd, level, name, &value, &bytes), 0);
	return value;
}

/* One stream of a listener that has these settings; the peer's descriptor. */
static int with(const struct zl_tcp_settings *s)
{
	bed_start(4096);
	bed_settings = *s;
	return bed_peer_tcp();
}

static void end(int fd)
{
	close(fd);
	bed_stop();
}

static void test_a_listeners_streams_have_its_settings(void **state)
{
	int fd = with(&(struct zl_tcp_settings){.keepalive_idle_ms = 7000,
						.keepalive_interval_ms = 3000,
						.keepalive_probes = 4,
						.user_timeout_ms = 12345,
						.tos = 184});

	(void)state;
	assert_int_equal(option(&owned[0], SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_int_equal(option(&owned[0], IPPROTO_TCP, TCP_KEEPIDLE), 7);
	assert_int_equal(option(&owned[0], IPPROTO_TCP, TCP_KEEPINTVL), 3);
	assert_int_equal(option(&owned[0], IPPROTO_TCP, TCP_KEEPCNT), 4);
	assert_int_equal(option(&owned[0], IPPROTO_TCP, TCP_USER_TIMEOUT), 12345);
	assert_int_equal(option(&owned[0], IPPROTO_TCP, TCP_NODELAY), 1);
	assert_int_equal(option(&owned[0], IPPROTO_IP, IP_TOS), 184);
	end(fd);
}

static void test_ipv6_has_a_traffic_class(void **state)
{
	int fd;

	(void)state;
	bed_start(512);
	bed_settings = (struct zl_tcp_settings){.tos = 184};
	fd = bed_peer_tcp6();
	assert_int_equal(option(&owned[0], IPPROTO_IPV6, IPV6_TCLASS), 184);
	end(fd);
}

/* The stack's own times are for a socket that has none. */
static void test_what_a_socket_leaves_open_is_the_stacks(void **state)
{
	int fd;

	(void)state;
	bed_start(512);
	kernel->config.keepalive_idle_ms = 9000;
	kernel->config.user_timeout_ms = 54321;
	fd = bed_peer_tcp();
	assert_int_equal(option(&owned[0], SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_int_equal(option(&owned[0], IPPROTO_TCP, TCP_KEEPIDLE), 9);
	assert_int_equal(option(&owned[0], IPPROTO_TCP, TCP_USER_TIMEOUT), 54321);
	end(fd);
	bed_start(512);
	kernel->config.keepalive_idle_ms = 9000;
	kernel->config.user_timeout_ms = 54321;
	bed_settings = (struct zl_tcp_settings){.keepalive_idle_ms = 7000,
						.user_timeout_ms = 12345};
	fd = bed_peer_tcp();
	assert_int_equal(option(&owned[0], IPPROTO_TCP, TCP_KEEPIDLE), 7);
	assert_int_equal(option(&owned[0], IPPROTO_TCP, TCP_USER_TIMEOUT), 12345);
	end(fd);
}

static void test_keepalive_is_off_or_on_whatever_the_stack_has(void **state)
{
	int fd = with(&(struct zl_tcp_settings){.keepalive_idle_ms = 7000, .keepalive_off = true});

	(void)state;
	assert_int_equal(option(&owned[0], SOL_SOCKET, SO_KEEPALIVE), 0);
	end(fd);
	fd = with(&(struct zl_tcp_settings){.keepalive_on = true});
	assert_int_equal(option(&owned[0], SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_int_equal(option(&owned[0], IPPROTO_TCP, TCP_KEEPIDLE), 7200);
	assert_int_equal(option(&owned[0], IPPROTO_TCP, TCP_KEEPINTVL), 10);
	assert_int_equal(option(&owned[0], IPPROTO_TCP, TCP_KEEPCNT), 6);
	end(fd);
	fd = with(&(struct zl_tcp_settings){0});
	assert_int_equal(option(&owned[0], SOL_SOCKET, SO_KEEPALIVE), 0);
	end(fd);
}

/* Linux counts no probes where there is a user timeout. */
static void test_a_count_of_probes_is_kept_by_the_time_that_they_take(void **state)
{
	int fd = with(&(struct zl_tcp_settings){
		.keepalive_idle_ms = 20000, .keepalive_interval_ms = 5000, .keepalive_probes = 3});

	(void)state;
	assert_int_equal(option(&owned[0], IPPROTO_TCP, TCP_USER_TIMEOUT), 35000);
	end(fd);
}

/* As many as may wait, and the one that Linux lets in beyond. */
static void test_a_listener_has_a_backlog_of_its_own(void **state)
{
	struct zl_ipc_endpoint at = bed_ipc("few", false);
	struct zl_ipc_sockaddr bound;
	struct sockaddr_un a = {0};
	int fd[8], in = 0;

	(void)state;
	bed_start(512);
	bed_settings.backlog = 2;
	assert_int_equal(zl_kernel_listen(kernel, &at, &bed_settings, 7, &bound), 0);
	memcpy(&a, bound.at, bound.bytes);
	for (unsigned i = 0; i < 8; i++) {
		fd[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		in += connect(fd[i], (struct sockaddr *)&a, bound.bytes) == 0;
	}
	assert_int_equal(in, 3);
	for (unsigned i = 0; i < 8; i++)
		close(fd[i]);
	bed_stop();
}

/* Somebody who answers no SYN: its queue is full. */
static int deaf(struct zl_ipc_endpoint *at, int *waits)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t bytes = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 0), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &bytes), 0);
	*waits = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(*waits, (struct sockaddr *)&a, sizeof(a)), 0);
	*at = (struct zl_ipc_endpoint){
		.carrier = ZL_CARRIER_TCP, .connect = 1, .address.bytes = sizeof(a)};
	memcpy(at->address.at, &a, sizeof(a));
	return fd;
}

static void test_a_dial_that_nobody_answers_ends_in_its_own_time(void **state)
{
	struct zl_ipc_endpoint at;
	int waits, fd = deaf(&at, &waits);

	(void)state;
	bed_start(512);
	bed_turn();
	bed_settings.connect_timeout_ms = 200;
	assert_int_equal(bed_dial(&at), 0);
	assert_int_equal(zl_kernel_next_timer(kernel), now_ns + 200 * MS);
	now_ns += 199 * MS;
	bed_turn();
	assert_null(owned[0].closed);
	now_ns += MS;
	bed_turn();
	assert_string_equal(owned[0].closed, "connect_timed_out");
	assert_int_equal(bed_counter(ZL_KERNEL_closed_connect_timed_out), 1);
	assert_int_equal(zl_kernel_next_timer(kernel), UINT64_MAX);
	close(waits);
	end(fd);
}

/* More than the kernel takes for a peer that does not read. */
static int stuck(uint32_t linger_ms)
{
	int fd = with(&(struct zl_tcp_settings){0});

	for (unsigned i = 0; i < 4000; i++)
		bed_queue(&owned[0], 1500, 1500);
	for (unsigned i = 0; i < 50; i++)
		bed_turn();
	owned[0].stream->linger_ms = linger_ms;
	owned[0].stream->ops->shutdown(owned[0].stream);
	bed_turn();
	assert_int_equal(zl_kernel_sending(kernel), 1);
	return fd;
}

static void read_to_the_end(int fd, bool whole)
{
	static uint8_t got[1 << 16];
	ssize_t n;
	size_t all = 0;

	for (unsigned idle = 0; idle < 10000; idle++) {
		n = recv(fd, got, sizeof(got), 0);
		if (n > 0)
			all += (size_t)n, idle = 0;
		else if (n == 0 || errno != EAGAIN)
			break;
		bed_turn();
	}
	assert_int_equal(n, whole ? 0 : -1);
	if (whole)
		assert_int_equal(all, 4000 * 1500);
	else
		assert_int_equal(errno, ECONNRESET);
}

static void test_what_lingers_too_long_is_dropped_by_a_reset(void **state)
{
	int fd = stuck(300);

	(void)state;
	now_ns += 290 * MS;
	bed_turn();
	assert_null(owned[0].closed);
	now_ns += 10 * MS;
	bed_turn();
	assert_string_equal(owned[0].closed, "linger_timeout");
	assert_int_equal(bed_counter(ZL_KERNEL_closed_linger_timeout), 1);
	assert_int_equal(zl_kernel_sending(kernel), 0);
	read_to_the_end(fd, false);
	end(fd);
}

static void test_without_a_time_it_lingers_for_as_long_as_it_takes(void **state)
{
	int fd = stuck(0);

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		now_ns += 10000 * MS;
		bed_turn();
	}
	assert_null(owned[0].closed);
	read_to_the_end(fd, true);
	close(fd);
	bed_await(is_closed, &first, "both sides have closed");
	assert_string_equal(owned[0].closed, "closed_here");
	assert_int_equal(zl_kernel_sending(kernel), 0);
	bed_stop();
}

/* All of it is with the kernel, whose peer has not taken it. */
static void test_what_the_kernel_still_has_to_send_lingers_too(void **state)
{
	const int big = 4 << 20, small = 1;
	int fd;

	(void)state;
	fd = with(&(struct zl_tcp_settings){0});
	setsockopt(kstream_of(owned[0].stream)->fd, SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof(big));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	for (unsigned i = 0; i < 1000; i++) {
		bed_queue(&owned[0], 1500, 1500);
		bed_turn();
	}
	assert_int_equal(owned[0].stream->sendq.bytes, 0);
	assert_true(stream_unsent(kstream_of(owned[0].stream)));
	owned[0].stream->linger_ms = 300;
	owned[0].stream->ops->shutdown(owned[0].stream);
	bed_turn();
	now_ns += 290 * MS;
	bed_turn();
	assert_null(owned[0].closed);
	now_ns += 10 * MS;
	bed_turn();
	assert_string_equal(owned[0].closed, "linger_timeout");
	end(fd);
}

/* All has gone: only the peer's end is missing, which has its own time. */
static void test_who_has_nothing_left_to_send_does_not_linger(void **state)
{
	int fd;

	(void)state;
	bed_start(512);
	fd = bed_peer();
	owned[0].stream->linger_ms = 300;
	owned[0].stream->ops->shutdown(owned[0].stream);
	bed_turn();
	now_ns += 400 * MS;
	bed_turn();
	assert_null(owned[0].closed);
	now_ns += 31000 * MS;
	bed_turn();
	assert_string_equal(owned[0].closed, "fin_timeout");
	end(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_listeners_streams_have_its_settings),
		cmocka_unit_test(test_ipv6_has_a_traffic_class),
		cmocka_unit_test(test_what_a_socket_leaves_open_is_the_stacks),
		cmocka_unit_test(test_keepalive_is_off_or_on_whatever_the_stack_has),
		cmocka_unit_test(test_a_count_of_probes_is_kept_by_the_time_that_they_take),
		cmocka_unit_test(test_a_listener_has_a_backlog_of_its_own),
		cmocka_unit_test(test_a_dial_that_nobody_answers_ends_in_its_own_time),
		cmocka_unit_test(test_what_lingers_too_long_is_dropped_by_a_reset),
		cmocka_unit_test(test_without_a_time_it_lingers_for_as_long_as_it_takes),
		cmocka_unit_test(test_what_the_kernel_still_has_to_send_lingers_too),
		cmocka_unit_test(test_who_has_nothing_left_to_send_does_not_linger),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
