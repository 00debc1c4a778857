/* What two CPUs of this machine add to a message's way at the least: a counter is handed from one
 * to the other and back, through memory that both see, by threads that do nothing else. Open loop:
 * a message's time counts from when it was due. Nothing that runs on these two can be sooner at the
 * same rate, whatever it is made of. Prints one JSON object, in nanoseconds.
 *   bench-floor FIRST_CPU SECOND_CPU [SECONDS [RATE]]   (2 s, 10000 a second) */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define S_NS 1000000000ull
#define LAST UINT64_MAX

/* A cache line each, and the next one too, which is fetched with it. */
static struct {
	_Alignas(128) _Atomic uint64_t there; /* messages sent */
	_Alignas(128) _Atomic uint64_t back;  /* of them, those that came back */
} word;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * S_NS + (uint64_t)t.tv_nsec;
}

static void *relay(void *unused)
{
	uint64_t sent;

	do {
		sent = atomic_load_explicit(&word.there, memory_order_acquire);
		atomic_store_explicit(&word.back, sent, memory_order_release);
	} while (sent != LAST);
	return unused;
}

static int by_size(const void *a, const void *b)
{
	uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;

	return (one > other) - (one < other);
}

static void measure(uint64_t *late_ns, uint64_t n, uint64_t rate)
{
	uint64_t begun = now_ns(), sent = 0, back = 0;

	while (back < n) {
		uint64_t now = now_ns(), due = (now - begun) * rate / S_NS, came;

		due = due < n ? due : n;
		if (due > sent)
			atomic_store_explicit(&word.there, sent = due, memory_order_release);
		came = atomic_load_explicit(&word.back, memory_order_acquire);
		for (now = now_ns(); back < came; back++)
			late_ns[back] = now - begun - (back + 1) * S_NS / rate;
	}
	atomic_store_explicit(&word.there, LAST, memory_order_release);
}

static int pin(pthread_t thread, const char *cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(strtoul(cpu, NULL, 10), &set);
	return pthread_setaffinity_np(thread, sizeof(set), &set);
}

int main(int argc, char **argv)
{
	double seconds = argc > 3 ? strtod(argv[3], NULL) : 2;
	double rate = argc > 4 ? strtod(argv[4], NULL) : 10000;
	uint64_t n = (uint64_t)(seconds * rate), *late_ns;
	pthread_t thread;
	int error;

	if (argc < 3 || !(seconds > 0 && seconds <= 60) || !(rate >= 100 && rate <= 1e6) || !n) {
		fprintf(stderr, "bench-floor: give two CPUs, then seconds up to 60 and a rate of "
				"100 to 1000000 a second\n");
		return EXIT_FAILURE;
	}
	late_ns = calloc(n, sizeof(*late_ns));
	if (!late_ns || pthread_create(&thread, NULL, relay, NULL)) {
		fprintf(stderr, "bench-floor: no memory for %s seconds; give less\n", argv[3]);
		return EXIT_FAILURE;
	}
	error = pin(thread, argv[1]);
	if (!error)
		error = pin(pthread_self(), argv[2]);
	if (!error)
		measure(late_ns, n, (uint64_t)rate);
	else
		atomic_store(&word.there, LAST);
	pthread_join(thread, NULL);
	if (error) {
		fprintf(stderr, "bench-floor: CPUs %s and %s: %s; give two that are there\n",
			argv[1], argv[2], strerror(error));
		free(late_ns);
		return EXIT_FAILURE;
	}
	qsort(late_ns, n, sizeof(*late_ns), by_size);
	printf("{\"p50\": %llu, \"p99\": %llu, \"p99.9\": %llu}\n",
	       (unsigned long long)late_ns[n / 2], (unsigned long long)late_ns[n / 100 * 99],
	       (unsigned long long)late_ns[n / 1000 * 999]);
	free(late_ns);
	return EXIT_SUCCESS;
}
