/* bench-box: nanoseconds of a box by itself, sealed and opened, by libsodium's crypto_box alone and
 * as the cores do it. Prints one JSON array. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "dataplane/zmtp/box.h"

#define ROUNDS 5
#define BYTES  (16u << 20) /* of a round, or so */
#define MEMORY (1u << 18)

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static const uint8_t key[32] = "a key of two pairs, precomputed";
static struct zl_box_key ours;
static struct zl_keystream keystream;

/* Of a message's number, as a session counts them up. */
static const uint8_t *nonce_of(uint64_t number)
{
	static uint8_t nonce[24] = "CurveZMQMESSAGES";

	for (int i = 23; i >= 16; i--, number >>= 8)
		nonce[i] = (uint8_t)number;
	return nonce;
}

static void lib_seal(uint8_t *box, uint8_t *plain, uint32_t n, uint64_t number)
{
	crypto_box_easy_afternm(box, plain, n, nonce_of(number), key);
}

static void lib_open(uint8_t *box, uint8_t *plain, uint32_t n, uint64_t number)
{
	if (crypto_box_open_easy_afternm(plain, box, n + 16, nonce_of(number), key))
		exit(EXIT_FAILURE);
}

static void our_seal(uint8_t *box, uint8_t *plain, uint32_t n, uint64_t number)
{
	struct zl_box b;

	zl_box_begin(&b, &ours, &keystream, number, n);
	zl_box_crypt(&b, box + 16, plain, n);
	zl_box_authenticate(&b, box + 16, n);
	zl_box_tag(&b, box);
}

static void our_open(uint8_t *box, uint8_t *plain, uint32_t n, uint64_t number)
{
	struct zl_box b;

	zl_box_begin(&b, &ours, &keystream, number, n);
	zl_box_authenticate(&b, box + 16, n);
	if (!zl_box_tag_is(&b, box))
		exit(EXIT_FAILURE);
	zl_box_crypt(&b, plain, box + 16, n);
}

static uint8_t *boxes, *plain;

/* Of boxes one after another, in as much memory as a cache holds. */
static double cost(void (*work)(uint8_t *, uint8_t *, uint32_t, uint64_t), uint32_t n)
{
	uint32_t times = BYTES / (n + 256) + 1, each = n + 16, held = MEMORY / each;
	double best = 1e18;

	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t begun = now_ns();
		double ns;

		for (uint32_t i = 0; i < times; i++)
			work(boxes + (size_t)(i % held) * each, plain, n, i % held);
		ns = (double)(now_ns() - begun) / times;
		best = ns < best ? ns : best;
	}
	return best;
}

int main(void)
{
	static const uint32_t sizes[] = {64, 1024, 65536};

	boxes = calloc(1, MEMORY);
	plain = calloc(1, MEMORY);
	if (sodium_init() < 0 || !plain || !boxes)
		return EXIT_FAILURE;
	zl_box_key_init(&ours, key, true, 0);
	for (unsigned i = 0; i < 3; i++) {
		uint32_t n = sizes[i] + 1; /* flags */
		double seal = cost(our_seal, n), open = cost(our_open, n);
		double lib = cost(lib_seal, n), lib_o = cost(lib_open, n);

		printf("%s{\"size\": %u, \"seal_ns\": %.1f, \"open_ns\": %.1f, "
		       "\"libsodium_seal_ns\": %.1f, \"libsodium_open_ns\": %.1f}%s\n",
		       i ? " " : "[", sizes[i], seal, open, lib, lib_o, i < 2 ? "," : "]");
	}
	free(plain);
	free(boxes);
	return EXIT_SUCCESS;
}
