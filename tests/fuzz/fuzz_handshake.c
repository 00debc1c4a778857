/* Control's handshakes with a stranger: NULL, PLAIN and CURVE, as server and as client, and the old
 * greetings. The input is a mechanism and a row of pieces: bytes of a greeting or a command as they
 * are, or what an honest peer would say at that point with one part of it left to the input. What
 * goes into a box is sealed with the right keys here, so that the parsers behind the boxes are
 * reached. Random numbers are those of a seed. */
#include <unistd.h>

#include <sodium.h>

#include "control/handshake/zap.h"
#include "tests/fuzz/feed.h"
#include "tests/fuzz/fixed_random.h"

#define PLAIN_MAX 9000 /* above what any command may have */

enum {
	NULLS,
	PLAIN_SERVER,
	PLAIN_CLIENT,
	CURVE_SERVER,
	CURVE_OPEN_SERVER, /* without a keyring */
	CURVE_CLIENT,
	SIDES
};

static struct zl_security *side[SIDES];
static struct zl_keyring *keyring; /* a side's, which lies where no leak checker looks */
static struct zl_users *users;
static struct zl_ipc_options options;

/* The peer: its long-term pair, the short-term one, and what it learns. */
static struct {
	uint8_t public_key[32], secret_key[32];
	uint8_t short_public[32], short_secret[32];
	uint8_t our_short[32], cookie[96];
	uint64_t nonce;
} peer;

static struct zl_handshake h;
static enum zl_verdict verdict;
static unsigned said; /* bytes of ours: the first 64 are a greeting, in ZMTP 3 */

/* --- what stays from input to input --- */

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	require(f && fputs(text, f) >= 0);
	fclose(f);
}

static void skipped(void *context, const char *file, const char *why)
{
	(void)context, (void)file, (void)why;
	require(!"every certificate here is good");
}

static void open_files(const char *folder)
{
	char path[128], text[128], z85[ZL_Z85_KEY + 1];
	unsigned line;

	zl_z85_encode(z85, peer.public_key);
	snprintf(path, sizeof(path), "%s/alice.cert", folder);
	snprintf(text, sizeof(text), "curve\n    public-key = \"%s\"\n", z85);
	write_file(path, text);
	require(zl_keyring_open(&keyring, folder, skipped, NULL) == 0);
	side[CURVE_SERVER]->keyring = keyring;
	unlink(path);
	write_file(path, "alice:secret\nbob:\n");
	require(zl_users_open(&users, path, &line) == 0);
	side[PLAIN_SERVER]->users = users;
	unlink(path);
}

static void start(void)
{
	char folder[] = "/tmp/zl-fuzz-XXXXXX";

	if (side[PLAIN_SERVER])
		return;
	fixed_random_use();
	require(sodium_init() >= 0 && mkdtemp(folder));
	for (unsigned i = 0; i < SIDES; i++) {
		side[i] = zl_security_new();
		side[i]->mechanism = i == NULLS         ? ZL_MECHANISM_NULL
				     : i < CURVE_SERVER ? ZL_MECHANISM_PLAIN
							: ZL_MECHANISM_CURVE;
		strcpy(side[i]->zap_at.domain, "domain");
		side[i]->server = i != PLAIN_CLIENT && i != CURVE_CLIENT;
		crypto_box_keypair(side[i]->public_key, side[i]->secret_key);
	}
	crypto_box_keypair(peer.public_key, peer.secret_key);
	memcpy(side[CURVE_CLIENT]->server_key, peer.public_key, 32);
	strcpy(side[PLAIN_CLIENT]->user, "alice");
	strcpy(side[PLAIN_CLIENT]->password, "secret");
	open_files(folder);
	rmdir(folder);
	zl_options_default(&options);
	options.routing_id.len = 5;
	memcpy(options.routing_id.data, "name0", 5);
	options.metadata.bytes = 11;
	memcpy(options.metadata.data, "\3X-a\0\0\0\3bcd", 11);
}

/* --- what we say --- */

/* The last command of the output, without its frame's header; all before it must be whole, too. */
static size_t last_command(const uint8_t **body)
{
	const uint8_t *at = h.output, *end = h.output + h.output_bytes;
	size_t n = 0, greeting = said < ZL_GREETING_BYTES ? ZL_GREETING_BYTES - said : 0;

	if (!h.greeted || h.zmtp < ZL_ZMTP_V3_0)
		return 0;
	for (at += greeting; at < end;) {
		size_t head = *at == 6 ? 9 : 2;

		require(*at == 4 || *at == 6);
		require((size_t)(end - at) >= head);
		n = *at == 6 ? (size_t)at[7] << 8 | at[8] : at[1];
		*body = at + head;
		at += head + n;
		require(at <= end && n >= 1 && (*body)[0] < n);
	}
	return n;
}

/* As a peer hears it: a server's WELCOME has its short-term key and a cookie. */
static void listen_to(void)
{
	const uint8_t *body = NULL, *box;
	uint8_t nonce[24], plain[128];
	size_t n = last_command(&body);

	if (h.as_server && n == 8 + 160 && memcmp(body, "\7WELCOME", 8) == 0) {
		box = body + 8;
		memcpy(nonce, "WELCOME-", 8);
		memcpy(nonce + 8, box, 16);
		if (crypto_box_open_easy(plain, box + 16, 144, nonce, h.security->public_key,
					 peer.short_secret) == 0) {
			memcpy(peer.our_short, plain, 32);
			memcpy(peer.cookie, plain + 32, 96);
		}
	} else if (!h.as_server && n == 6 + 194 && memcmp(body, "\5HELLO", 6) == 0) {
		memcpy(peer.our_short, body + 6 + 74, 32);
	}
	said += h.output_bytes;
	h.output_bytes = 0;
}

/* --- what the peer says --- */

static void command(const char *name, const uint8_t *data, size_t n)
{
	static uint8_t body[PLAIN_MAX + 1024];
	size_t name_bytes = strlen(name);

	body[0] = (uint8_t)name_bytes;
	memcpy(body + 1, name, name_bytes);
	memcpy(body + 1 + name_bytes, data, n);
	verdict = zl_handshake_command(&h, body, 1 + name_bytes + n);
}

static void greet(struct feed *f)
{
	const uint8_t *bytes;
	size_t n = feed_some(f, &bytes);

	verdict = zl_handshake_greeting(&h, bytes, n);
}

static void greet_well(struct feed *f)
{
	uint8_t g[64] = {0xff, [8] = 1, [9] = 0x7f, [10] = 3};
	unsigned cut = feed_u8(f) % 64;

	g[11] = feed_u8(f) & 1;
	memcpy(g + 12, h.mechanism->name, strlen(h.mechanism->name));
	g[32] = h.mechanism->has_server && !h.as_server;
	verdict = zl_handshake_greeting(&h, g, cut);
	if (verdict == ZL_HANDSHAKE_MORE) {
		listen_to();
		verdict = zl_handshake_greeting(&h, g + cut, 64 - cut);
	}
}

static void command_as_is(struct feed *f)
{
	const uint8_t *bytes;
	size_t n = feed_some(f, &bytes);

	verdict = zl_handshake_command(&h, bytes, n);
}

static void metadata(struct feed *f, const char *name)
{
	const uint8_t *bytes;
	size_t n = feed_some(f, &bytes);

	command(name, bytes, n);
}

static void put_nonce(uint8_t to[8])
{
	peer.nonce++;
	for (int i = 0; i < 8; i++)
		to[i] = (uint8_t)(peer.nonce >> (56 - 8 * i));
}

static void nonce_of(uint8_t nonce[24], const char *prefix, const uint8_t *rest)
{
	memcpy(nonce, prefix, strlen(prefix));
	memcpy(nonce + strlen(prefix), rest, 24 - strlen(prefix));
}

static void curve_hello(struct feed *f)
{
	uint8_t data[194] = {1, 0}, zeros[64] = {0}, nonce[24];

	feed_over(f, data + 2, feed_u8(f) % 73);
	memcpy(data + 74, peer.short_public, 32);
	put_nonce(data + 106);
	nonce_of(nonce, "CurveZMQHELLO---", data + 106);
	require(crypto_box_easy(data + 114, zeros, 64, nonce, h.security->public_key,
				peer.short_secret) == 0);
	command("HELLO", data, sizeof(data));
}

/* The plaintext is the input's, or but the metadata behind an honest vouch. */
static void curve_initiate(struct feed *f)
{
	static uint8_t data[104 + 16 + PLAIN_MAX], plain[PLAIN_MAX];
	bool honest = feed_u8(f) & 1;
	uint8_t nonce[24], vouch[64];
	const uint8_t *bytes;
	size_t n = feed_some(f, &bytes), at = honest ? 128 : 0;

	if (honest) {
		memcpy(plain, peer.public_key, 32);
		memset(plain + 32, 7, 16);
		memcpy(vouch, peer.short_public, 32);
		memcpy(vouch + 32, h.security->public_key, 32);
		nonce_of(nonce, "VOUCH---", plain + 32);
		if (crypto_box_easy(plain + 48, vouch, 64, nonce, peer.our_short, peer.secret_key))
			return;
	}
	n = n < PLAIN_MAX - at ? n : PLAIN_MAX - at;
	memcpy(plain + at, bytes, n);
	memcpy(data, peer.cookie, 96);
	put_nonce(data + 96);
	nonce_of(nonce, "CurveZMQINITIATE", data + 96);
	if (crypto_box_easy(data + 104, plain, at + n, nonce, peer.our_short, peer.short_secret))
		return; /* it has told no key yet */
	command("INITIATE", data, 104 + 16 + at + n);
}

static void curve_welcome(struct feed *f)
{
	uint8_t data[160], plain[128], nonce[24];

	memset(data, 9, 16);
	memcpy(plain, peer.short_public, 32);
	memset(plain + 32, 5, 96);
	feed_over(f, plain + 32 * (feed_u8(f) & 1), 32);
	nonce_of(nonce, "WELCOME-", data);
	if (crypto_box_easy(data + 16, plain, 128, nonce, peer.our_short, peer.secret_key) == 0)
		command("WELCOME", data, sizeof(data));
}

static void curve_ready(struct feed *f)
{
	static uint8_t data[8 + 16 + PLAIN_MAX];
	uint8_t nonce[24];
	const uint8_t *bytes;
	size_t n = feed_some(f, &bytes);

	n = n < PLAIN_MAX ? n : PLAIN_MAX;
	put_nonce(data);
	nonce_of(nonce, "CurveZMQREADY---", data);
	if (crypto_box_easy(data + 8, bytes, n, nonce, peer.our_short, peer.short_secret) == 0)
		command("READY", data, 24 + n);
}

/* What comes next of an honest peer, of its kind. */
static void go_on(struct feed *f)
{
	bool curve = h.mechanism == &zl_mechanism_curve, first = h.step % 2 == 0;

	if (!h.greeted)
		greet_well(f);
	else if (h.mechanism == &zl_mechanism_null)
		metadata(f, "READY");
	else if (curve && h.as_server)
		first ? curve_hello(f) : curve_initiate(f);
	else if (curve)
		first ? curve_welcome(f) : curve_ready(f);
	else if (!first)
		metadata(f, h.as_server ? "INITIATE" : "READY");
	else if (h.as_server)
		command("HELLO", (const uint8_t *)"\5alice\6secret", 13);
	else
		command("WELCOME", (const uint8_t *)"", 0);
}

/* The ZAP handler is told; it answers at once, or later. */
static void ask(void)
{
	uint8_t request[ZL_ZAP_REQUEST_MAX];
	size_t n = zl_zap_write(request, &h, 1, "10.0.0.2:4000"), at = 0;

	require(h.asking && n <= sizeof(request));
	while (at < n)
		at += 2 + (size_t)request[at + 1];
	require(at == n);
	verdict = ZL_HANDSHAKE_MORE;
}

static void answer(struct feed *f)
{
	static const unsigned status[] = {200, 200, 300, 400, 500};
	struct zl_zap_answer a = {.status = status[feed_u8(f) % 5]};

	feed_over(f, a.user, feed_u8(f) % ZL_USER_MAX);
	a.user[ZL_USER_MAX - 1] = '\0';
	if (feed_u8(f) & 1) {
		a.properties.bytes = 11;
		memcpy(a.properties.data, "\3X-z\0\0\0\3zap", 11);
	}
	verdict = zl_handshake_answer(&h, &a);
}

static void check_end(unsigned kind, bool zap)
{
	if (verdict == ZL_HANDSHAKE_REFUSED) {
		require(h.reason < ZL_REASONS);
		return;
	}
	require(h.greeted && h.peer_type < ZL_SOCKET_TYPES);
	require(zl_socket_types_match(h.type, h.peer_type));
	require(h.identity_bytes <= ZL_IDENTITY_MAX && zl_properties_check(&h.properties));
	require(h.boxes.on == (kind >= CURVE_SERVER));
	require(memchr(h.user, '\0', sizeof(h.user)));
	require(!h.asking);
	if (zap)
		return; /* whom the handler calls so */
	require(kind != CURVE_SERVER || strcmp(h.user, "alice") == 0);
	require(kind != PLAIN_SERVER || strcmp(h.user, "alice") == 0 || strcmp(h.user, "bob") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct feed f = {data, n};
	uint8_t first = feed_u8(&f);
	unsigned kind = (first & 0x7f) % SIDES, type = feed_u8(&f);
	bool zap = first & 0x80 && kind != PLAIN_CLIENT && kind != CURVE_CLIENT;

	start();
	fixed_random_begin();
	crypto_box_keypair(peer.short_public, peer.short_secret);
	memset(peer.our_short, 0, sizeof(peer.our_short));
	peer.nonce = 0;
	side[kind]->zap = zap;
	verdict = zl_handshake_start(&h, type % ZL_SOCKET_TYPES, type & 0x80,
				     type & 0x40 ? &options : NULL,
				     kind || zap ? side[kind] : NULL);
	if (verdict == ZL_HANDSHAKE_READY) {
		require(h.zmtp == ZL_ZMTP_NONE && h.type == ZL_STREAM); /* which has none */
		return 0;
	}
	said = h.output_bytes;
	h.output_bytes = 0;
	while (f.left && verdict == ZL_HANDSHAKE_MORE) {
		switch (feed_u8(&f) % 4) {
		case 0:
			greet(&f);
			break;
		case 1:
			command_as_is(&f);
			break;
		default:
			go_on(&f);
		}
		if (verdict == ZL_HANDSHAKE_ASK)
			ask();
		listen_to();
		if (verdict == ZL_HANDSHAKE_MORE && h.asking && feed_u8(&f) & 1) {
			answer(&f);
			listen_to();
		}
	}
	if (verdict != ZL_HANDSHAKE_MORE)
		check_end(kind, zap);
	zl_handshake_wipe(&h);
	return 0;
}
