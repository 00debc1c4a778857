/* How fast one core of this machine copies memory that no cache holds: what deliveries are compared
 * with. Prints bytes copied a second (each is read once and written once), the best of some passes.
 *   bench-membw [MEGABYTES]   of each of the two buffers (256) */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PASSES 7

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	long megabytes = argc > 1 ? strtol(argv[1], NULL, 10) : 256;
	size_t bytes = (size_t)megabytes << 20;
	double best = 0;
	uint8_t *from, *to;

	if (megabytes < 1 || megabytes > 16384) {
		fprintf(stderr, "bench-membw: %s: give megabytes, 1 to 16384\n", argv[1]);
		return EXIT_FAILURE;
	}
	from = malloc(bytes);
	to = malloc(bytes);
	if (!from || !to) {
		fprintf(stderr, "bench-membw: no memory for twice %ld MB\n", megabytes);
		return EXIT_FAILURE;
	}
	memset(from, 1, bytes);
	memset(to, 2, bytes);
	for (int i = 0; i < PASSES; i++) {
		double begun = now(), rate;

		from[i] = (uint8_t)i;
		memcpy(to, from, bytes);
		rate = (double)bytes / (now() - begun);
		if (to[i] != (uint8_t)i)
			return EXIT_FAILURE;
		best = rate > best ? rate : best;
	}
	printf("%.0f\n", best);
	free(from);
	free(to);
	return EXIT_SUCCESS;
}
