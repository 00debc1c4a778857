/* Source path messages (RFC 3208 5.1.4, 5.1.5 and 13.4): regularly, after data in growing
 * intervals, and when somebody asks. Each restarts the ambient interval, as any of them serves its
 * purpose. */
#include <string.h>

#include "dataplane/pgm/source_state.h"

enum {
	CONTROL_MAX = 512 /* bytes: the longest is an NCF with a full list and IPv6 addresses */
};

uint32_t source_send_control(struct pgm_source *s, const struct pgm_packet *p)
{
	uint8_t out[CONTROL_MAX];
	uint32_t n = (uint32_t)pgm_build(p, out, sizeof(out));

	if (!n || !s->ops.send(s->ctx, out, n, NULL, 0, true))
		return 0;
	n = source_wire_bytes(s, n);
	bucket_take(&s->rate, n);
	return n;
}

/* Heartbeats start over. */
void source_spm_data_sent(struct pgm_source *s, uint64_t now_ns)
{
	s->heartbeat = 0;
	s->heartbeat_at = s->config.heartbeats ? now_ns + s->config.heartbeat_ns[0] : PGM_NEVER;
}

static void set_options(const struct pgm_source *s, struct pgm_options *o)
{
	const struct pgm_source_config *c = &s->config;
	uint32_t behind = s->lead + 1 - s->txw.trail;

	memset(o, 0, offsetof(struct pgm_options, nak_list));
	if (c->tg_size) {
		o->has |= PGM_HAS_PARITY_PRM;
		o->tg_size = c->tg_size;
		o->parity = (uint8_t)((c->proactive ? PGM_PARITY_PROACTIVE : 0) |
				      (c->ondemand ? PGM_PARITY_ONDEMAND : 0));
	}
	if (s->short_len) {
		o->has |= PGM_HAS_CURR_TGSIZE;
		o->curr_tgsize = s->short_len;
	}
	if (c->join_sqns && behind) {
		o->has |= PGM_HAS_JOIN;
		o->join_sqn = s->lead + 1 - (behind < c->join_sqns ? behind : c->join_sqns);
	}
	if (s->closing)
		o->has |= PGM_HAS_FIN;
}

static bool send_spm(struct pgm_source *s)
{
	struct pgm_packet p;

	memset(&p, 0, offsetof(struct pgm_packet, options));
	p.type = PGM_SPM;
	p.sport = s->config.tsi.port;
	p.dport = s->config.dport;
	p.tsi = s->config.tsi;
	p.sqn = s->spm_sqn;
	/* A group that was closed short can leave the trail further beyond its last packet. */
	p.trail = (int32_t)(s->txw.trail - s->lead) > 1 ? s->lead + 1 : s->txw.trail;
	p.lead = s->lead;
	p.nla = s->config.nla;
	set_options(s, &p.options);
	if (!source_send_control(s, &p))
		return false;
	s->spm_sqn++;
	source_count(s, PGM_src_spms);
	return true;
}

void source_spm_at_once(struct pgm_source *s, uint64_t now_ns)
{
	s->spm_asked_at = now_ns;
}

/* Answers to requests are IHB_MIN apart: one serves all who have asked meanwhile. */
void source_spm_asked(struct pgm_source *s, uint64_t now_ns)
{
	uint64_t soonest = s->spm_sent ? s->spm_at + s->config.spm_min_ns : now_ns;

	if (s->spm_asked_at != PGM_NEVER) {
		source_count(s, PGM_src_spms_suppressed);
		return;
	}
	s->spm_asked_at = soonest > now_ns ? soonest : now_ns;
	source_spm_turn(s, now_ns);
}

static uint64_t due_at(const struct pgm_source *s)
{
	uint64_t due = s->spm_asked_at;

	if (s->heartbeat_at < due)
		due = s->heartbeat_at;
	if (s->spm_sent && s->spm_at + s->config.ambient_ns < due)
		due = s->spm_at + s->config.ambient_ns;
	return due;
}

uint64_t source_spm_turn(struct pgm_source *s, uint64_t now_ns)
{
	if (now_ns < due_at(s))
		return due_at(s);
	if (!send_spm(s)) {
		source_count(s, PGM_src_link_full);
		return now_ns + LINK_RETRY_NS;
	}
	s->spm_sent = true;
	s->spm_asked_at = PGM_NEVER;
	s->spm_at = now_ns;
	if (now_ns >= s->heartbeat_at) {
		s->heartbeat++;
		s->heartbeat_at = s->heartbeat < s->config.heartbeats
					  ? now_ns + s->config.heartbeat_ns[s->heartbeat]
					  : PGM_NEVER;
	}
	return due_at(s);
}
