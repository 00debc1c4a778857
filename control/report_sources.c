/* Who sends to the groups that are received: a row a source of each endpoint, with what it lost. */
#include <stdio.h>
#include <string.h>

#include "control/report.h"

#define TEXT 64

/* As OpenPGM writes it: the bytes of the GSI, and the port. */
static void write_tsi(char text[TEXT], const uint8_t tsi[8])
{
	snprintf(text, TEXT, "%u.%u.%u.%u.%u.%u.%u", tsi[0], tsi[1], tsi[2], tsi[3], tsi[4], tsi[5],
		 tsi[6] << 8 | tsi[7]);
}

static json_t *row_of(struct zl_stream *s, const struct zl_stats_source *at)
{
	char endpoint[ZL_ENDPOINT_MAX + 64], tsi[TEXT], ip[TEXT];

	zl_stream_address(s, endpoint);
	write_tsi(tsi, at->tsi);
	snprintf(ip, sizeof(ip), "%u.%u.%u.%u", at->ip >> 24, at->ip >> 16 & 0xff,
		 at->ip >> 8 & 0xff, at->ip & 0xff);
	json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:i, s:o, s:o, s:o, s:o, s:o}", "source", ip,
				"tsi", tsi, "socket", s->socket ? s->socket->at.name : "",
				"endpoint", endpoint, "core", (int)s->open.core, "tsdus",
				report_number(at->tsdus), "bytes", report_number(at->bytes), "late",
				report_number(at->late), "lost", report_number(at->lost), "missing",
				report_number(at->missing));
	json_t *more = json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "naks", report_number(at->naks),
		"gaps", report_number(at->gaps), "gap_mean_us",
		report_number(at->gaps ? at->gap_us / at->gaps : 0), "gap_max_us",
		report_number(at->gap_max_us), "line_a", report_number(at->line[0]),
		"line_a_missed", report_number(at->line_missed[0]), "line_b",
		report_number(at->line[1]), "line_b_missed", report_number(at->line_missed[1]),
		"silent_ms", report_number(at->silent_ms));
	json_object_update(row, more);
	json_decref(more);
	return row;
}

json_t *report_sources(struct zl_control *c, json_t *request, char *error)
{
	const struct zl_stats_header *stats = zl_dataplane_stats(c);
	json_t *list = json_array();

	(void)request, (void)error;
	for (unsigned core = 0; stats && core < stats->cores; core++)
		for (unsigned i = 0; i < ZL_STATS_SOURCES; i++) {
			struct zl_stats_source at = *zl_stats_source(stats, core, i);
			struct zl_stream *s = at.stream ? zl_stream_find(c, at.stream) : NULL;

			if (s)
				json_array_append_new(list, row_of(s, &at));
		}
	return list;
}
