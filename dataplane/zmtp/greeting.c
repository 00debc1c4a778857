/* Where the pieces of a peer's greeting end, whatever version of ZMTP it speaks (RFC 37, "Backwards
 * Interoperability"; 13, 15). No judgement: what is no greeting ends where that shows, and control
 * says so. Each answer of ours depends on one more piece, and some peers send the next piece only
 * after that answer, so a piece is never waited for beyond its end. */
#include <string.h>

#include "dataplane/zmtp/zmtp.h"

#define SIGNATURE_FIRST 0xff
#define SIGNATURE_LAST  0x7f
#define SIGNATURE_BYTES 10
#define VERSION_AT      10
#define IDENTITY_AT     12 /* of ZMTP 2.0, after the version and the socket's type: a short frame */
#define BYTES_OF_2      14 /* that frame's header included */
#define BYTES_OF_3      64
#define MECHANISM_AT    12
#define MECHANISM_BYTES 20
#define IDENTITY_MAX    255

/* ZMTP 1.0 begins with its identity, in a frame whose long header looks like a signature but for
 * the flags' lowest bit. */
static bool signature_begins(const uint8_t *g, uint32_t n)
{
	return g[0] == SIGNATURE_FIRST && n >= SIGNATURE_BYTES && g[SIGNATURE_BYTES - 1] & 1;
}

static uint32_t need_of_1(const uint8_t *g, uint32_t n)
{
	struct zl_frame f;
	int header = zl_old_frame_parse(g, n, &f);

	if (g[0] == SIGNATURE_FIRST && n < SIGNATURE_BYTES)
		return SIGNATURE_BYTES;
	if (header == 0)
		return n + 1;
	if (header < 0 || f.flags & ZL_FRAME_VOID || f.len > IDENTITY_MAX)
		return n;
	if (g[0] != SIGNATURE_FIRST && g[1] != 0)
		return n; /* control/handshake/old.c says why */
	return f.header_len + (uint32_t)f.len;
}

static uint32_t need_of_2(const uint8_t *g, uint32_t n)
{
	if (g[VERSION_AT] == 0)
		return n;
	if (n < BYTES_OF_2)
		return BYTES_OF_2;
	return g[IDENTITY_AT] ? n : BYTES_OF_2 + (uint32_t)g[IDENTITY_AT + 1];
}

bool zl_greeting_is_signed(const uint8_t *g, uint32_t n)
{
	return signature_begins(g, n) && g[SIGNATURE_BYTES - 1] == SIGNATURE_LAST;
}

/* What 1.0 has instead of a signature is told from other protocols' first words by its flags, which
 * are 0: control/handshake/old.c. */
bool zl_greeting_is_none(const uint8_t *g, uint32_t n)
{
	if (g[0] == SIGNATURE_FIRST)
		return signature_begins(g, n) && g[SIGNATURE_BYTES - 1] != SIGNATURE_LAST;
	return g[0] == 0 || (n > 1 && g[1] != 0);
}

uint32_t greeting_need(const uint8_t *g, uint32_t n)
{
	if (n == 0)
		return 1;
	if (!signature_begins(g, n))
		return need_of_1(g, n);
	if (g[SIGNATURE_BYTES - 1] != SIGNATURE_LAST)
		return n;
	if (n <= VERSION_AT)
		return VERSION_AT + 1;
	return g[VERSION_AT] < 3 ? need_of_2(g, n) : BYTES_OF_3;
}

bool greeting_wants_answer(const uint8_t *g, uint32_t n)
{
	return signature_begins(g, n) && (n == SIGNATURE_BYTES || n == VERSION_AT + 1);
}

bool greeting_of_3(const uint8_t *g, uint32_t n)
{
	return signature_begins(g, n) && n == BYTES_OF_3 && g[VERSION_AT] >= 3;
}

bool greeting_asks_for(const uint8_t *g, const char *mechanism)
{
	return strncmp((const char *)g + MECHANISM_AT, mechanism, MECHANISM_BYTES) == 0;
}
