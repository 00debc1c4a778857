/* Messages of a group: what a RADIO writes, and what a DISH should read. */
#include "tests/interop/radio.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define FRAME_MORE   1
#define NUMBER_BYTES 8
#define BUFFER       65536

/* Two short frames; their length. */
static size_t put(uint8_t *to, const char *group, uint64_t number)
{
	size_t n = strlen(group), at = 2 + n;

	to[0] = FRAME_MORE;
	to[1] = (uint8_t)n;
	memcpy(to + 2, group, n);
	to[at++] = 0;
	to[at++] = NUMBER_BYTES;
	for (int i = NUMBER_BYTES - 1; i >= 0; i--)
		to[at++] = (uint8_t)(number >> (8 * i));
	return at;
}

static size_t message_bytes(const char *group)
{
	return 2 + strlen(group) + 2 + NUMBER_BYTES;
}

void radio_send(struct peer *self, int fd, const struct note *what)
{
	const char *group = (const char *)what->data;
	size_t each = message_bytes(group);
	uint8_t bytes[BUFFER];
	uint64_t sent = 0;

	while (sent < what->n) {
		size_t n = 0;

		while (sent < what->n && n + each <= sizeof(bytes))
			n += put(bytes + n, group, sent++);
		for (size_t at = 0; at < n;) {
			ssize_t took = send(fd, bytes + at, n - at, MSG_NOSIGNAL);
			if (took < 0)
				peer_fail(self, "message %llu: %s", (unsigned long long)sent,
					  strerror(errno));
			at += (size_t)took;
		}
	}
}

void dish_check(struct peer *self, int fd, const struct note *what)
{
	const char *group = (const char *)what->data;
	size_t each = message_bytes(group), have = 0;
	uint8_t bytes[BUFFER], due[512];
	uint64_t came = 0;

	while (came < what->n) {
		uint64_t left = (what->n - came) * each - have;
		size_t room = sizeof(bytes) - have, at = 0;
		ssize_t n = recv(fd, bytes + have, left < room ? left : room, 0);

		if (n <= 0)
			peer_fail(self, "%llu of %llu messages came: %s", (unsigned long long)came,
				  (unsigned long long)what->n, n ? strerror(errno) : "the end");
		for (have += (size_t)n; have - at >= each; at += each, came++)
			if (memcmp(bytes + at, due, put(due, group, came)))
				peer_fail(self, "message %llu is another",
					  (unsigned long long)came);
		memmove(bytes, bytes + at, have -= at);
	}
}

/* --- in the test --- */

void raw_begin_sending(struct peer *radio, const char *group, uint64_t n)
{
	peer_tell_data(radio, "radio", n, group, strlen(group) + 1);
}

void raw_begin_checking(struct peer *dish, const char *group, uint64_t n)
{
	peer_tell_data(dish, "dish", n, group, strlen(group) + 1);
}

void raw_done(struct peer *p)
{
	peer_hear(p, "ok");
}
