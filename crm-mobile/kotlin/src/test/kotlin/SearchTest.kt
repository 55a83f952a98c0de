package org.crmcore

import java.time.Instant
import org.crmcore.model.CrmException
import org.crmcore.model.DefineActivityKind
import org.crmcore.model.Kind
import org.crmcore.model.NewActivity
import org.crmcore.model.RecordRef
import org.crmcore.model.SearchItem
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Test

class SearchTest {
    private val crm = Crm.open(":memory:")
    private val books = crm.records("book")

    @AfterEach
    fun close() = crm.close()

    @Test
    fun `words phrases and beginnings are found`() {
        crm.defineType("book", attribute("title", Kind.TEXT, searched = true), attribute("text", Kind.LONG_TEXT, searched = true))
        val emma = books.create("title" to "Emma", "text" to "Miss Woodhouse of Highbury")
        books.create("title" to "Persuasion", "text" to "Miss Elliot")
        val page = crm.search("EMMA wood", prefix = true)
        assertEquals(listOf(emma.id), page.hits.map { it.record?.id })
        assertEquals("title", page.hits[0].attribute)
        assertEquals("[Emma]", page.hits[0].snippet.marked("[", "]"))
        assertEquals(0, crm.search("emma wood").hits.size)
        assertEquals(1, crm.search("\"miss woodhouse\"").hits.size)
        val first = crm.search("miss", limit = 1)
        val second = crm.search("miss", limit = 1, after = first.next)
        assertEquals(2, (first.hits + second.hits).map { it.record?.id }.toSet().size)
        assertNull(second.next)
        assertThrows(CrmException.InvalidArgument::class.java) { crm.search("-") }
    }

    @Test
    fun `activities are found`() {
        val ann = crm.contacts.create("given_name" to "Ann")
        crm.defineActivityKind(DefineActivityKind("talk", properties = listOf(attribute("memo", Kind.TEXT, searched = true))))
        val at = Instant.parse("2025-01-31T12:00:00Z")
        val subject = RecordRef("contact", ann.id)
        crm.recordActivity(NewActivity("talk", at, subject = subject, properties = mapOf("memo" to valueOf("Müller called"))))
        val hit = crm.search("muller", items = listOf(SearchItem.ACTIVITY)).hits.single()
        assertEquals(subject, hit.record)
        assertEquals(at, hit.activity?.at)
        assertEquals("[Müller] called", hit.snippet.marked("[", "]"))
    }
}
