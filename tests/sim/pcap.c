/* The classic pcap format, in the byte order of this machine, as its magic number says. */
#include "tests/sim/pcap.h"

#define PCAP_MAGIC_NS      0xa1b23c4du
#define PCAP_LINK_ETHERNET 1

FILE *pcap_open(const char *path)
{
	static const struct {
		uint32_t magic;
		uint16_t major, minor;
		uint32_t zone, accuracy, snaplen, link;
	} header = {PCAP_MAGIC_NS, 2, 4, 0, 0, 65535, PCAP_LINK_ETHERNET};
	FILE *f = fopen(path, "wb");

	if (f)
		fwrite(&header, sizeof(header), 1, f);
	return f;
}

void pcap_write(FILE *f, uint64_t now_ns, const uint8_t *frame, uint32_t len)
{
	const uint32_t record[4] = {(uint32_t)(now_ns / 1000000000),
				    (uint32_t)(now_ns % 1000000000), len, len};

	fwrite(record, sizeof(record), 1, f);
	fwrite(frame, len, 1, f);
}
