/* The client's half of RFC 26, by libsodium's crypto_box; it shares nothing with what it measures.
 */
#include "tests/bench/curve_client.h"

#include <string.h>
#include <sys/socket.h>

#define GREETING 64
#define FRAME    2048

static void put_nonce(uint8_t *to, uint64_t n)
{
	for (int i = 7; i >= 0; i--, n >>= 8)
		to[i] = (uint8_t)n;
}

static void nonce_of(uint8_t nonce[24], const char *prefix, const uint8_t *rest)
{
	size_t n = strlen(prefix);

	memcpy(nonce, prefix, n);
	memcpy(nonce + n, rest, 24 - n);
}

void curve_client_init(struct curve_client *c, const uint8_t server[CURVE_KEY])
{
	static const uint8_t zeros[64];
	uint8_t nonce[24], *at = c->hello + 2 + 6 + 2 + 72;

	memcpy(c->server, server, CURVE_KEY);
	crypto_box_keypair(c->public_key, c->secret_key);
	crypto_box_keypair(c->short_public, c->short_secret);
	if (crypto_box_beforenm(c->to_server, server, c->short_secret))
		memset(c->to_server, 0, CURVE_KEY);
	memset(c->hello, 0, sizeof(c->hello));
	memcpy(c->hello, "\4\310\5HELLO\1\0", 10);
	memcpy(at, c->short_public, CURVE_KEY);
	put_nonce(at + CURVE_KEY, 1);
	nonce_of(nonce, "CurveZMQHELLO---", at + CURVE_KEY);
	crypto_box_easy_afternm(at + CURVE_KEY + 8, zeros, sizeof(zeros), nonce, c->to_server);
}

static bool receive(int fd, uint8_t *to, size_t n)
{
	return recv(fd, to, n, MSG_WAITALL) == (ssize_t)n;
}

static bool send_all(int fd, const uint8_t *from, size_t n)
{
	return send(fd, from, n, MSG_NOSIGNAL) == (ssize_t)n;
}

/* A frame's body, of any kind; its length, or 0. */
static size_t receive_frame(int fd, uint8_t body[FRAME])
{
	uint8_t head[9];
	size_t n = 0;

	if (!receive(fd, head, 2))
		return 0;
	if (!(head[0] & 2))
		return receive(fd, body, head[1]) ? head[1] : 0;
	if (!receive(fd, head + 2, 7))
		return 0;
	for (int i = 1; i < 9; i++)
		n = n << 8 | head[i];
	return n <= FRAME && receive(fd, body, n) ? n : 0;
}

bool curve_greet(struct curve_session *s, const struct curve_client *c, int fd)
{
	uint8_t out[GREETING + sizeof(c->hello)] = {0xff, [8] = 1, 0x7f, 3,   1,
						    'C',  'U',     'R',  'V', 'E'};
	uint8_t in[GREETING];

	*s = (struct curve_session){.fd = fd, .sent = 1};
	memcpy(out + GREETING, c->hello, sizeof(c->hello));
	return send_all(fd, out, sizeof(out)) && receive(fd, in, GREETING) &&
	       memcmp(in + 12, "CURVE", 6) == 0;
}

bool curve_initiate(struct curve_session *s, const struct curve_client *c, const char *type)
{
	uint8_t in[FRAME], welcome[128], nonce[24], vouch[64], plain[256], frame[512];
	size_t n = 0, type_bytes = strlen(type);
	uint8_t *at = frame + 2;

	if (receive_frame(s->fd, in) != 168 || memcmp(in, "\7WELCOME", 8) != 0)
		return false;
	nonce_of(nonce, "WELCOME-", in + 8);
	if (crypto_box_open_easy_afternm(welcome, in + 24, 144, nonce, c->to_server) ||
	    crypto_box_beforenm(s->key, welcome, c->short_secret))
		return false;
	memcpy(plain, c->public_key, CURVE_KEY);
	randombytes_buf(plain + 32, 16);
	nonce_of(nonce, "VOUCH---", plain + 32);
	memcpy(vouch, c->short_public, CURVE_KEY);
	memcpy(vouch + 32, c->server, CURVE_KEY);
	if (crypto_box_easy(plain + 48, vouch, sizeof(vouch), nonce, welcome, c->secret_key))
		return false;
	n = 128;
	memcpy(plain + n, "\13Socket-Type\0\0\0", 15);
	n += 15;
	plain[n++] = (uint8_t)type_bytes;
	memcpy(plain + n, type, type_bytes);
	n += type_bytes;
	memcpy(at, "\10INITIATE", 9);
	memcpy(at + 9, welcome + 32, 96);
	put_nonce(at + 105, ++s->sent);
	nonce_of(nonce, "CurveZMQINITIATE", at + 105);
	crypto_box_easy_afternm(at + 113, plain, n, nonce, s->key);
	n += 113 + 16;
	/* more than a short frame holds */
	memmove(frame + 9, at, n);
	frame[0] = 6;
	put_nonce(frame + 1, n);
	return send_all(s->fd, frame, 9 + n);
}

bool curve_ready(struct curve_session *s)
{
	uint8_t in[FRAME], plain[FRAME], nonce[24];
	size_t n = receive_frame(s->fd, in);

	if (n < 30 || memcmp(in, "\5READY", 6) != 0)
		return false;
	nonce_of(nonce, "CurveZMQREADY---", in + 6);
	return crypto_box_open_easy_afternm(plain, in + 14, n - 14, nonce, s->key) == 0;
}

bool curve_handshake(struct curve_session *s, const struct curve_client *c, int fd,
		     const char *type)
{
	return curve_greet(s, c, fd) && curve_initiate(s, c, type) && curve_ready(s);
}

size_t curve_frame_bytes(uint32_t size)
{
	return (33 + size > 255 ? 9 : 2) + 33 + (size_t)size;
}

void curve_seal(struct curve_session *s, uint8_t *frame, uint8_t flags, const uint8_t *body,
		uint32_t size)
{
	uint8_t nonce[24], *at = frame + (33 + size > 255 ? 9 : 2);

	frame[0] = at - frame == 9 ? 2 : 0;
	if (frame[0])
		put_nonce(frame + 1, 33 + (uint64_t)size);
	else
		frame[1] = (uint8_t)(33 + size);
	memcpy(at, "\7MESSAGE", 8);
	put_nonce(at + 8, ++s->sent);
	nonce_of(nonce, "CurveZMQMESSAGEC", at + 8);
	at[32] = flags;
	memcpy(at + 33, body, size);
	crypto_box_detached_afternm(at + 32, at + 16, at + 32, 1 + (uint64_t)size, nonce, s->key);
}

bool curve_open(const struct curve_session *s, const uint8_t *frame, size_t bytes, uint8_t *plain)
{
	size_t head = frame[0] & 2 ? 9 : 2;
	const uint8_t *at = frame + head;
	uint8_t nonce[24];

	nonce_of(nonce, "CurveZMQMESSAGES", at + 8);
	return memcmp(at, "\7MESSAGE", 8) == 0 &&
	       crypto_box_open_easy_afternm(plain, at + 16, bytes - head - 16, nonce, s->key) == 0;
}

bool curve_subscribe(struct curve_session *s)
{
	uint8_t frame[64];

	curve_seal(s, frame, 0, (const uint8_t *)"\1", 1);
	return send_all(s->fd, frame, curve_frame_bytes(1));
}

bool curve_hears_subscription(struct curve_session *s)
{
	uint8_t body[FRAME];

	return receive_frame(s->fd, body) > 0;
}
