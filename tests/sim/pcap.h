/* Writes frames to a capture file with nanosecond times, as a failing seed is best read. */
#ifndef ZL_TESTS_SIM_PCAP_H
#define ZL_TESTS_SIM_PCAP_H

#include <stdint.h>
#include <stdio.h>

/* NULL, with errno set, if the file cannot be made. */
FILE *pcap_open(const char *path);
void pcap_write(FILE *f, uint64_t now_ns, const uint8_t *frame, uint32_t len);

#endif
