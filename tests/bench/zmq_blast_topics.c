/* Prefixes at random, and the marks by which publishers know how far subscribers are. */
#include "tests/bench/zmq_blast.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DISTINCT 6 /* characters that tell all prefixes apart: 36 bits */

static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* A permutation of 32 bits (the finalizer of MurmurHash3). */
static uint32_t mix(uint32_t n)
{
	n ^= n >> 16;
	n *= 0x85ebca6bu;
	n ^= n >> 13;
	n *= 0xc2b2ae35u;
	return n ^ n >> 16;
}

/* splitmix64 */
static uint64_t draw(uint64_t *state)
{
	uint64_t n = *state += 0x9e3779b97f4a7c15u;

	n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9u;
	n = (n ^ n >> 27) * 0x94d049bb133111ebu;
	return n ^ n >> 31;
}

int topics_make(struct topics *t, uint32_t n, const struct options *o, char first)
{
	uint64_t state = o->seed;
	uint32_t salt = (uint32_t)draw(&state);

	t->n = n;
	t->topic = calloc(n + 1u, sizeof(struct topic));
	if (!t->topic)
		return -1;
	for (uint32_t i = 0; i < n; i++) {
		struct topic *topic = &t->topic[i];
		uint64_t distinct = mix(i ^ salt);
		uint32_t at = 0;

		topic->len = (uint8_t)(o->prefix_min +
				       draw(&state) % (o->prefix_max - o->prefix_min + 1));
		topic->text[at++] = first;
		for (unsigned k = 0; k < DISTINCT; k++, distinct >>= 6)
			topic->text[at++] = digit[distinct & 63];
		while (at < topic->len)
			topic->text[at++] = digit[draw(&state) & 63];
	}
	return 0;
}

void topics_free(struct topics *t)
{
	free(t->topic);
	t->topic = NULL;
}

int mark_make(char mark[TOPIC_ROOM], enum mark kind, uint32_t id)
{
	return snprintf(mark, TOPIC_ROOM, "@%d/%d/%u", getpid(), (int)kind, id);
}

int mark_kind(const uint8_t *bytes, int n)
{
	char mark[TOPIC_ROOM];
	int len = mark_make(mark, MARK_HELLO, 0), same = (int)(strchr(mark, '/') + 1 - mark);

	(void)len;
	if (n <= same + 1 || bytes[0] != 1 || memcmp(bytes + 1, mark, (size_t)same) != 0)
		return -1;
	return bytes[1 + same] - '0';
}
