/* zeroline-frames as it is shipped: each byte that has a meaning, read from the file it writes.
 * The sums and offsets in here are the RFCs', and not by the code that wrote them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "tests/bench/frames/read.h"

static const char *program;
static char file[64];
static pcap_t *in;

/* The exit status; what it says on standard error is in text. */
static int run(const char *arguments, char *text, size_t bytes)
{
	char command[700];
	FILE *p;
	size_t n;
	int status;

	snprintf(command, sizeof(command), "%s %s 2>&1", program, arguments);
	p = popen(command, "r");
	assert_non_null(p);
	n = fread(text, 1, bytes - 1, p);
	text[n] = '\0';
	status = pclose(p);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void make(const char *arguments)
{
	char all[512], text[512], error[PCAP_ERRBUF_SIZE];

	snprintf(all, sizeof(all), "%s %s", arguments, file);
	if (run(all, text, sizeof(text)))
		fail_msg("%s: %s", arguments, text);
	in = pcap_open_offline(file, error);
	assert_non_null(in);
	assert_int_equal(pcap_datalink(in), DLT_EN10MB);
}

static const uint8_t *next(uint32_t *bytes)
{
	struct pcap_pkthdr *h;
	const u_char *frame;

	*bytes = 0;
	if (pcap_next_ex(in, &h, &frame) != 1)
		return NULL;
	assert_int_equal(h->caplen, h->len);
	*bytes = h->len;
	return frame;
}

static uint32_t at16(const uint8_t *p)
{
	return (uint32_t)(p[0] << 8 | p[1]);
}

static uint32_t at32(const uint8_t *p)
{
	return at16(p) << 16 | at16(p + 2);
}

/* RFC 1071, one byte at a time; 0xffff over what has its checksum in it. */
static uint32_t sum(const uint8_t *p, uint32_t bytes, uint32_t from)
{
	for (uint32_t i = 0; i < bytes; i++)
		from += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (from >> 16)
		from = (from & 0xffff) + (from >> 16);
	return from;
}

/* Ethernet and IPv4, all but the addresses. Returns the payload and its length. */
static const uint8_t *open_ip(const uint8_t *frame, uint32_t bytes, uint8_t proto, uint8_t ttl,
			      uint32_t header, uint32_t *payload)
{
	const uint8_t *ip = frame + 14;
	uint32_t total = at16(ip + 2);

	assert_true(bytes >= 60);
	assert_int_equal(at16(frame + 12), 0x0800);
	assert_int_equal(ip[0], 0x40 + header / 4);
	assert_int_equal(ip[8], ttl);
	assert_int_equal(ip[9], proto);
	assert_int_equal(sum(ip, header, 0), 0xffff);
	assert_true(total + 14 == bytes || (total + 14 < 60 && bytes == 60));
	assert_true(frame_is_right(frame, bytes));
	*payload = total - header;
	return ip + header;
}

static const uint8_t *open_udp(const uint8_t *frame, uint32_t bytes, uint8_t ttl, uint32_t *payload)
{
	const uint8_t *udp = open_ip(frame, bytes, 17, ttl, 20, payload);
	uint32_t pseudo = sum(frame + 26, 8, 17 + *payload);

	assert_int_equal(at16(udp + 4), *payload);
	assert_int_not_equal(at16(udp + 6), 0);
	assert_int_equal(sum(udp, *payload, pseudo), 0xffff);
	*payload -= 8;
	return udp + 8;
}

static void check_stamp(const uint8_t *p, uint32_t group, uint32_t sequence, uint32_t count)
{
	assert_memory_equal(p, "ZL", 2);
	assert_int_equal(at16(p + 2), group);
	assert_int_equal(at32(p + 4), sequence);
	assert_int_equal(at32(p + 8), count);
}

static void done(void)
{
	uint32_t bytes;

	assert_null(next(&bytes));
	pcap_close(in);
	unlink(file);
}

static void test_radio_unicast_has_groups_and_sizes_in_turn(void **state)
{
	static const uint32_t sizes[] = {64, 512, 1514};
	uint32_t bytes, n;
	char name[16];

	(void)state;
	make("--to 10.1.2.3:7777 --from 10.1.2.4:6666 --dst-mac 02:aa:bb:cc:dd:01 "
	     "--src-mac 02:aa:bb:cc:dd:02 --groups 12 --count 120 --size 64,512,1514 --prefix "
	     "quote udp");
	for (uint32_t i = 0; i < 120; i++) {
		const uint8_t *frame = next(&bytes), *p;

		assert_non_null(frame);
		assert_int_equal(bytes, sizes[i / 12 % 3]);
		p = open_udp(frame, bytes, 64, &n);
		assert_memory_equal(frame, "\x02\xaa\xbb\xcc\xdd\x01\x02\xaa\xbb\xcc\xdd\x02", 12);
		assert_memory_equal(frame + 26, "\x0a\x01\x02\x04\x0a\x01\x02\x03", 8);
		assert_int_equal(at16(p - 8), 6666);
		assert_int_equal(at16(p - 6), 7777);
		snprintf(name, sizeof(name), "quote%u", i % 12);
		assert_int_equal(p[0], strlen(name));
		assert_memory_equal(p + 1, name, p[0]);
		check_stamp(p + 1 + p[0], i % 12, i / 12, 10);
	}
	done();
}

static void test_radio_multicast_is_addressed_as_rfc_1112_says(void **state)
{
	uint32_t bytes, n;

	(void)state;
	make("--to 239.255.255.250:5000 --ttl 3 --groups 8 --spread --count 16 --from 10.0.0.9 udp "
	     "--to 239.129.2.254");
	for (uint32_t i = 0; i < 16; i++) {
		const uint8_t *frame = next(&bytes);
		uint32_t ip = 0xef8102fe + i % 8;

		assert_non_null(frame);
		assert_int_equal(bytes, 60);
		open_udp(frame, bytes, 3, &n);
		assert_int_equal(at32(frame + 30), ip);
		assert_memory_equal(frame, "\x01\x00\x5e", 3);
		assert_int_equal(at32(frame + 2) & 0xffffff, ip & 0x7fffff);
	}
	done();
}

/* A PGM packet's header; its TSDU length is checked against what is there. */
static void open_pgm(const uint8_t *p, uint32_t n, uint8_t type, uint32_t group, uint32_t headers)
{
	assert_int_equal(at16(p), 40000 + group);
	assert_int_equal(at16(p + 2), 5555);
	assert_int_equal(p[4], type);
	assert_int_equal(p[5], 0);
	assert_int_not_equal(at16(p + 6), 0);
	assert_int_equal(sum(p, n, 0), 0xffff);
	assert_memory_equal(p + 8, "\x0a\x09\x00\x02zl", 6);
	assert_int_equal(at16(p + 14), n - headers);
}

static void check_odata(const uint8_t *p, uint32_t n, uint32_t group, uint32_t sequence,
			uint32_t count)
{
	open_pgm(p, n, 4, group, 24);
	assert_int_equal(at32(p + 16), sequence);
	assert_int_equal(at32(p + 20), 0);
	assert_int_equal(at16(p + 24), 0); /* the first message begins at once */
	if (p[26] == 0xff) {
		assert_int_equal(at32(p + 27), 0);
		assert_int_equal(at32(p + 31), n - 35);
		assert_true(n - 35 > 254);
		assert_int_equal(p[35], 0);
		check_stamp(p + 36, group, sequence, count);
	} else {
		assert_int_equal(p[26], n - 27);
		assert_int_equal(p[27], 0);
		check_stamp(p + 28, group, sequence, count);
	}
}

static void check_spm(const uint8_t *p, uint32_t n, uint32_t group, uint32_t sqn, uint32_t lead)
{
	assert_int_equal(n, 36);
	open_pgm(p, n, 0, group, 36);
	assert_int_equal(at32(p + 16), sqn);
	assert_int_equal(at32(p + 20), 0);
	assert_int_equal(at32(p + 24), lead);
	assert_int_equal(at16(p + 28), 1);
	assert_memory_equal(p + 32, "\x0a\x09\x00\x02", 4);
}

static void test_epgm_odata_holds_one_zmtp_1_message_of_any_length(void **state)
{
	static const uint32_t sizes[] = {100, 323, 332, 1500};
	uint32_t bytes, n;

	(void)state;
	make("--size 100,323,332,1500 --groups 3 --count 36 epgm");
	for (uint32_t i = 0; i < 36; i++) {
		const uint8_t *frame = next(&bytes), *p;

		assert_non_null(frame);
		assert_int_equal(bytes, sizes[i / 3 % 4]);
		p = open_udp(frame, bytes, 1, &n);
		check_odata(p, n, i % 3, i / 3, 12);
	}
	done();
}

static void test_pgm_spms_come_before_the_data_they_announce(void **state)
{
	uint32_t bytes, n, sent[2] = {0, 0}, frames = 0;
	const uint8_t *frame, *p;

	(void)state;
	make("--groups 2 --count 20 --spm 4 --spread --to 239.192.7.1:5555 pgm");
	while ((frame = next(&bytes))) {
		uint32_t group = frames % 2;

		if (frames++ % 10 < 2) {
			p = open_ip(frame, bytes, 113, 1, 24, &n);
			assert_memory_equal(p - 4, "\x94\x04\x00\x00", 4);
			check_spm(p, n, group, sent[group] / 4, sent[group] - 1);
		} else {
			p = open_ip(frame, bytes, 113, 1, 20, &n);
			check_odata(p, n, group, sent[group]++, 10);
		}
		assert_int_equal(at32(frame + 30), 0xefc00701 + group);
	}
	assert_int_equal(frames, 20 + 2 * 3);
	assert_int_equal(sent[0] + sent[1], 20);
	done();
}

static void test_igmp_reports_join_every_group(void **state)
{
	uint32_t bytes, n, joined = 0;
	const uint8_t *frame, *p;

	(void)state;
	make("--groups 300 --to 239.192.1.250 igmp");
	while ((frame = next(&bytes))) {
		p = open_ip(frame, bytes, 2, 1, 24, &n);
		assert_memory_equal(frame, "\x01\x00\x5e\x00\x00\x16", 6);
		assert_memory_equal(frame + 30, "\xe0\x00\x00\x16", 4);
		assert_memory_equal(p - 4, "\x94\x04\x00\x00", 4);
		assert_int_equal(frame[15], 0xc0);
		assert_int_equal(p[0], 0x22);
		assert_int_equal(sum(p, n, 0), 0xffff);
		assert_int_equal(n, 8 + 8 * at16(p + 6));
		for (uint32_t i = 0; i < at16(p + 6); i++) {
			assert_int_equal(at32(p + 8 + 8 * i), 0x04000000);
			assert_int_equal(at32(p + 12 + 8 * i), 0xefc001fa + joined++);
		}
	}
	assert_int_equal(joined, 300);
	done();
}

static void test_what_was_written_is_read_again(void **state)
{
	static const char *const kinds[] = {"udp", "epgm", "pgm"};
	struct frame_facts facts;
	uint32_t bytes;

	(void)state;
	for (unsigned k = 0; k < 3; k++) {
		char arguments[64];

		snprintf(arguments, sizeof(arguments),
			 "--groups 3 --count 30 --size 90,1514 --to 239.1.1.1 %s", kinds[k]);
		make(arguments);
		for (uint32_t i = 0; i < 30; i++) {
			const uint8_t *frame = next(&bytes);
			uint8_t *copy = malloc(bytes); /* bytes beyond its end would be noticed */

			assert_non_null(copy);
			memcpy(copy, frame, bytes);
			frame_read(copy, bytes, &facts);
			assert_int_equal(facts.dst_ip, 0xef010101);
			assert_int_equal(facts.dst_port, 5555);
			assert_true(facts.stamped);
			assert_int_equal(facts.stamp.group, i % 3);
			assert_int_equal(facts.stamp.sequence, i / 3);
			assert_int_equal(facts.stamp.count, 10);
			for (uint32_t at = 14; at < bytes; at++) {
				copy[at] ^= 0x10;
				assert_false(frame_is_right(copy, bytes));
				copy[at] ^= 0x10;
			}
			for (uint32_t n = 0; n < bytes; n++) {
				uint8_t *cut = malloc(n + 2); /* ends where the frame does */

				memcpy(cut + 2, copy, n);
				frame_read(cut + 2, n, &facts);
				frame_is_right(cut + 2, n);
				free(cut);
			}
			free(copy);
		}
		done();
	}
}

static void test_the_seed_makes_the_bodies(void **state)
{
	uint8_t first[3][1514];
	uint32_t bytes;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		make(i == 1 ? "--seed 9 --size 1514 --count 1 udp" : "--size 1514 --count 1 udp");
		memcpy(first[i], next(&bytes), sizeof(first[i]));
		done();
	}
	assert_memory_equal(first[0], first[2], 1514);
	assert_memory_not_equal(first[0] + 100, first[1] + 100, 1000);
}

static void test_bad_options_are_told_in_a_line_that_names_them(void **state)
{
	static const char *const bad[][2] = {
		{"udp", "are needed"},
		{"tcp x.pcap", "tcp: no such kind"},
		{"--size 59 udp x.pcap", "59: a whole number from 60"},
		{"--size 64,x udp x.pcap", "x: a whole number"},
		{"--size 80 epgm x.pcap", "--size 80: too small for epgm"},
		{"--size 325 epgm x.pcap", "give 323 or 332"},
		{"--to 10.1.1.1 pgm x.pcap", "multicast address"},
		{"--to 10.1.1 udp x.pcap", "10.1.1: an IPv4 address"},
		{"--to 10.1.1.1:0 udp x.pcap", "0: a whole number"},
		{"--dst-mac 1:2 udp x.pcap", "1:2: a MAC address"},
		{"--groups 7 --count 10 udp x.pcap", "--count 10: not a multiple of --groups 7"},
		{"--prefix subscription --groups 1001 udp x.pcap", "longer than a group's name"},
		{"--groups 30000 --count 30000 epgm x.pcap", "--groups: each is a source"},
		{"--to 239.255.255.250 --groups 7 igmp x.pcap", "leave the range"},
		{"udp /no/such/folder/x.pcap", "/no/such/folder/x.pcap: No such file"},
	};
	char text[600];

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_not_equal(run(bad[i][0], text, sizeof(text)), 0);
		if (!strstr(text, bad[i][1]))
			fail_msg("%s: \"%s\" is not in: %s", bad[i][0], bad[i][1], text);
		assert_int_not_equal(access("x.pcap", F_OK), 0);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_radio_unicast_has_groups_and_sizes_in_turn),
		cmocka_unit_test(test_radio_multicast_is_addressed_as_rfc_1112_says),
		cmocka_unit_test(test_epgm_odata_holds_one_zmtp_1_message_of_any_length),
		cmocka_unit_test(test_pgm_spms_come_before_the_data_they_announce),
		cmocka_unit_test(test_igmp_reports_join_every_group),
		cmocka_unit_test(test_what_was_written_is_read_again),
		cmocka_unit_test(test_the_seed_makes_the_bodies),
		cmocka_unit_test(test_bad_options_are_told_in_a_line_that_names_them),
	};
	int rc;

	if (argc != 2)
		return 2;
	program = argv[1];
	snprintf(file, sizeof(file), "/tmp/zeroline-frames-%d.pcap", getpid());
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(file);
	return rc;
}
