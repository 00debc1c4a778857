/* Subscriptions on their way to control. A poll core forgets what it has relayed, and control may
 * die before it has decided; so the host core keeps each STREAM_SUBS until control has acknowledged
 * it, and sends what is left to the next control. */
#include "dataplane/dataplane.h"

void zl_journal_ack(struct zl_dataplane *d, uint64_t count)
{
	while (!d->adopting && d->journal_acked < count && d->journal.head) {
		zl_letter_free(zl_letter_pop(&d->journal));
		d->journal_acked++;
	}
}

void zl_journal_replay(struct zl_dataplane *d)
{
	struct zl_letter_queue old = d->journal;
	struct zl_letter *letter;

	d->journal = (struct zl_letter_queue){0};
	while ((letter = zl_letter_pop(&old)))
		zl_host_send(d, letter);
}
