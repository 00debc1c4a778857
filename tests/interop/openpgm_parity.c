/* Parity packets of OpenPGM's source get the header that they should have (openpgm.h), in the place
 * where it hands them to the kernel. */
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include <arpa/inet.h>

#include "tests/interop/openpgm.h"

/* RFC 3208 8.1 and 8.2, of IPv4 */
enum {
	SPORT_AT = 0,
	DPORT_AT = 2,
	TYPE_AT = 4,
	OPTIONS_AT = 5,
	CHECKSUM_AT = 6,
	HEADER_BYTES = 16,
	SPM_OPTION_AT = 40, /* of SPMs, the first but for OPT_LENGTH */
	SPM_PARITY_AT = 43, /* its bits, if it is OPT_PARITY_PRM */
	PACKET_BYTES = 1500,

	SPM = 0,
	RDATA = 5,
	PARITY = 0x80,
	OPTIONS = 0x01,
	OPT_PARITY_PRM = 0x08,
	OPT_MASK = 0x7f,
	ONDEMAND = 0x01,
	PROACTIVE = 0x02,
};

static struct {
	bool on;
	uint16_t sport, dport;
} mend;

void openpgm_mend_parity(uint16_t sport, uint16_t dport)
{
	mend.on = true;
	mend.sport = sport;
	mend.dport = dport;
}

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint16_t checksum(const uint8_t *at, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)(at[i] << 8 | at[i + 1]);
	if (n % 2)
		sum += (uint32_t)(at[n - 1] << 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	sum = ~sum & 0xffff;
	return (uint16_t)(sum ? sum : 0xffff); /* 0 is none */
}

static bool is_parity(const uint8_t *at, size_t n)
{
	return n >= HEADER_BYTES && at[TYPE_AT] == RDATA && at[OPTIONS_AT] & PARITY;
}

static bool offers_parity(const uint8_t *at, size_t n)
{
	return n > SPM_PARITY_AT && at[TYPE_AT] == SPM && at[OPTIONS_AT] & OPTIONS &&
	       (at[SPM_OPTION_AT] & OPT_MASK) == OPT_PARITY_PRM;
}

/* false: nothing is wrong with it. */
static bool mend_packet(uint8_t *at, size_t n)
{
	if (is_parity(at, n)) {
		put16(at + SPORT_AT, mend.sport);
		put16(at + DPORT_AT, mend.dport);
	} else if (offers_parity(at, n)) {
		at[SPM_PARITY_AT] = (uint8_t)((at[SPM_PARITY_AT] & ONDEMAND ? PROACTIVE : 0) |
					      (at[SPM_PARITY_AT] & PROACTIVE ? ONDEMAND : 0));
	} else {
		return false;
	}
	put16(at + CHECKSUM_AT, 0);
	put16(at + CHECKSUM_AT, checksum(at, n));
	return true;
}

/* In front of the C library's, for libpgm's calls too. */
ssize_t sendto(int fd, const void *bytes, size_t n, int flags, const struct sockaddr *to,
	       socklen_t len)
{
	uint8_t mended[PACKET_BYTES];
	struct iovec iov = {.iov_base = (void *)bytes, .iov_len = n};
	struct msghdr h = {
		.msg_name = (void *)to, .msg_namelen = len, .msg_iov = &iov, .msg_iovlen = 1};

	if (mend.on && n <= PACKET_BYTES) {
		memcpy(mended, bytes, n);
		if (mend_packet(mended, n))
			iov.iov_base = mended;
	}
	return sendmsg(fd, &h, flags);
}
