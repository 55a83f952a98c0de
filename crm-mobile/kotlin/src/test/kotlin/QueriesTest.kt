package org.crmcore

import java.time.Instant
import org.crmcore.model.Archived
import org.crmcore.model.Bucket
import org.crmcore.model.CrmException
import org.crmcore.model.FieldOrder
import org.crmcore.model.GroupKey
import org.crmcore.model.GroupMeasure
import org.crmcore.model.Kind
import org.crmcore.model.Money
import org.crmcore.model.NewActivity
import org.crmcore.model.DefineActivityPreset
import org.crmcore.model.ActivityPreset
import org.crmcore.model.RecordRef
import org.crmcore.model.SelectColumn
import org.crmcore.model.SelectRows
import org.crmcore.model.Value
import org.crmcore.model.ViewAnswer
import org.crmcore.model.ViewQuery
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.BeforeEach
import org.junit.jupiter.api.Test

class QueriesTest {
    private val crm = Crm.open(":memory:")
    private val sales = crm.records("sale")

    @BeforeEach
    fun define() {
        crm.defineType(
            "sale",
            attribute("agent", Kind.TEXT),
            attribute("product", Kind.TEXT),
            attribute("won", Kind.CHECKBOX),
            attribute("closed", Kind.DATE),
            attribute("buyer", Kind.REFERENCE, target = "company"),
        )
        val acme = crm.companies.create("name" to "Acme")
        sales.create("agent" to "Ann", "product" to "chair", "won" to true, "closed" to "2024-12-31", "buyer" to acme)
        sales.create("agent" to "Ann", "product" to "chair", "won" to false, "closed" to "2025-01-31", "buyer" to acme)
        sales.create("agent" to "Bob", "product" to "table", "won" to true, "closed" to "2025-01-01", "buyer" to acme)
    }

    @AfterEach
    fun close() = crm.close()

    @Test
    fun `columns are of the record and of related ones`() {
        val page = sales.select(
            SelectColumn("agent"),
            SelectColumn("name", related = "buyer", name = "buyer"),
            where = "won = true",
            order = listOf(FieldOrder("agent", descending = true)),
            limit = 1,
        )
        assertEquals(listOf(mapOf("agent" to Value.Text("Bob"), "buyer" to Value.Text("Acme"))), page.toMaps())
        val rest = sales.selectAll(SelectColumn("agent"), order = listOf(FieldOrder("agent")), pageSize = 2)
        assertEquals(listOf("Ann", "Ann", "Bob").map { listOf(Value.Text(it)) }, rest.toList())
    }

    @Test
    fun `the last purchase and the sum of twelve months`() {
        crm.defineActivityPreset(DefineActivityPreset(ActivityPreset.PURCHASE))
        val acme = crm.companies.list().records.single()
        val day = Instant.parse("2025-03-01T00:00:00Z")
        val subject = RecordRef("company", acme.id)
        crm.recordActivity(NewActivity("purchase", day, subject = subject, amount = Money("7.50", "EUR")))
        val page = crm.companies.select(
            SelectColumn(event = "purchase", last = "at"),
            SelectColumn(event = "purchase", within = "P12M", sum = "amount", currency = "EUR"),
            at = Instant.parse("2026-01-01T00:00:00Z"),
        )
        assertEquals(listOf(listOf(Value.Text("2025-03-01T00:00:00Z"), Value.Money(Money("7.50", "EUR")))), page.rows)
    }

    @Test
    fun `groups come by pages`() {
        val months = listOf(GroupKey("closed", Bucket.MONTH))
        val counts = listOf(GroupMeasure(count = true))
        val expected = listOf("2024-12-01" to 1L, "2025-01-01" to 2L).map { listOf(Value.Text(it.first), Value.Integer(it.second)) }
        assertEquals(expected, sales.group(months, counts).rows)
        assertEquals(expected, sales.groupAll(months, counts, pageSize = 1).toList())
    }

    @Test
    fun `a view is kept under its name`() {
        val won = SelectRows("sale", "won = true", listOf(SelectColumn("agent")), archived = Archived.EXCLUDE)
        val saved = crm.saveView("won", ViewQuery.Select(won), label = "Won")
        assertEquals(listOf(saved), crm.listViews())
        // A condition comes back as JSON, whatever it was written as.
        val kept = won.copy(condition = """{"field":"won","op":"eq","value":true}""")
        assertEquals("Won" to ViewQuery.Select(kept), saved.label to saved.query)
        val page = (crm.runView("won", limit = 1) as ViewAnswer.Rows).v1
        val rest = (crm.runView("won", after = page.next) as ViewAnswer.Rows).v1
        assertEquals(listOf("Ann", "Bob").map { listOf(Value.Text(it)) }, page.rows + rest.rows)
    }

    @Test
    fun `a pivot has totals over the records`() {
        val won = GroupMeasure(share = "won = true")
        val table = sales.pivot(listOf(GroupKey("product")), listOf(GroupKey("agent")), won)
        assertEquals(listOf(listOf(Value.Text("chair")), listOf(Value.Text("table"))), table.rowLabels)
        assertEquals(Value.Real(0.5), table.cells[0][0].value)
        assertEquals(listOf(2L, 3L), listOf(table.total.numerator, table.total.denominator))
        assertThrows(CrmException.UnknownAttribute::class.java) { sales.select(SelectColumn("agnet")) }
    }
}
