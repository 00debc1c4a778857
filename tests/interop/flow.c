/* Publishers and subscribers of a flow. */
#include "tests/interop/flow.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#define HEARD_MAX 256
#define WARM_MS   10 /* slow enough for a window of NORM's or PGM's to reach over a repair */

/* --- what is sent --- */

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static const char *topic(const struct flow *f, uint64_t i)
{
	return f->n_topics ? f->topics[mix(i + 1) % f->n_topics] : "";
}

static unsigned parts(const struct flow *f)
{
	return f->parts ? f->parts : 1;
}

uint32_t flow_bytes_max(const struct flow *f)
{
	uint32_t most = 64;

	for (unsigned i = 0; i < f->n_bytes; i++)
		if (f->bytes[i] > most)
			most = f->bytes[i];
	return most;
}

/* Writes a part, returns its length. Bytes are a run of 64-bit words that no other part has. */
uint32_t flow_part(const struct flow *f, unsigned publisher, uint64_t i, unsigned part,
		   uint8_t *buf)
{
	uint32_t n = f->bytes[(i * parts(f) + part) % f->n_bytes], at = 0;
	uint64_t word = mix(i * 16 + part + ((uint64_t)publisher << 56) + 7);
	const char *name = part == 0 ? topic(f, i) : "";

	for (; at + 8 <= n; at += 8, word += 0x9e3779b97f4a7c15ull)
		memcpy(buf + at, &word, 8);
	for (; at < n; at++, word >>= 8)
		buf[at] = (uint8_t)word;
	if (part == 0)
		memcpy(buf, name, strlen(name));
	return n;
}

bool flow_matches(const struct flow *f, uint64_t i, const char *const *prefixes)
{
	const char *name = topic(f, i);

	for (; *prefixes; prefixes++)
		if (strncmp(name, *prefixes, strlen(*prefixes)) == 0)
			return true;
	return false;
}

void flow_rate(const char *label, const struct note *note)
{
	printf("%s: %llu messages in %.2f s, %.0f msg/s\n", label, (unsigned long long)note->n,
	       note->seconds, note->seconds > 0 ? (double)note->n / note->seconds : 0.0);
}

/* --- publisher --- */

struct heard { /* subscriptions in force, each once */
	char prefix[HEARD_MAX][32];
	unsigned n, total;
};

static void hear(struct peer *self, struct heard *h, const uint8_t *msg, int n, bool twice_ok)
{
	char prefix[32];
	unsigned i = 0;

	if (n < 1 || n > 31 || msg[0] > 1)
		peer_fail(self, "XPUB received %d bytes that are no subscription", n);
	snprintf(prefix, sizeof(prefix), "%.*s", n - 1, (const char *)msg + 1);
	while (i < h->n && strcmp(h->prefix[i], prefix) != 0)
		i++;
	if (msg[0] == 1 && i == h->n && i < HEARD_MAX) {
		strcpy(h->prefix[h->n++], prefix);
		h->total++;
	} else if (msg[0] == 0 && i < h->n) {
		memmove(h->prefix[i], h->prefix[--h->n], sizeof(h->prefix[i]));
	} else if (!twice_ok) {
		peer_fail(self, "XPUB heard %s \"%s\" %s", msg[0] ? "subscription" : "cancel",
			  prefix, msg[0] ? "twice" : "without a subscription");
	}
}

static bool all_marks(const struct heard *h, unsigned subscribers)
{
	unsigned marks = 0;

	for (unsigned i = 0; i < h->n; i++)
		marks += h->prefix[i][0] == '~';
	return marks >= subscribers;
}

static uint64_t send_flow(struct peer *self, struct talk *talk, const struct publisher *p)
{
	const struct flow *f = p->flow;
	uint8_t *buf = malloc(flow_bytes_max(f));
	uint64_t i = 0;

	for (; f->messages == 0 || i < f->messages; i++) {
		if (f->messages == 0 && i % 256 == 0 && peer_is_told(self)) {
			peer_listen(self, "stop");
			break;
		}
		if (f->batch && i && i % f->batch == 0)
			peer_listen(self, "next");
		for (unsigned part = 0; part < parts(f); part++) {
			uint32_t n = flow_part(f, p->id, i, part, buf);
			talk_send(talk, buf, n, part + 1 < parts(f));
		}
	}
	free(buf);
	return i;
}

/* "~id" and how many messages there were. */
static void send_marks(struct talk *talk, unsigned subscribers, uint64_t total)
{
	for (unsigned id = 0; id < subscribers; id++) {
		char mark[48];
		int n = snprintf(mark, sizeof(mark), "~%u %llu", id, (unsigned long long)total);
		talk_send(talk, mark, (size_t)n, false);
	}
	talk_flush(talk);
}

static void hear_all(struct peer *self, struct talk *talk, const struct publisher *p,
		     struct heard *heard)
{
	uint8_t msg[64];
	bool more;

	do {
		int n = talk_receive(talk, msg, sizeof(msg), &more);
		if (n < 0)
			peer_fail(self, "only %u subscriptions came: %s", heard->n,
				  talk_error(talk));
		hear(self, heard, msg, n, p->twice_ok);
	} while (!all_marks(heard, p->subscribers - p->mute));
}

/* Whether it may go; false: once more. */
static bool may_go(struct peer *self, struct talk *talk, const struct publisher *p)
{
	struct pollfd told = {.fd = peer_descriptor(self), .events = POLLIN};
	char warm[16];
	int n = snprintf(warm, sizeof(warm), FLOW_WARM "%u", p->id);

	/* Nothing says to a PUB that it is subscribed to but the subscriber, once it has something.
	 */
	while (p->deaf && poll(&told, 1, WARM_MS) == 0) {
		talk_send(talk, warm, (size_t)n, false);
		talk_flush(talk);
	}
	return strcmp(peer_listen(self, NULL)->what, "go") == 0;
}

void publisher_run(struct peer *self, const void *plan)
{
	const struct publisher *p = plan;
	bool hears = !p->deaf && p->tongue != ZMTP_1_0;
	struct talk *talk = talk_new(self, p->tongue,
				     p->tongue == LIBZMQ && !p->deaf ? ZMQ_XPUB : ZMQ_PUB);
	struct heard heard = {.n = 0};

	if (p->blocks) {
		talk_option(talk, ZMQ_SNDHWM, 10000);
		talk_option(talk, ZMQ_XPUB_NODROP, 1);
		talk_option(talk, ZMQ_SNDTIMEO, lab_patience_ms());
	}
	talk_join(talk, p->endpoint, p->bind);
	do {
		if (hears && (p->subscribers > p->mute || heard.total))
			hear_all(self, talk, p, &heard);
		peer_say(self, "ready", heard.total, 0);
	} while (!may_go(self, talk, p));
	double began = peer_clock();
	uint64_t n = send_flow(self, talk, p);
	send_marks(talk, p->subscribers, n);
	peer_say(self, "sent", n, peer_clock() - began);
	peer_listen(self, "end");
	if (p->tongue == ZMTP_1_0)
		talk_expect_silence(talk); /* RFC 13: a subscriber sends no content */
}

/* --- subscriber --- */

struct receiver {
	struct peer *self;
	const struct subscriber *plan;
	struct talk *talk;
	uint8_t *buf, *due;
	uint64_t received, total; /* total: what a publisher sent, as its mark says */
	double began;
	uint64_t next[4]; /* the message due of each publisher */
	unsigned warm;    /* publishers, a bit each */
	bool told_warm;
};

/* One part into r->buf; its length. */
static int receive(struct receiver *r, bool *more)
{
	size_t most = flow_bytes_max(r->plan->flow);
	int n = talk_receive(r->talk, r->buf, most, more);

	if (n < 0)
		peer_fail(r->self, "after %llu messages: %s", (unsigned long long)r->received,
			  talk_error(r->talk));
	if ((size_t)n > most)
		peer_fail(r->self, "a part of %d bytes came, none is longer than %zu", n, most);
	return n;
}

static void skip_unwanted(struct receiver *r, unsigned who, uint64_t total)
{
	while (r->next[who] < total &&
	       !flow_matches(r->plan->flow, r->next[who], r->plan->prefixes))
		r->next[who]++;
}

/* The message whose first part is in r->buf is what publisher `who` has to send next? */
static bool is_due(struct receiver *r, unsigned who, int n)
{
	/* One that is to get nothing would look for ever. */
	skip_unwanted(r, who, r->next[who] + 1000);
	uint32_t due = flow_part(r->plan->flow, who, r->next[who], 0, r->due);

	return (uint32_t)n == due && memcmp(r->buf, r->due, due) == 0;
}

static void take_message(struct receiver *r, int n, bool more)
{
	const struct flow *f = r->plan->flow;
	unsigned n_parts = parts(f), publishers = f->publishers ? f->publishers : 1, who = 0;

	while (who < publishers && !is_due(r, who, n))
		who++;
	if (who == publishers)
		peer_fail(r->self,
			  "after %llu messages one of %d bytes came that is not due; the first "
			  "publisher's next is number %llu",
			  (unsigned long long)r->received, n, (unsigned long long)r->next[0]);
	for (unsigned part = 1; part < n_parts; part++) {
		if (!more)
			peer_fail(r->self, "message %llu has %u parts",
				  (unsigned long long)r->next[who], part);
		n = receive(r, &more);
		uint32_t due = flow_part(f, who, r->next[who], part, r->due);
		if ((uint32_t)n != due || memcmp(r->buf, r->due, due) != 0)
			peer_fail(r->self, "message %llu: part %u is wrong (%d bytes)",
				  (unsigned long long)r->next[who], part, n);
	}
	if (more)
		peer_fail(r->self, "message %llu has too many parts",
			  (unsigned long long)r->next[who]);
	r->next[who]++;
}

static void take_mark(struct receiver *r, int n)
{
	char text[48];
	unsigned id;
	unsigned long long total;

	snprintf(text, sizeof(text), "%.*s", n, (const char *)r->buf);
	if (sscanf(text, "~%u %llu", &id, &total) != 2 || id != r->plan->id)
		peer_fail(r->self, "mark \"%s\" is not its own", text);
	r->total = total;
}

/* After the last mark: nothing that was due is missing. */
static void check_end(struct receiver *r, unsigned publishers)
{
	for (unsigned who = 0; who < publishers; who++) {
		skip_unwanted(r, who, r->total);
		if (r->next[who] < r->total)
			peer_fail(r->self, "message %llu and on are missing at the end of %llu",
				  (unsigned long long)r->next[who], (unsigned long long)r->total);
	}
	if (!r->plan->reconnects && talk_disconnects(r->talk))
		peer_fail(r->self, "the connection was lost");
}

static void join(struct receiver *r)
{
	const struct subscriber *p = r->plan;
	char mark[16];
	int n = snprintf(mark, sizeof(mark), "~%u ", p->id);

	r->talk = talk_new(r->self, p->tongue, p->raw ? ZMQ_XSUB : ZMQ_SUB);
	if (p->heartbeat_ms)
		talk_option(r->talk, ZMQ_HEARTBEAT_IVL, (int)p->heartbeat_ms);
	for (unsigned i = 0; p->prefixes[i]; i++)
		talk_subscribe(r->talk, p->prefixes[i], strlen(p->prefixes[i]));
	talk_subscribe(r->talk, mark, (size_t)n);
	if (p->warmed)
		talk_subscribe(r->talk, FLOW_WARM, 1);
	talk_join(r->talk, p->endpoint, p->bind);
}

/* "~3 1000000": no other message consists of such characters. */
static bool is_mark(const struct receiver *r, int n, bool more)
{
	if (n < 4 || n > 47 || more || r->buf[0] != '~')
		return false;
	for (int i = 1; i < n; i++)
		if (r->buf[i] != ' ' && (r->buf[i] < '0' || r->buf[i] > '9'))
			return false;
	return true;
}

/* With "" subscribed, everybody's marks come. */
static bool is_own_mark(const struct receiver *r)
{
	char own[16];

	snprintf(own, sizeof(own), "~%u ", r->plan->id);
	return memcmp(r->buf, own, strlen(own)) == 0;
}

/* It is one that warms up; the last of all publishers is told of. */
static bool is_warm(struct receiver *r, int n, unsigned publishers)
{
	if (!r->plan->warmed || n < 2 || r->buf[0] != FLOW_WARM[0])
		return false;
	r->warm |= 1u << (r->buf[1] - '0');
	if (r->warm >= (1u << publishers) - 1 && !r->told_warm)
		peer_say(r->self, "warm", 0, 0);
	r->told_warm |= r->warm >= (1u << publishers) - 1;
	return true;
}

static void receive_flow(struct receiver *r, unsigned publishers)
{
	const struct subscriber *p = r->plan;
	unsigned marks = 0;
	bool more;

	while (marks < publishers) {
		int n = receive(r, &more);

		if (is_warm(r, n, publishers))
			continue;
		if (is_mark(r, n, more)) {
			if (is_own_mark(r)) {
				take_mark(r, n);
				marks++;
			}
			continue;
		}
		if (r->received == 0)
			r->began = peer_clock();
		take_message(r, n, more);
		r->received++;
		if (p->report && r->received % p->report == 0)
			peer_say(r->self, "reached", r->received, peer_clock() - r->began);
	}
}

void subscriber_run(struct peer *self, const void *plan)
{
	const struct subscriber *p = plan;
	struct receiver r = {.self = self, .plan = p};
	unsigned publishers = p->flow->publishers ? p->flow->publishers : 1;

	r.buf = malloc(flow_bytes_max(p->flow));
	r.due = malloc(flow_bytes_max(p->flow));
	join(&r);
	receive_flow(&r, publishers);
	double seconds = r.received ? peer_clock() - r.began : 0;
	check_end(&r, publishers);
	peer_say(self, "received", r.received, seconds);
	free(r.buf);
	free(r.due);
	peer_listen(self, "end");
}
