/* The CURVE mechanism (RFC 25, 26). Client: HELLO, then INITIATE with its long-term key, a vouch
 * for the short-term one, and its metadata. Server: WELCOME, then READY. After it each side's core
 * opens and seals messages with the key of both short-term pairs (zl_ipc_boxes).
 *
 * The server keeps no key between WELCOME and INITIATE: the client's short-term key and its own
 * travel in the cookie, sealed under a key that only this process has and changes every minute, and
 * that is another for each handshake: what was recorded on one stream is of no use on the next. */
#include "control/handshake/handshake.h"

#include <string.h>
#include <time.h>

#include <sodium.h>

#define KEY         ZL_KEY_BYTES
#define TAG         16 /* what a box is longer than what is in it */
#define SHORT       8  /* bytes of a nonce that travel: a counter, */
#define LONG        16 /* or random bytes */
#define COOKIE      (LONG + TAG + 2 * KEY)
#define SIGNED      (TAG + 2 * KEY) /* the vouch's box: the client's short-term key, the server's */
#define VERSION     2
#define PADDING     72
#define HELLO       (VERSION + PADDING + KEY + SHORT + TAG + 64)
#define WELCOME     (LONG + TAG + KEY + COOKIE)
#define VOUCHED     (KEY + LONG + SIGNED) /* before the metadata of INITIATE */
#define INITIATE    (COOKIE + SHORT + TAG + VOUCHED)
#define READY       (SHORT + TAG)
#define COMMAND_MAX 8192 /* of INITIATE and READY: far beyond any metadata that is of use */
#define COOKIE_S    60

_Static_assert(HELLO == 194 && WELCOME == 160 && INITIATE == 248, "as RFC 26 has it");
_Static_assert(KEY == crypto_box_PUBLICKEYBYTES && TAG == crypto_box_MACBYTES &&
		       ZL_IPC_KEY_BYTES == crypto_box_BEFORENMBYTES,
	       "libsodium's sizes");

enum {
	WAITS_FOR_HELLO, /* server */
	WAITS_FOR_INITIATE,
	WAITS_FOR_WELCOME, /* client */
	WAITS_FOR_READY
};

/* --- nonces --- */

struct nonce {
	uint8_t bytes[crypto_box_NONCEBYTES];
};

static struct nonce nonce_of(const char *prefix, const uint8_t *rest)
{
	size_t n = strlen(prefix);
	struct nonce nonce;

	memcpy(nonce.bytes, prefix, n);
	memcpy(nonce.bytes + n, rest, sizeof(nonce.bytes) - n);
	return nonce;
}

static void put_counter(uint8_t to[SHORT], uint64_t n)
{
	for (int i = SHORT - 1; i >= 0; i--, n >>= 8)
		to[i] = (uint8_t)n;
}

/* The peer's next: greater than any before, or it is a replay. */
static bool take_counter(struct zl_curve *c, const uint8_t from[SHORT])
{
	uint64_t n = 0;

	for (int i = 0; i < SHORT; i++)
		n = n << 8 | from[i];
	if (n <= c->received)
		return false;
	c->received = n;
	return true;
}

/* --- cookies --- */

static struct {
	uint8_t key[2][crypto_secretbox_KEYBYTES]; /* of this minute, and of the one before */
	time_t since;
} cookies;

static time_t now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static void renew_cookies(void)
{
	time_t now = now_s();

	if (cookies.since && now - cookies.since < COOKIE_S)
		return;
	if (!cookies.since) {
		sodium_mlock(cookies.key, sizeof(cookies.key));
		crypto_secretbox_keygen(cookies.key[0]);
	}
	/* Of a minute in which nobody came, none is good any more. */
	if (now - cookies.since < 2 * COOKIE_S)
		memcpy(cookies.key[1], cookies.key[0], sizeof(cookies.key[0]));
	else
		crypto_secretbox_keygen(cookies.key[1]);
	crypto_secretbox_keygen(cookies.key[0]);
	cookies.since = now;
}

/* Of this handshake alone. */
static void key_of(uint8_t key[crypto_secretbox_KEYBYTES], const struct zl_handshake *h,
		   unsigned minute)
{
	crypto_generichash(key, crypto_secretbox_KEYBYTES, (const uint8_t *)&h->curve.serial,
			   sizeof(h->curve.serial), cookies.key[minute], sizeof(cookies.key[0]));
}

static void bake(const struct zl_handshake *h, uint8_t cookie[COOKIE], const uint8_t secret[KEY])
{
	uint8_t plain[2 * KEY], key[crypto_secretbox_KEYBYTES];
	struct nonce nonce;

	renew_cookies();
	key_of(key, h, 0);
	randombytes_buf(cookie, LONG);
	nonce = nonce_of("COOKIE--", cookie);
	memcpy(plain, h->curve.peer_key, KEY);
	memcpy(plain + KEY, secret, KEY);
	crypto_secretbox_easy(cookie + LONG, plain, sizeof(plain), nonce.bytes, key);
	sodium_memzero(plain, sizeof(plain));
	sodium_memzero(key, sizeof(key));
}

/* The two keys, from the cookie to where they belong. */
static bool eat(struct zl_handshake *h, const uint8_t cookie[COOKIE])
{
	struct nonce nonce = nonce_of("COOKIE--", cookie);
	uint8_t plain[2 * KEY], key[crypto_secretbox_KEYBYTES];
	bool good = false;

	renew_cookies();
	for (unsigned minute = 0; minute < 2 && !good; minute++) {
		key_of(key, h, minute);
		good = crypto_secretbox_open_easy(plain, cookie + LONG, COOKIE - LONG, nonce.bytes,
						  key) == 0;
	}
	if (good) {
		memcpy(h->curve.peer_key, plain, KEY);
		memcpy(h->curve.secret_key, plain + KEY, KEY);
	}
	sodium_memzero(plain, sizeof(plain));
	sodium_memzero(key, sizeof(key));
	return good;
}

/* --- the server --- */

static enum zl_verdict refuse(struct zl_handshake *h, enum zl_reason reason)
{
	return zl_handshake_refuse(h, reason);
}

/* WELCOME, by the key that opened HELLO. */
static void say_welcome(struct zl_handshake *h, const uint8_t key[crypto_box_BEFORENMBYTES])
{
	uint8_t data[WELCOME], plain[KEY + COOKIE], secret[KEY];
	struct nonce nonce;

	crypto_box_keypair(plain, secret);
	bake(h, plain + KEY, secret);
	randombytes_buf(data, LONG);
	nonce = nonce_of("WELCOME-", data);
	crypto_box_easy_afternm(data + LONG, plain, sizeof(plain), nonce.bytes, key);
	zl_handshake_say(h, "WELCOME", data, sizeof(data));
	sodium_memzero(secret, sizeof(secret));
	sodium_memzero(plain, sizeof(plain));
}

static enum zl_verdict hello(struct zl_handshake *h, const uint8_t *data, size_t n)
{
	const uint8_t *peer_key = data + VERSION + PADDING, *counter = peer_key + KEY;
	uint8_t key[crypto_box_BEFORENMBYTES], zeros[64];
	struct zl_curve *c = &h->curve;
	enum zl_verdict verdict = ZL_HANDSHAKE_MORE;

	if (n != HELLO || data[0] != 1 || data[1] != 0)
		return refuse(h, ZL_REASON_curve_malformed);
	if (!take_counter(c, counter))
		return refuse(h, ZL_REASON_curve_replay);
	struct nonce nonce = nonce_of("CurveZMQHELLO---", counter);
	if (crypto_box_beforenm(key, peer_key, h->security->secret_key) ||
	    crypto_box_open_easy_afternm(zeros, counter + SHORT, TAG + 64, nonce.bytes, key)) {
		verdict = refuse(h, ZL_REASON_curve_cannot_open);
	} else {
		memcpy(c->peer_key, peer_key, KEY);
		say_welcome(h, key);
		sodium_memzero(c->peer_key, KEY);
		h->step = WAITS_FOR_INITIATE;
	}
	sodium_memzero(key, sizeof(key));
	return verdict;
}

/* The vouch: whoever has the long-term key says that the short-term one is its own, to this server
 * and no other. */
static bool vouched(struct zl_handshake *h, const uint8_t *peer_long, const uint8_t *vouch)
{
	struct nonce nonce = nonce_of("VOUCH---", vouch);
	uint8_t plain[2 * KEY];

	return crypto_box_open_easy(plain, vouch + LONG, SIGNED, nonce.bytes, peer_long,
				    h->curve.secret_key) == 0 &&
	       sodium_memcmp(plain, h->curve.peer_key, KEY) == 0 &&
	       sodium_memcmp(plain + KEY, h->security->public_key, KEY) == 0;
}

static void go_on_in_boxes(struct zl_handshake *h, const uint8_t key[crypto_box_BEFORENMBYTES])
{
	h->boxes = (struct zl_ipc_boxes){.on = ZL_BOXES_CURVE,
					 .server = h->as_server,
					 .sent = h->curve.sent,
					 .received = h->curve.received};
	memcpy(h->boxes.key, key, sizeof(h->boxes.key));
}

/* A box of metadata under the session's key, and the counter before it. */
static size_t seal_metadata(struct zl_handshake *h, uint8_t *data, const char *prefix,
			    const uint8_t key[crypto_box_BEFORENMBYTES])
{
	uint8_t plain[ZL_METADATA_MAX];
	size_t n = zl_metadata_write(h, plain, sizeof(plain));
	struct nonce nonce;

	put_counter(data, ++h->curve.sent);
	nonce = nonce_of(prefix, data);
	crypto_box_easy_afternm(data + SHORT, plain, n, nonce.bytes, key);
	return SHORT + TAG + n;
}

/* By the key that the boxes go on with, of which this is the first. */
static enum zl_verdict say_ready(struct zl_handshake *h)
{
	uint8_t data[READY + ZL_METADATA_MAX];

	zl_handshake_say(h, "READY", data,
			 seal_metadata(h, data, "CurveZMQREADY---", h->boxes.key));
	h->boxes.sent = h->curve.sent;
	return ZL_HANDSHAKE_READY;
}

static enum zl_verdict look_up(struct zl_handshake *h, const uint8_t *plain, size_t n,
			       const uint8_t key[crypto_box_BEFORENMBYTES])
{
	const struct zl_keyring *keyring = h->security->keyring;
	const char *name = keyring ? zl_keyring_find(keyring, plain) : "";

	if (!vouched(h, plain, plain + KEY))
		return refuse(h, ZL_REASON_curve_vouch);
	if (!name)
		return refuse(h, ZL_REASON_key_denied);
	if (!zl_metadata_read(h, plain + VOUCHED, n - VOUCHED))
		return refuse(h, h->reason);
	zl_handshake_name(h, name);
	go_on_in_boxes(h, key);
	if (!zl_handshake_asks(h))
		return say_ready(h);
	zl_handshake_show(h, plain, KEY);
	return zl_handshake_ask(h);
}

static enum zl_verdict initiate(struct zl_handshake *h, const uint8_t *data, size_t n)
{
	const uint8_t *counter = data + COOKIE, *box = counter + SHORT;
	uint8_t key[crypto_box_BEFORENMBYTES], plain[COMMAND_MAX];
	struct zl_curve *c = &h->curve;
	enum zl_verdict verdict;

	if (n < INITIATE || n > COMMAND_MAX)
		return refuse(h, ZL_REASON_curve_malformed);
	if (!eat(h, data))
		return refuse(h, ZL_REASON_curve_cookie);
	if (!take_counter(c, counter))
		return refuse(h, ZL_REASON_curve_replay);
	struct nonce nonce = nonce_of("CurveZMQINITIATE", counter);
	n -= COOKIE + SHORT;
	if (crypto_box_beforenm(key, c->peer_key, c->secret_key) ||
	    crypto_box_open_easy_afternm(plain, box, n, nonce.bytes, key))
		verdict = refuse(h, ZL_REASON_curve_cannot_open);
	else
		verdict = look_up(h, plain, n - TAG, key);
	sodium_memzero(key, sizeof(key));
	sodium_memzero(c->secret_key, KEY);
	return verdict;
}

/* --- the client --- */

static enum zl_verdict say_hello(struct zl_handshake *h)
{
	static const uint8_t zeros[64];
	uint8_t data[HELLO] = {1, 0};
	struct zl_curve *c = &h->curve;
	uint8_t *at = data + VERSION + PADDING;
	struct nonce nonce;

	crypto_box_keypair(c->public_key, c->secret_key);
	memcpy(at, c->public_key, KEY);
	put_counter(at + KEY, ++c->sent);
	nonce = nonce_of("CurveZMQHELLO---", at + KEY);
	if (crypto_box_easy(at + KEY + SHORT, zeros, sizeof(zeros), nonce.bytes,
			    h->security->server_key, c->secret_key))
		return refuse(h, ZL_REASON_curve_cannot_open);
	zl_handshake_say(h, "HELLO", data, sizeof(data));
	return ZL_HANDSHAKE_MORE;
}

static bool put_vouch(struct zl_handshake *h, uint8_t *to)
{
	uint8_t plain[2 * KEY];
	struct nonce nonce;

	memcpy(plain, h->curve.public_key, KEY);
	memcpy(plain + KEY, h->security->server_key, KEY);
	randombytes_buf(to, LONG);
	nonce = nonce_of("VOUCH---", to);
	return crypto_box_easy(to + LONG, plain, sizeof(plain), nonce.bytes, h->curve.peer_key,
			       h->security->secret_key) == 0;
}

static enum zl_verdict say_initiate(struct zl_handshake *h, const uint8_t *cookie,
				    const uint8_t key[crypto_box_BEFORENMBYTES])
{
	uint8_t plain[VOUCHED + ZL_METADATA_MAX], data[INITIATE + ZL_METADATA_MAX];
	size_t n = VOUCHED + zl_metadata_write(h, plain + VOUCHED, ZL_METADATA_MAX);
	struct nonce nonce;

	memcpy(plain, h->security->public_key, KEY);
	if (!put_vouch(h, plain + KEY))
		return refuse(h, ZL_REASON_curve_cannot_open);
	memcpy(data, cookie, COOKIE);
	put_counter(data + COOKIE, ++h->curve.sent);
	nonce = nonce_of("CurveZMQINITIATE", data + COOKIE);
	crypto_box_easy_afternm(data + COOKIE + SHORT, plain, n, nonce.bytes, key);
	zl_handshake_say(h, "INITIATE", data, COOKIE + SHORT + TAG + n);
	h->step = WAITS_FOR_READY;
	return ZL_HANDSHAKE_MORE;
}

static enum zl_verdict welcome(struct zl_handshake *h, const uint8_t *data, size_t n)
{
	struct nonce nonce;
	uint8_t plain[KEY + COOKIE], key[crypto_box_BEFORENMBYTES];
	struct zl_curve *c = &h->curve;
	enum zl_verdict verdict;

	if (n != WELCOME)
		return refuse(h, ZL_REASON_curve_malformed);
	nonce = nonce_of("WELCOME-", data);
	if (crypto_box_open_easy(plain, data + LONG, n - LONG, nonce.bytes, h->security->server_key,
				 c->secret_key))
		return refuse(h, ZL_REASON_curve_cannot_open);
	memcpy(c->peer_key, plain, KEY);
	if (crypto_box_beforenm(key, c->peer_key, c->secret_key))
		return refuse(h, ZL_REASON_curve_cannot_open);
	verdict = say_initiate(h, plain + KEY, key);
	sodium_memzero(key, sizeof(key));
	return verdict;
}

static enum zl_verdict ready(struct zl_handshake *h, const uint8_t *data, size_t n)
{
	uint8_t plain[COMMAND_MAX], key[crypto_box_BEFORENMBYTES];
	struct nonce nonce;
	enum zl_verdict verdict = ZL_HANDSHAKE_READY;

	if (n < READY || n > COMMAND_MAX)
		return refuse(h, ZL_REASON_curve_malformed);
	if (!take_counter(&h->curve, data))
		return refuse(h, ZL_REASON_curve_replay);
	nonce = nonce_of("CurveZMQREADY---", data);
	if (crypto_box_beforenm(key, h->curve.peer_key, h->curve.secret_key) ||
	    crypto_box_open_easy_afternm(plain, data + SHORT, n - SHORT, nonce.bytes, key))
		verdict = refuse(h, ZL_REASON_curve_cannot_open);
	else if (!zl_metadata_read(h, plain, n - READY))
		verdict = refuse(h, h->reason);
	else
		go_on_in_boxes(h, key);
	sodium_memzero(key, sizeof(key));
	return verdict;
}

/* --- both --- */

static enum zl_verdict curve_start(struct zl_handshake *h)
{
	static uint64_t serial;

	h->step = h->as_server ? WAITS_FOR_HELLO : WAITS_FOR_WELCOME;
	h->curve.serial = ++serial;
	return h->as_server ? ZL_HANDSHAKE_MORE : say_hello(h);
}

static enum zl_verdict curve_command(struct zl_handshake *h, const char *name, const uint8_t *data,
				     size_t bytes)
{
	static const struct zl_step steps[] = {
		[WAITS_FOR_HELLO] = {"HELLO", hello},
		[WAITS_FOR_INITIATE] = {"INITIATE", initiate},
		[WAITS_FOR_WELCOME] = {"WELCOME", welcome},
		[WAITS_FOR_READY] = {"READY", ready},
	};

	return zl_handshake_step(h, steps, name, data, bytes);
}

static bool curve_is_dear(const struct zl_handshake *h, size_t bytes)
{
	switch (h->step) {
	case WAITS_FOR_HELLO:
		return bytes == HELLO;
	case WAITS_FOR_INITIATE:
		return bytes >= INITIATE && bytes <= COMMAND_MAX;
	case WAITS_FOR_WELCOME:
		return bytes == WELCOME;
	default:
		return bytes >= READY && bytes <= COMMAND_MAX;
	}
}

const struct zl_mechanism zl_mechanism_curve = {
	.name = "CURVE",
	.has_server = true,
	.start = curve_start,
	.command = curve_command,
	.is_dear = curve_is_dear,
	.let_in = say_ready,
};
