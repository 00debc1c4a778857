/* `zeroline devices`, `pause` and `resume`: what devices have passed on, and whether they do. That
 * one is paused is known to the dataplane, which tells a new control; and to control, which tells a
 * new dataplane. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/report.h"

/* A member of one socket's totals, under a name of the device's. */
static void put(json_t *row, const char *name, const json_t *totals, const char *member)
{
	json_object_set(row, name, json_object_get(totals, member));
}

/* Down is from the frontend to the backend. */
static json_t *device_row(struct zl_control *c, const struct zl_device *d)
{
	json_t *front = report_totals(c, d->frontend), *back = report_totals(c, d->backend);
	json_t *row = json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s}", "name", d->at.name, "kind",
		d->at.kind < ZL_DEVICE_KINDS ? zl_device_kind_name[d->at.kind] : "?", "state",
		!d->present    ? "missing"
		: d->at.paused ? "paused"
			       : "running",
		"frontend", d->frontend->at.name, "backend", d->backend->at.name, "capture",
		d->capture ? d->capture->at.name : "");

	put(row, "msgs_down", front, "msgs_in");
	put(row, "bytes_down", front, "bytes_in");
	put(row, "msgs_up", back, "msgs_in");
	put(row, "bytes_up", back, "bytes_in");
	put(row, "msgs_sent_down", back, "msgs_out");
	put(row, "bytes_sent_down", back, "bytes_out");
	put(row, "msgs_sent_up", front, "msgs_out");
	put(row, "bytes_sent_up", front, "bytes_out");
	json_decref(front);
	json_decref(back);
	return row;
}

json_t *report_devices(struct zl_control *c, json_t *request, char *error)
{
	json_t *list = json_array();

	(void)request, (void)error;
	for (struct zl_device *d = c->devices; d; d = d->next)
		if (d->frontend && d->backend)
			json_array_append_new(list, device_row(c, d));
	return list;
}

struct change { /* a request on its way */
	uint64_t client;
	uint32_t device;
	bool paused;
};

static void done(struct zl_control *c, const struct zl_ipc_result *r, uint64_t argument)
{
	struct change *change = (void *)(uintptr_t)argument;
	struct zl_device *d = c->devices;

	while (d && d->at.id != change->device)
		d = d->next;
	if (r->error) {
		zl_api_answer(c, change->client, NULL, r->text);
	} else {
		if (d)
			d->at.paused = change->paused;
		zl_api_answer(c, change->client,
			      json_pack("{s:s, s:s}", "device", d ? d->at.name : "", "state",
					change->paused ? "paused" : "running"),
			      NULL);
	}
	free(change);
}

static void list_devices(const struct zl_control *c, char *list, size_t max)
{
	size_t at = 0;

	list[0] = '\0';
	for (const struct zl_device *d = c->devices; d && at < max; d = d->next)
		at += (size_t)snprintf(list + at, max - at, "%s%s", at ? ", " : "", d->at.name);
}

bool zl_devices_set(struct zl_control *c, bool paused, json_t *request, uint64_t client,
		    char *error)
{
	const char *name = json_string_value(json_object_get(request, "device"));
	struct zl_device *d = c->devices;
	struct change *change;
	char list[256];

	while (d && (!name || strcmp(d->at.name, name) != 0))
		d = d->next;
	if (!d) {
		list_devices(c, list, sizeof(list));
		snprintf(error, ZL_API_ERROR_MAX,
			 "device \"%.64s\": there is no such device; the devices are %s",
			 name ? name : "", list[0] ? list : "none: the config has none");
		return false;
	}
	change = zl_dataplane_attached(c) ? malloc(sizeof(*change)) : NULL;
	if (!change) {
		snprintf(error, ZL_API_ERROR_MAX,
			 "device \"%s\": the dataplane is not attached; start zeroline-dataplane",
			 d->at.name);
		return false;
	}
	*change = (struct change){.client = client, .device = d->at.id, .paused = paused};
	zl_dataplane_request(c, ZL_IPC_DEVICE_SET,
			     &(const struct zl_ipc_device_set){.id = d->at.id, .paused = paused},
			     done, (uintptr_t)change);
	return true;
}
