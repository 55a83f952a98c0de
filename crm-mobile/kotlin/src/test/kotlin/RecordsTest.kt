package org.crmcore

import org.crmcore.model.Archived
import org.crmcore.model.ChangeKind
import org.crmcore.model.AuditRule
import org.crmcore.model.CrmException
import org.crmcore.model.Kind
import org.crmcore.model.Order
import org.crmcore.model.Outcome
import org.crmcore.model.Value
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.BeforeEach
import org.junit.jupiter.api.Test

class RecordsTest {
    private val crm = Crm.open(":memory:")
    private val books = crm.records("book")

    @BeforeEach
    fun define() {
        crm.defineType(
            "book",
            attribute("isbn", Kind.TEXT, unique = true, length = 13),
            attribute("title", Kind.TEXT, required = true),
            attribute("year", Kind.INTEGER, index = true, minimum = 1450),
        )
    }

    @AfterEach
    fun close() = crm.close()

    @Test
    fun `a record is read as it was written`() {
        val emma = books.create("isbn" to "9780141439587", "title" to "Emma", "year" to 1815)
        assertEquals(emma, books[emma.id])
        assertEquals(emma, books.getBy("isbn", "9780141439587"))
        assertEquals(emma, books.find("isbn", "9780141439587"))
        assertEquals("Emma", emma.string("title"))
        assertEquals(1815L, emma.long("year"))
        assertEquals(1L, emma.version)
        assertEquals("book", emma.entityType)
    }

    @Test
    fun `what is not there is an error, or null where null is asked for`() {
        assertThrows(CrmException.NotFound::class.java) { books.getBy("isbn", "1") }
        assertThrows(CrmException.NotFound::class.java) { books["0197f0c0-1c00-7000-8000-000000000001"] }
        assertNull(books.find("isbn", "1"))
        assertThrows(CrmException.UnknownType::class.java) { crm.records("boook").count() }
    }

    @Test
    fun `several records come in the order of their keys`() {
        val emma = books.create("isbn" to "1", "title" to "Emma")
        val sanditon = books.create("isbn" to "2", "title" to "Sanditon")
        assertEquals(listOf(sanditon, null, emma), books.getMany(listOf("2", "3", "1"), "isbn"))
        assertEquals(listOf(emma, sanditon), books.getMany(listOf(emma, sanditon.id)))
    }

    @Test
    fun `a patch changes what it names, and null clears`() {
        val book = books.create("title" to "Emma", "year" to 1815)
        val patched = books.patch(book.id, "year" to null, "title" to "Emma.")
        assertEquals(mapOf("title" to Value.Text("Emma.")), patched.values)
        assertEquals(2L, patched.version)
    }

    @Test
    fun `a formula keeps its attribute true`() {
        crm.defineType(
            "order",
            attribute("price", Kind.DECIMAL),
            attribute("quantity", Kind.INTEGER),
            attribute("total", Kind.DECIMAL, formula = "price * quantity"),
        )
        val orders = crm.records("order")
        val order = orders.create("price" to "9.99", "quantity" to 3)
        assertEquals("29.97", order.string("total"))
        assertEquals("9.99", orders.patch(order.id, "quantity" to 1).string("total"))
        assertThrows(CrmException.InvalidArgument::class.java) { orders.patch(order.id, "total" to "1") }
    }

    @Test
    fun `a patch of a record that changed since is refused`() {
        val read = books.create("title" to "Emma")
        books.patch(read, "year" to 1815)
        assertThrows(CrmException.StaleVersion::class.java) { books.patch(read, "year" to 1816) }
        assertEquals(1815L, books[read.id].long("year"))
    }

    @Test
    fun `archived records are left out, and come back`() {
        val book = books.create("title" to "Emma")
        assertNotNull(books.archive(book.id).archivedAt)
        assertEquals(listOf(0L, 1L, 1L), Archived.entries.map { books.count(archived = it) })
        assertNull(books.restore(book.id, expectedVersion = 2).archivedAt)
        assertEquals(1L, books.count())
    }

    @Test
    fun `an upsert creates, changes, or leaves as it is`() {
        val outcomes = listOf("Emma", "Emma.", "Emma.").map { books.upsert("isbn", "isbn" to "1", "title" to it).outcome }
        assertEquals(listOf(Outcome.CREATED, Outcome.UPDATED, Outcome.UNCHANGED), outcomes)
        assertEquals(1L, books.count())
    }

    @Test
    fun `a list is filtered, ordered and paged`() {
        for (number in 1..25) books.create("title" to "Book $number", "year" to 1800 + number % 5)
        val order = Order("year", descending = true)
        val page = books.list(filter = mapOf("year" to 1803), order = order, limit = 3)
        assertEquals(listOf(1803L, 1803L, 1803L), page.records.map { it.long("year") })
        assertNotNull(page.next)
        assertEquals(5L, books.count(mapOf("year" to 1803)))
        val years = books.iterate(order = order, pageSize = 4).map { it.long("year")!! }.toList()
        assertEquals(25, years.size)
        assertEquals(years.sortedDescending(), years)
        assertEquals(25, books.iterate(pageSize = 5).map { it.id }.toSet().size)
    }

    @Test
    fun `the history says what, who and why`() {
        val book = books.create("title" to "Emma", "year" to 1815)
        val ann = crm.actingAs("user:ann", "typo")
        ann.records("book").patch(book.id, "year" to 1816)
        val history = books.history(book.id, pageSize = 1).toList()
        assertEquals(listOf(ChangeKind.RECORD_CREATED, ChangeKind.RECORD_PATCHED), history.map { it.kind })
        assertEquals(listOf("host" to null, "user:ann" to "typo"), history.map { it.actor to it.cause })
        assertEquals(mapOf("year" to Value.Integer(1816)), history.last().values)
        assertEquals(1, books.history(book.id, "title").count())
    }

    @Test
    fun `the types of a new file serve at once`() {
        assertEquals(listOf("company", "contact", "deal"), crm.listTypes().map { it.name }.filter { it != "book" }.sorted())
        val acme = crm.companies.create("name" to "Acme")
        assertEquals("Acme", crm.companies[acme.id].string("name"))
        assertEquals(0L, crm.deals.count())
    }

    @Test
    fun `an audit finds a name that is misspelt`() {
        repeat(5) { crm.companies.create("name" to "Acme $it", "industry" to "technology") }
        val wrong = crm.companies.create("name" to "Bolt", "industry" to "technolgy")
        val finding = crm.companies.audit().findings.single { it.rule == AuditRule.SPELLING }
        assertEquals("technology", finding.expected)
        assertEquals(listOf(wrong.id), finding.examples)
        assertThrows(CrmException.Interrupted::class.java) { crm.companies.audit { false } }
    }
}
