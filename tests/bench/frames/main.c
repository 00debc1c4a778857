/* zeroline-frames: writes a template for traffic generators. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pcap/pcap.h>

#include "tests/bench/frames/options.h"

#define APART_US 10 /* the frames' times; generators that replay at full rate do not look */

static int fail(const char *file, const char *why)
{
	fprintf(stderr, "zeroline-frames: %s: %s\n", file, why);
	return EXIT_FAILURE;
}

static void write_all(const struct template *t, pcap_dumper_t *out)
{
	static uint8_t frame[FRAME_MAX];

	for (uint32_t i = 0; i < template_frames(t); i++) {
		uint64_t us = (uint64_t)i * APART_US;
		struct pcap_pkthdr h = {
			.ts = {(time_t)(us / 1000000), (suseconds_t)(us % 1000000)}};

		h.len = h.caplen = template_frame(t, i, frame);
		pcap_dump((u_char *)out, &h, frame);
	}
}

int main(int argc, char **argv)
{
	struct frames_options o;
	pcap_t *pcap;
	pcap_dumper_t *out;
	bool whole;

	frames_options(&o, argc, argv);
	pcap = pcap_open_dead(DLT_EN10MB, UINT16_MAX);
	if (!pcap)
		return fail(o.file, strerror(ENOMEM));
	out = pcap_dump_open(pcap, o.file);
	if (!out) {
		fprintf(stderr, "zeroline-frames: %s\n", pcap_geterr(pcap));
		pcap_close(pcap);
		return EXIT_FAILURE;
	}
	write_all(&o.template, out);
	whole = !pcap_dump_flush(out) && !ferror(pcap_dump_file(out));
	pcap_dump_close(out);
	pcap_close(pcap);
	if (whole)
		return EXIT_SUCCESS;
	unlink(o.file);
	return fail(o.file, "could not be written to its end; is the disk full?");
}
