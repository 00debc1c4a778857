/* What the machine itself does to a core that only spins: how fast it runs, and how often and for
 * how long it is taken away (by the hypervisor, interrupts, other programs). No latency measured
 * here can be better than that. Prints one JSON object.
 *   bench-noise [SECONDS]   (1) */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define S_NS   1000000000ull
#define GAP_NS 5000 /* between two readings of the clock: longer, and the core was away */
#define ADDS   50000000u

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * S_NS + (uint64_t)t.tv_nsec;
}

/* Additions that wait for each other, one a cycle: the core's frequency, as far as it is ours. */
static double additions_s(void)
{
	uint64_t begun = now_ns(), x = begun;

	for (uint32_t i = 0; i < ADDS; i++) {
		x++;
		__asm__ volatile("" : "+r"(x)); /* not folded into one */
	}
	return (double)ADDS * 1e9 / (double)(now_ns() - begun);
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 1, adds;
	uint64_t begun, last, end, away = 0, longest = 0, over_5us = 0, over_20us = 0;

	if (!(seconds >= 0.01 && seconds <= 60)) {
		fprintf(stderr, "bench-noise: %s: give seconds, 0.01 to 60\n", argv[1]);
		return EXIT_FAILURE;
	}
	adds = additions_s();
	begun = last = now_ns();
	end = begun + (uint64_t)(seconds * (double)S_NS);
	while (last < end) {
		uint64_t now = now_ns(), gap = now - last;

		if (gap > GAP_NS) {
			away += gap;
			over_5us++;
			over_20us += gap > 20000;
			longest = gap > longest ? gap : longest;
		}
		last = now;
	}
	seconds = (double)(last - begun) / (double)S_NS;
	printf("{\"additions_s\": %.0f, \"away\": %.5f, \"over_5us_s\": %.0f, \"over_20us_s\": "
	       "%.0f, "
	       "\"longest_us\": %.0f}\n",
	       adds, (double)away / (double)S_NS / seconds, round((double)over_5us / seconds),
	       round((double)over_20us / seconds), (double)longest / 1000);
	return EXIT_SUCCESS;
}
