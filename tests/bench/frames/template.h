/* What zeroline-frames writes: frame i of a file, made from nothing but the options. */
#ifndef ZL_TESTS_BENCH_FRAMES_TEMPLATE_H
#define ZL_TESTS_BENCH_FRAMES_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>

#define FRAME_MIN       60   /* without the FCS, as a capture has it: 64 on the wire */
#define FRAME_MAX       9014 /* a jumbo frame, likewise */
#define SIZES_MAX       16
#define GROUP_NAME_MAX  15  /* bytes: what every libzmq takes */
#define REPORT_RECORDS  128 /* groups of one membership report, at most */
#define TEMPLATE_GROUPS 65536u

enum template_kind {
	TEMPLATE_UDP,  /* RADIO's datagrams: length of the group's name, the name, the body */
	TEMPLATE_EPGM, /* PGM in UDP, as epgm:// */
	TEMPLATE_PGM,  /* PGM on IP, as pgm:// */
	TEMPLATE_IGMP, /* IGMPv3 reports that join the groups' addresses */
	TEMPLATE_KINDS
};
extern const char *const template_kind_name[TEMPLATE_KINDS];

struct template
{
	enum template_kind kind;
	struct rte_ether_addr dst_mac,
		src_mac;         /* dst_mac is of no account to a multicast address */
	uint32_t dst_ip, src_ip; /* host order */
	uint16_t dst_port, src_port;
	uint8_t ttl;
	char prefix[GROUP_NAME_MAX + 1]; /* a group's name is this and its number */
	uint32_t groups;                 /* in turn */
	bool spread; /* group i goes to address dst_ip + i, instead of all to dst_ip */
	unsigned n_sizes;
	uint16_t size[SIZES_MAX]; /* of frames, in turn */
	uint32_t count;           /* data frames: a multiple of groups */
	uint32_t spm_every; /* PGM: an SPM of a source before each so many of its ODATA; 0: none */
	uint64_t seed;      /* of what bodies are filled with */
};

bool ip_is_multicast(uint32_t ip);
/* Of a frame that holds its headers and a stamp; FRAME_MIN on. */
uint16_t template_least_size(const struct template *t);
/* NULL, or what is wrong with it; good for one line, and for the next call only. */
const char *template_check(const struct template *t);
/* How many frames the file has: the data frames and the SPMs, or the reports. */
uint32_t template_frames(const struct template *t);
/* Writes frame i to `frame`, of FRAME_MAX bytes. Its length. */
uint32_t template_frame(const struct template *t, uint32_t i, uint8_t *frame);

#endif
