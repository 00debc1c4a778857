/* Handshakes that cost public-key operations, many at once: who comes from elsewhere, who
 * subscribes and who asks on the command line do not wait for them. Control is stopped while what
 * is to come at once is given to it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/scripted_dataplane.h"

#define FLOOD      60
#define FLOOD_IP   0x0a000063u
#define HELLO_DATA 194

static const char key_text[] = "curve\n"
			       "    public-key = \"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7\"\n"
			       "    secret-key = \"JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6\"\n";
static char key_file[] = "/tmp/zl-dear-XXXXXX", config[1024];

static void write_key(void)
{
	int fd = mkstemp(key_file);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, key_text, strlen(key_text)), strlen(key_text));
	close(fd);
	snprintf(config, sizeof(config),
		 "cores: {poll: 1}\n"
		 "memory: {hugepages: no}\n"
		 "ports:\n"
		 "- {name: e0, kind: tap, device: zl0, address: 10.0.0.1/24}\n"
		 "- {name: e1, kind: tap, device: zl1, address: 10.0.1.1/24}\n"
		 "devices:\n"
		 "- name: feed\n"
		 "  kind: forwarder\n"
		 "  frontend: {bind: 'tcp://*:5555', connect: 'tcp://10.0.0.9:5557', reconnect: "
		 "1ms}\n"
		 "  backend: {bind: 'tcp://*:5556', security: {mechanism: curve, role: server, "
		 "secret_key: %s, allow: any}}\n",
		 key_file);
	bed_config = config;
}

static void pause_control(void)
{
	int status;

	assert_int_equal(kill(bed.control, SIGSTOP), 0);
	assert_int_equal(waitpid(bed.control, &status, WUNTRACED), bed.control);
	assert_true(WIFSTOPPED(status));
}

static void go_on(void)
{
	assert_int_equal(kill(bed.control, SIGCONT), 0);
}

/* A peer at the socket that demands CURVE, up to where it may say HELLO. */
static void greet(uint64_t stream, uint32_t ip)
{
	struct zl_ipc_stream_open *m = begin(ZL_IPC_STREAM_OPEN, 0);
	uint8_t curve[64];

	fill_open(m, stream, bed.bind_back, bed.backend);
	m->remote = zl_ipc_end_ipv4(ip, (uint16_t)stream);
	deliver();
	receive(ZL_IPC_STREAM_SEND);
	memcpy(curve, greeting, sizeof(curve));
	memset(curve + 12, 0, 20);
	memcpy(curve + 12, "CURVE", 5);
	give_bytes(stream, ZL_RELAY_GREETING, curve, sizeof(curve), false);
	receive(ZL_IPC_STREAM_SEND);
}

/* Of the right form, so that only opening its box shows that it is rubbish. */
static void rubbish(uint64_t stream, size_t data)
{
	static uint8_t hello[6 + 4096] = "\5HELLO\1";

	memset(hello + 8, 0x42, sizeof(hello) - 8);
	give_bytes(stream, ZL_RELAY_COMMAND, hello, 6 + data, false);
}

/* The stream that is refused next, for this reason. */
static uint64_t next_refused(const char *reason)
{
	const struct zl_ipc_stream_close *m;

	receive(ZL_IPC_STREAM_SEND); /* ERROR */
	m = receive(ZL_IPC_STREAM_CLOSE);
	assert_string_equal(m->reason, reason);
	return m->stream;
}

static void test_who_comes_from_elsewhere_waits_for_one_of_a_flood(void **state)
{
	unsigned before = 0;

	(void)state;
	set_up_all();
	for (unsigned i = 0; i < FLOOD; i++)
		greet(id_of(0, 1 + i), FLOOD_IP);
	greet(id_of(0, 100), 0x0a000002);
	pause_control();
	for (unsigned i = 0; i < FLOOD; i++)
		rubbish(id_of(0, 1 + i), HELLO_DATA);
	rubbish(id_of(0, 100), HELLO_DATA);
	go_on();
	while (next_refused("curve_cannot_open") != id_of(0, 100))
		before++;
	assert_true(before <= 1);
	for (unsigned i = before; i < FLOOD; i++)
		assert_true(next_refused("curve_cannot_open") == id_of(0, 1 + i));
	json_t *stats = ask("{\"cmd\":\"stats\"}\n");
	char *text = json_dumps(stats, 0);
	assert_non_null(strstr(text, "dear_commands"));
	free(text);
	json_decref(stats);
}

/* Of what is refused by its looks nothing is kept, and none of it waits. */
static void test_what_is_malformed_does_not_wait(void **state)
{
	(void)state;
	set_up_all();
	for (unsigned i = 0; i < FLOOD; i++)
		greet(id_of(0, 1 + i), FLOOD_IP);
	greet(id_of(0, 100), FLOOD_IP);
	pause_control();
	for (unsigned i = 0; i < FLOOD; i++)
		rubbish(id_of(0, 1 + i), HELLO_DATA);
	rubbish(id_of(0, 100), 4096);
	go_on();
	assert_true(next_refused("curve_malformed") == id_of(0, 100));
	for (unsigned i = 0; i < FLOOD; i++)
		assert_true(next_refused("curve_cannot_open") == id_of(0, 1 + i));
}

static void test_who_says_more_before_the_answer_is_refused(void **state)
{
	(void)state;
	set_up_all();
	greet(id_of(0, 1), FLOOD_IP);
	greet(id_of(0, 2), FLOOD_IP);
	pause_control();
	rubbish(id_of(0, 1), HELLO_DATA);
	rubbish(id_of(0, 2), HELLO_DATA);
	rubbish(id_of(0, 1), HELLO_DATA);
	go_on();
	assert_true(next_refused("unexpected_command") == id_of(0, 1));
	assert_true(next_refused("curve_cannot_open") == id_of(0, 2));
}

static void test_streams_that_go_while_they_wait_leave_nothing(void **state)
{
	(void)state;
	set_up_all();
	for (unsigned i = 0; i < FLOOD; i++)
		greet(id_of(0, 1 + i), FLOOD_IP + i / 8);
	pause_control();
	for (unsigned i = 0; i < FLOOD; i++)
		rubbish(id_of(0, 1 + i), HELLO_DATA);
	for (unsigned i = 0; i < FLOOD; i++)
		if (i != 13)
			give_closed(id_of(0, 1 + i), bed.bind_back, "reset_by_peer");
	go_on();
	assert_true(next_refused("curve_cannot_open") == id_of(0, 14));
	json_t *status = ask("{\"cmd\":\"status\"}\n");
	assert_int_equal(number_at(status, "closes", "reset_by_peer"), FLOOD - 1);
	json_decref(status);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(test_who_comes_from_elsewhere_waits_for_one_of_a_flood),
		CLAIM(test_what_is_malformed_does_not_wait),
		CLAIM(test_who_says_more_before_the_answer_is_refused),
		CLAIM(test_streams_that_go_while_they_wait_leave_nothing),
	};
	int failed;

	write_key();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(key_file);
	return failed;
}
