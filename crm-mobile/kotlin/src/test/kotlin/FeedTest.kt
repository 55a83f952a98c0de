package org.crmcore

import kotlinx.serialization.json.Json
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import org.crmcore.model.CrmException
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Test

class FeedTest {
    private val crm = Crm.open(":memory:")
    private val feed = crm.feed("queue")

    @AfterEach
    fun close() = crm.close()

    @Test
    fun `what is not acknowledged comes again`() {
        val start = crm.stats().changes.toLong()
        feed.acknowledge(start)
        val ids = listOf("One", "Two").map { crm.companies.create("name" to it).id }
        assertEquals(ids, feed.map { it.recordId }.toList())
        feed.acknowledge(feed.first())
        assertEquals(ids.drop(1), feed.map { it.recordId }.toList())
        assertEquals(listOf(1uL), crm.listConsumers().map { it.lag })
        assertThrows(CrmException.StaleVersion::class.java) { feed.acknowledge(start) }
        feed.remove()
        assertEquals(1L, feed.first().seq)
    }

    @Test
    fun `an event is its JSON`() {
        feed.acknowledge(crm.stats().changes.toLong())
        val acme = crm.companies.create("name" to "Acme")
        val page = feed.events()
        val event = Json.parseToJsonElement(page.events.single()).jsonObject
        assertEquals("crm.record.created", event.getValue("type").jsonPrimitive.content)
        assertEquals("company/${acme.id}", event.getValue("subject").jsonPrimitive.content)
        assertEquals(0uL, feed.acknowledge(page.next).lag)
    }
}
