/* What a peer may do by the name that it has proved: the rules under `policy.users` say by which
 * endpoints it may come in, and how fast it may be. They are control's alone; what of them a core
 * must know travels in READY, and so outlives a control. Rules for topics are elsewhere (limits.c,
 * dataplane/admit.c), and go by the same name. */
#include <string.h>

#include "control/control.h"

static bool fits(const struct zl_user_rule *r, const struct zl_stream *s,
		 const struct zl_endpoint *e)
{
	return (!r->user[0] || strcmp(r->user, s->user) == 0) &&
	       (!r->endpoint[0] || (e && strcmp(r->endpoint, e->at.text) == 0));
}

/* Of an endpoint that has been unbound since nothing can be told: who is in stays, and nobody comes
 * in by it any more. */
const struct zl_user_rule *zl_rights_of(const struct zl_stream *s, const struct zl_endpoint *e,
					enum zl_reason *reason)
{
	static const struct zl_user_rule none;
	const struct zl_user_rules *rules = &s->socket->users;
	bool otherwise = true;

	*reason = ZL_REASONS;
	if (s->open.outgoing || !rules->n)
		return &none;
	if (!e && s->state == ZL_STREAM_READY)
		return &none;
	*reason = ZL_REASON_endpoint_gone;
	if (!e)
		return NULL;
	for (uint32_t i = 0; i < rules->n; i++) {
		const struct zl_user_rule *r = &rules->at[i];

		*reason = r->deny ? ZL_REASON_endpoint_denied : ZL_REASONS;
		if (fits(r, s, e))
			return r->deny ? NULL : r;
		otherwise = otherwise && r->deny;
	}
	*reason = otherwise ? ZL_REASONS : ZL_REASON_endpoint_denied;
	return otherwise ? &none : NULL;
}
