/* sim_pgm_element: a PGM source, a network element and subnets of receivers on a bad network, one
 * scenario a seed; checks that each receiver has all of it, in order, or was told of its gaps, and
 * that no subnet gets a repair that it has not asked for. A failing seed is printed with the
 * command that replays it. With --figures, how many NAKs reach the source for each packet lost, as
 * the receivers become more: with the element, and with a switch in its place.
 *
 *   sim_pgm_element [--seeds N] [--first S] [--seed S] [--verbose] [--sabotage] [--figures] */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/pgm_tree.h"

#define MS UINT64_C(1000000)

enum {
	SEEDS_DEFAULT = 300,
	FIGURE_SEEDS = 3,
	FIGURE_SUBNETS = 4,
};

static struct {
	const char *program;
	bool verbose, sabotage;
} options;

static void print_tally(const char *of, const struct tree_tally *t)
{
	printf("%s: %" PRIu64 " packets, %" PRIu64 " lost to some receiver; %" PRIu64
	       " NAKs sent, %" PRIu64 " at the source, for %" PRIu64 "; %" PRIu64
	       " repairs, %" PRIu64 " copies on subnets, %" PRIu64 " of them unasked; %" PRIu64
	       " NAKs shed; %" PRIu64 " delivered, %" PRIu64 " given up\n",
	       of, t->odata, t->lost, t->naks, t->naks_up, t->asked_up, t->rdata, t->copies,
	       t->unasked, t->shed, t->delivered, t->given_up);
}

static void add(struct tree_tally *sum, const struct tree_tally *t)
{
	sum->odata += t->odata;
	sum->lost += t->lost;
	sum->naks += t->naks;
	sum->naks_up += t->naks_up;
	sum->asked_up += t->asked_up;
	sum->rdata += t->rdata;
	sum->copies += t->copies;
	sum->unasked += t->unasked;
	sum->shed += t->shed;
	sum->delivered += t->delivered;
	sum->given_up += t->given_up;
}

static void report(const struct tree_scenario *s, const char *what)
{
	printf("FAILED: %s\n  scenario: ", what);
	tree_scenario_print(s, stdout);
	printf("\n  replay: %s --seed %" PRIu64 " --verbose%s\n", options.program, s->seed,
	       options.sabotage ? " --sabotage" : "");
	fflush(stdout);
}

static bool run_seed(uint64_t seed, struct tree_tally *sum)
{
	struct tree_scenario s;
	struct tree_tally t, again;
	char what[400];

	tree_scenario_draw(&s, seed);
	tree_run(&s, options.sabotage, &t, what, sizeof(what));
	/* A seed now and then is run twice: it must be the same run to the last bit. */
	if (!what[0] && seed % 64 == 0) {
		tree_run(&s, options.sabotage, &again, what, sizeof(what));
		if (!what[0] && again.hash != t.hash)
			snprintf(what, sizeof(what), "two runs of this seed differ");
	}
	if (options.verbose) {
		tree_scenario_print(&s, stdout);
		print_tally("\n ", &t);
	}
	add(sum, &t);
	if (what[0])
		report(&s, what);
	return !what[0];
}

static int run_seeds(uint64_t first, uint64_t n)
{
	struct tree_tally sum = {.odata = 0};
	uint64_t failed = 0;

	for (uint64_t seed = first; seed < first + n; seed++)
		failed += !run_seed(seed, &sum);
	print_tally("in all", &sum);
	printf("%" PRIu64 " seeds from %" PRIu64 " on: %" PRIu64 " failed\n", n, first, failed);
	return failed ? 1 : 0;
}

/* Who loses what: all receivers the same, those of a subnet the same, or each its own; and how far
 * the source is. Where it answers before the receivers' back-off is over, one subnet has its repair
 * before the next has asked, so that it is one NAK for each subnet at most. */
static const struct {
	const char *name;
	uint32_t up, subnet, own;
	uint64_t up_ns;
	double most; /* that may be asked of the source for each packet lost */
} losses[] = {
	{"shared by all", 50000, 0, 0, 30 * MS, 1.2},
	{"shared by a subnet", 0, 50000, 0, 30 * MS, 1.2},
	{"each its own", 0, 0, 5000, 30 * MS, 1.2},
	{"shared, source near", 50000, 0, 0, 2 * MS, FIGURE_SUBNETS},
};

static void run_figure(unsigned loss, unsigned receivers, bool element, struct tree_tally *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (uint64_t seed = 1; seed <= FIGURE_SEEDS; seed++) {
		struct tree_scenario s = {.seed = seed,
					  .element = element,
					  .subnets = FIGURE_SUBNETS,
					  .receivers = receivers,
					  .messages = 200,
					  .interval_ns = 5 * MS,
					  .up_ns = losses[loss].up_ns,
					  .down_ns = MS / 2,
					  .up_loss = losses[loss].up,
					  .subnet_loss = losses[loss].subnet,
					  .own_loss = losses[loss].own,
					  .ample = true,
					  .txw_sqns = 256,
					  .element_repairs = 1024};
		struct tree_tally t;
		char what[400];

		tree_run(&s, false, &t, what, sizeof(what));
		if (what[0])
			report(&s, what);
		add(sum, &t);
	}
}

static double per(uint64_t n, uint64_t of)
{
	return of ? (double)n / (double)of : 0.0;
}

static int print_figures(void)
{
	int failed = 0;

	printf("For each packet lost to somebody: NAKs at the source (and packets asked for by "
	       "them),\nrepairs on subnets that had not asked. %u subnets.\n",
	       FIGURE_SUBNETS);
	for (unsigned loss = 0; loss < sizeof(losses) / sizeof(losses[0]); loss++) {
		for (unsigned receivers = 1; receivers <= TREE_RECEIVERS; receivers *= 4) {
			struct tree_tally with, without;

			run_figure(loss, receivers, true, &with);
			run_figure(loss, receivers, false, &without);
			printf("loss %-19s %3u receivers: element %5.2f (%5.2f) %5.2f, switch "
			       "%6.2f (%6.2f) %5.2f; lost %" PRIu64 " of %" PRIu64 "\n",
			       losses[loss].name, receivers * FIGURE_SUBNETS,
			       per(with.naks_up, with.lost), per(with.asked_up, with.lost),
			       per(with.unasked, with.lost), per(without.naks_up, without.lost),
			       per(without.asked_up, without.lost),
			       per(without.unasked, without.lost), with.lost, with.odata);
			failed += !with.lost || with.unasked ||
				  per(with.asked_up, with.lost) > losses[loss].most;
		}
	}
	printf("%d rows are worse than they may be\n", failed);
	return failed ? 1 : 0;
}

static void usage(void)
{
	fprintf(stderr,
		"usage: %s [--seeds N] [--first S] [--seed S] [--verbose] [--sabotage] "
		"[--figures]\n",
		options.program);
	exit(2);
}

int main(int argc, char **argv)
{
	uint64_t first = 0, seeds = SEEDS_DEFAULT;
	bool figures = false;

	options.program = argv[0];
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (!strcmp(argv[i], "--verbose")) {
			options.verbose = true;
			continue;
		}
		if (!strcmp(argv[i], "--sabotage")) {
			options.sabotage = true;
			continue;
		}
		if (!strcmp(argv[i], "--figures")) {
			figures = true;
			continue;
		}
		if (!value)
			usage();
		if (!strcmp(argv[i], "--seeds"))
			seeds = strtoull(value, NULL, 0);
		else if (!strcmp(argv[i], "--first"))
			first = strtoull(value, NULL, 0);
		else if (!strcmp(argv[i], "--seed"))
			first = strtoull(value, NULL, 0), seeds = 1;
		else
			usage();
		i++;
	}
	return figures ? print_figures() : run_seeds(first, seeds);
}
