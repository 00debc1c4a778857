/* What a ZAP handler answers: bytes on a connection to it, from its greeting on, or behind a good
 * handshake, in pieces; or a reply part by part, most of it right. What is taken for an answer is
 * one that a handshake can go on with. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <sodium.h>

#include "control/log.h"
#include "control/zap_line.h"
#include "tests/fuzz/feed.h"

static struct zl_loop loop;
static struct zl_zap_line line;
static struct zl_ipc_sockaddr address;
static int listener = -1;
static unsigned downs;

static void check(const struct zl_zap_message *m)
{
	struct zl_zap_answer answer;
	enum zl_reason reason;

	zl_zap_id(m);
	reason = zl_zap_read(m, &answer);
	require(reason <= ZL_REASONS);
	if (reason != ZL_REASONS)
		return;
	require(answer.status >= 200 && answer.status <= 500 && answer.status % 100 == 0);
	require(memchr(answer.user, '\0', sizeof(answer.user)));
	require(zl_properties_check(&answer.properties));
}

static void on_ready(void *context)
{
	uint8_t *room = zl_zap_line_room(&line);

	(void)context;
	if (!room)
		return;
	memcpy(room, "\1\0\0\3ask", 7);
	zl_zap_line_send(&line, 7);
}

static void on_message(void *context, const struct zl_zap_message *m)
{
	(void)context;
	check(m);
}

static void on_down(void *context, const char *why)
{
	(void)context;
	require(why && why[0]);
	downs++;
}

static const struct zl_zap_line_ops ops = {
	.ready = on_ready, .message = on_message, .down = on_down};

static void once(void *context)
{
	(void)context;
	loop.stop = true;
}

static void turn(int fd)
{
	uint8_t heard[4096];

	loop.stop = false;
	loop.again = true;
	require(zl_loop_run(&loop) == 0);
	while (recv(fd, heard, sizeof(heard), MSG_DONTWAIT) > 0)
		;
}

static void start(void)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int n = snprintf(sa.sun_path + 1, sizeof(sa.sun_path) - 1, "zl-fuzz-zap-%d", getpid());

	require(sodium_init() >= 0 && zl_loop_init(&loop) == 0);
	zl_log_set(ZL_ERROR);
	zl_loop_remove(&loop, &loop.clock); /* no time passes */
	loop.turn = once;
	address.bytes = (uint32_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
	memcpy(address.at, &sa, address.bytes);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	require(listener >= 0 && bind(listener, (struct sockaddr *)&sa, address.bytes) == 0 &&
		listen(listener, 4) == 0);
}

static void connection(struct feed *f)
{
	static const uint8_t greeting[64] = {0xff, [9] = 0x7f, 3, 1, 'N', 'U', 'L', 'L'};
	static const char ready[] = "\4\34\5READY\13Socket-Type\0\0\0\6ROUTER";
	bool greets = feed_u8(f) & 1;
	int fd;

	downs = 0;
	zl_zap_line_open(&line, &loop, &address, &ops, NULL);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	require(fd >= 0);
	turn(fd);
	if (greets) {
		send(fd, greeting, 64, MSG_NOSIGNAL);
		send(fd, ready, sizeof(ready) - 1, MSG_NOSIGNAL);
	}
	while (f->left && !downs) {
		const uint8_t *bytes;
		size_t n = feed_some(f, &bytes);

		send(fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		turn(fd);
	}
	if (!downs) {
		turn(fd);
		require(!greets || line.state != ZL_ZAP_CONNECTING);
	}
	zl_zap_line_close(&line);
	close(fd);
}

/* Each part is what belongs there, or the input's. */
static void reply(struct feed *f)
{
	static const char *const good[] = {"", "1.0", "0000000000000001", "200", "OK", "alice"};
	static struct zl_zap_message m;
	uint8_t which = feed_u8(f);

	memset(&m, 0, sizeof(m));
	for (unsigned i = 0; i < ZL_ZAP_PARTS || f->left; i++) {
		const uint8_t *bytes;
		size_t n;

		if (i < 6 && !(which & 1u << i)) {
			zl_zap_add_part(&m, (const uint8_t *)good[i], strlen(good[i]));
			continue;
		}
		n = feed_some(f, &bytes);
		zl_zap_add_part(&m, bytes, n);
		require(m.bytes <= sizeof(m.data));
	}
	require(which || zl_zap_id(&m) == 1);
	check(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct feed f = {data, n};

	if (listener < 0)
		start();
	if (feed_u8(&f) & 1)
		connection(&f);
	else
		reply(&f);
	return 0;
}
