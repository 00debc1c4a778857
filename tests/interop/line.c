/* Pushers, a device, pullers. */
#include "tests/interop/line.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/interop/flow.h"

void line_start(struct line *l, const char *kind, const char *const types[2], const char *more)
{
	for (unsigned side = 0; side < 2; side++)
		transport_side(l->side[side], sizeof(l->side[side]), l->transport, l->connects,
			       (enum side)side, l->peers, types[side], more);
	l->appliance = transport_appliance(l->transport, kind, l->side[FRONT], l->side[BACK], 0);
}

void line_pusher(struct line *l, unsigned i, struct pusher plan)
{
	plan.id = i;
	plan.bind = l->connects;
	plan.endpoint = transport_at(l->transport, l->connects, l->up ? BACK : FRONT, i);
	l->pusher_plan[i] = plan;
	l->pusher[i] = peer_start(&l->appliance->net, tongue_name[plan.tongue], pusher_run,
				  &l->pusher_plan[i]);
}

void line_puller(struct line *l, unsigned i, struct puller plan)
{
	plan.bind = l->connects;
	plan.endpoint = transport_at(l->transport, l->connects, l->up ? FRONT : BACK, i);
	l->puller_plan[i] = plan;
	l->puller[i] = peer_start(&l->appliance->net, tongue_name[plan.tongue], puller_run,
				  &l->puller_plan[i]);
}

void line_replace_pusher(struct line *l, unsigned i)
{
	appliance_await_peers(l->appliance, 2 * l->peers);
	peer_signal(l->pusher[i], SIGKILL);
	appliance_await_peers(l->appliance, 2 * l->peers - 1);
	line_pusher(l, i, l->pusher_plan[i]);
	appliance_await_peers(l->appliance, 2 * l->peers);
}

void line_replace_puller(struct line *l, unsigned i)
{
	appliance_await_peers(l->appliance, 2 * l->peers);
	peer_signal(l->puller[i], SIGKILL);
	appliance_await_peers(l->appliance, 2 * l->peers - 1);
	line_puller(l, i, l->puller_plan[i]);
	appliance_await_peers(l->appliance, 2 * l->peers);
}

void line_go(struct line *l)
{
	appliance_await_peers(l->appliance, 2 * l->peers);
	for (unsigned i = 0; i < l->peers; i++)
		peer_tell(l->pusher[i], "go", 0);
}

void line_arrives(struct line *l, uint64_t *shares)
{
	for (unsigned i = 0; i < l->peers; i++)
		flow_rate(tongue_name[l->pusher_plan[i].tongue], peer_hear(l->pusher[i], "sent"));
	pull_all(l->puller, l->peers, l->pusher_plan, l->peers, shares);
}

static void end(struct peer *p)
{
	peer_tell(p, "end", 0);
	peer_done(p);
}

void line_end(struct line *l)
{
	for (unsigned i = 0; i < l->peers; i++)
		end(l->pusher[i]);
	for (unsigned i = 0; i < l->peers; i++)
		end(l->puller[i]);
	appliance_stop(l->appliance);
}
