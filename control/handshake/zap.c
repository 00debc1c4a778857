/* Requests and replies of ZAP 1.0. A request's id is a number of 16 hexadecimal digits. */
#include "control/handshake/zap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID_DIGITS 16

enum {
	DELIMITER,
	VERSION,
	ID,
	STATUS,
	TEXT,
	USER,
	METADATA
};

/* --- requests --- */

/* None is longer than 255 bytes. */
static size_t put(uint8_t *to, size_t at, const void *part, size_t n, bool more)
{
	to[at] = more;
	to[at + 1] = (uint8_t)n;
	memcpy(to + at + 2, part, n);
	return at + 2 + n;
}

_Static_assert(ZL_ZAP_REQUEST_MAX > 16 + 9 * 2 + 4 * 255 + ZL_ENDPOINT_MAX,
	       "domain, identity and credentials, and the address");

static size_t put_text(uint8_t *to, size_t at, const char *text, bool more)
{
	return put(to, at, text, strlen(text), more);
}

size_t zl_zap_write(uint8_t to[ZL_ZAP_REQUEST_MAX], const struct zl_handshake *h, uint64_t id,
		    const char *address)
{
	char digits[ID_DIGITS + 1];
	size_t at = put(to, 0, "", 0, true);

	snprintf(digits, sizeof(digits), "%016llx", (unsigned long long)id);
	at = put_text(to, at, "1.0", true);
	at = put_text(to, at, digits, true);
	at = put_text(to, at, h->security->zap_at.domain, true);
	at = put_text(to, at, address, true);
	at = put(to, at, h->identity, h->identity_bytes, true);
	at = put_text(to, at, h->mechanism->name, h->credentials > 0);
	for (unsigned i = 0; i < h->credentials; i++)
		at = put(to, at, h->credential[i].data, h->credential[i].bytes,
			 i + 1 < h->credentials);
	return at;
}

/* --- replies --- */

void zl_zap_add_part(struct zl_zap_message *m, const uint8_t *part, size_t n)
{
	unsigned i = m->n++;

	if (i >= ZL_ZAP_PARTS)
		return;
	m->part[i].at = m->bytes;
	m->part[i].bytes = 0;
	if (n > sizeof(m->data) - m->bytes) {
		m->too_long = true;
		return;
	}
	memcpy(m->data + m->bytes, part, n);
	m->part[i].bytes = n;
	m->bytes += n;
}

static bool is(const struct zl_zap_message *m, unsigned part, const char *text)
{
	return m->part[part].bytes == strlen(text) &&
	       memcmp(m->data + m->part[part].at, text, m->part[part].bytes) == 0;
}

uint64_t zl_zap_id(const struct zl_zap_message *m)
{
	char digits[ID_DIGITS + 1] = "";

	if (m->n <= ID || m->part[ID].bytes != ID_DIGITS)
		return 0;
	memcpy(digits, m->data + m->part[ID].at, ID_DIGITS);
	if (strspn(digits, "0123456789abcdef") != ID_DIGITS)
		return 0;
	return strtoull(digits, NULL, 16);
}

static bool read_user(const struct zl_zap_message *m, struct zl_zap_answer *answer)
{
	const uint8_t *user = m->data + m->part[USER].at;
	size_t n = m->part[USER].bytes, room = sizeof(answer->user) - 1;

	if (n > 255 || memchr(user, '\0', n))
		return false;
	memcpy(answer->user, user, n < room ? n : room);
	return true;
}

static bool read_metadata(const struct zl_zap_message *m, struct zl_zap_answer *answer)
{
	const uint8_t *data = m->data + m->part[METADATA].at;
	struct zl_property property;

	for (size_t left = m->part[METADATA].bytes, n; left > 0; data += n, left -= n) {
		n = zl_property_next(&property, data, left);
		if (!n)
			return false;
		zl_property_keep(&answer->properties, data, n);
	}
	return true;
}

enum zl_reason zl_zap_read(const struct zl_zap_message *m, struct zl_zap_answer *answer)
{
	static const char *const status[] = {"200", "300", "400", "500"};

	memset(answer, 0, sizeof(*answer));
	if (m->n != ZL_ZAP_PARTS || m->too_long || !is(m, DELIMITER, ""))
		return ZL_REASON_zap_malformed;
	if (!is(m, VERSION, "1.0"))
		return ZL_REASON_zap_version;
	for (unsigned i = 0; i < 4; i++)
		if (is(m, STATUS, status[i]))
			answer->status = 200 + 100 * i;
	if (!answer->status)
		return ZL_REASON_zap_status;
	if (!read_user(m, answer))
		return ZL_REASON_zap_user;
	return read_metadata(m, answer) ? ZL_REASONS : ZL_REASON_zap_metadata;
}
