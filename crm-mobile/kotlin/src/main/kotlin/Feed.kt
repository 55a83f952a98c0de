package org.crmcore

import org.crmcore.model.AcknowledgeChanges
import org.crmcore.model.Change
import org.crmcore.model.CloudEventPage
import org.crmcore.model.Consumer
import org.crmcore.model.ConsumerName
import org.crmcore.model.Empty
import org.crmcore.model.ListChanges

/**
 * The changes that a consumer has not acknowledged: `crm.feed("warehouse")`.
 *
 * Walking the sequence begins after what was acknowledged and ends with the present end of the journal.
 * What is not acknowledged comes again, also after a crash: at least once.
 *
 * ```kotlin
 * val feed = crm.feed("warehouse")
 * for (change in feed) {
 *     deliver(change)
 *     feed.acknowledge(change)
 * }
 * ```
 */
class Feed internal constructor(private val crm: Crm, private val consumer: String) : Sequence<Change> {
    override fun iterator(): Iterator<Change> = iterator {
        var page = crm.listChanges(ListChanges(limit = PAGE, consumer = consumer))
        while (page.changes.isNotEmpty()) {
            yieldAll(page.changes)
            page = crm.listChanges(ListChanges(page.next, PAGE))
        }
    }

    /** The first page of the same changes as CloudEvents in JSON; its `next` acknowledges all of them. */
    fun events(limit: Int = 100): CloudEventPage =
        crm.listCloudEvents(ListChanges(limit = limit.toUInt(), consumer = consumer))

    /** Says that the change of place [seq] and all before it are taken. */
    fun acknowledge(seq: Long): Consumer = crm.acknowledgeChanges(AcknowledgeChanges(consumer, seq))

    /** Says that [change] and all before it are taken. */
    fun acknowledge(change: Change): Consumer = acknowledge(change.seq)

    /** Forgets the consumer: whoever reads in its name later begins at the beginning. */
    fun remove() {
        crm.removeConsumer(ConsumerName(consumer))
    }

    private companion object {
        const val PAGE: UInt = 1000u
    }
}

/** The changes that [consumer] has not acknowledged. */
fun Crm.feed(consumer: String): Feed = Feed(this, consumer)

/** The consumers of the changes, and how far behind each is. */
fun Crm.listConsumers(): List<Consumer> = listConsumers(Empty())
