package org.crmcore

import java.time.Instant
import org.crmcore.conditions.field
import org.crmcore.model.ActivityPreset
import org.crmcore.model.Bucket
import org.crmcore.model.CrmException
import org.crmcore.model.DefineActivityPreset
import org.crmcore.model.ErrorKind
import org.crmcore.model.GroupKey
import org.crmcore.model.GroupMeasure
import org.crmcore.model.NewActivity
import org.crmcore.model.RecordRef
import org.crmcore.model.SelectColumn
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Test

/** What a caller gets who asks the wrong thing: the kind of the error, and the field that it is about. */
class WrongInputTest {
    private val crm = Crm.open(":memory:")
    private val contacts = crm.contacts

    @AfterEach
    fun close() = crm.close()

    private fun refused(kind: ErrorKind, field: String?, call: () -> Unit) {
        val error = assertThrows(CrmException::class.java) { call() }
        assertEquals(kind to field, error.kind() to parts(error)[1], error.toString())
    }

    @Test
    fun `a query names what it cannot do`() {
        refused(ErrorKind.UNKNOWN_ATTRIBUTE, "columns[0].field") { contacts.select(SelectColumn("emial")) }
        refused(ErrorKind.INVALID_ARGUMENT, "columns") { contacts.select() }
        refused(ErrorKind.INVALID_ARGUMENT, "where") { contacts.select(SelectColumn("email"), where = "email = ") }
        refused(ErrorKind.INVALID_ARGUMENT, "limit") { contacts.select(SelectColumn("email"), limit = -1) }
        refused(ErrorKind.INVALID_ARGUMENT, "after") { contacts.select(SelectColumn("email"), after = "zzz") }
        refused(ErrorKind.INVALID_VALUE, "zone") { contacts.select(SelectColumn("email"), zone = "Mars/Olympus") }
        refused(ErrorKind.WRONG_KIND, "by[0].bucket") {
            contacts.group(listOf(GroupKey("email", Bucket.MONTH)), listOf(GroupMeasure(count = true)))
        }
        refused(ErrorKind.INVALID_ARGUMENT, "rows") {
            crm.deals.pivot(emptyList(), emptyList(), GroupMeasure(count = true))
        }
    }

    @Test
    fun `a condition names its leaf`() {
        refused(ErrorKind.UNKNOWN_ATTRIBUTE, "where.field") { contacts.count(where = field("emial") eq "x") }
        refused(ErrorKind.WRONG_KIND, "where.value") { contacts.count(where = field("given_name") gt 7) }
        refused(ErrorKind.INVALID_ARGUMENT, "where.value") { contacts.count(where = field("given_name") matches "(") }
        val deep = "not (".repeat(300) + "email is_set" + ")".repeat(300)
        refused(ErrorKind.LIMIT_EXCEEDED, "where") { contacts.count(where = deep) }
    }

    @Test
    fun `a search needs words of types that are there`() {
        refused(ErrorKind.INVALID_ARGUMENT, "text") { crm.search("\"") }
        refused(ErrorKind.LIMIT_EXCEEDED, "text") { crm.search("x".repeat(2000)) }
        refused(ErrorKind.UNKNOWN_TYPE, "types") { crm.search("x", types = listOf("kontakt")) }
    }

    @Test
    fun `an import needs a table and columns that fit`() {
        refused(ErrorKind.INVALID_ARGUMENT, "path") {
            crm.imports.planCsv("contact", columnsOf("a" to "email"), path = "/no/such/table.csv")
        }
        refused(ErrorKind.INVALID_ARGUMENT, "path") { crm.imports.planCsv("contact", columnsOf("a" to "email")) }
        refused(ErrorKind.UNKNOWN_ATTRIBUTE, "emial") {
            crm.imports.planCsv("contact", columnsOf("a" to "emial"), text = "a\n1\n")
        }
        refused(ErrorKind.INVALID_ARGUMENT, "id") { crm.imports["no id"] }
    }

    @Test
    fun `a moment keeps its microsecond, and one that no year of ours has is refused`() {
        crm.defineActivityPreset(DefineActivityPreset(ActivityPreset.PURCHASE))
        fun recorded(at: Instant): Instant =
            crm.recordActivity(NewActivity(kind = "purchase", visitor = "v", at = at)).activity.at
        for (text in listOf("2026-01-31T12:00:00.123456Z", "1969-12-31T23:59:59.999999Z", "0001-01-01T00:00:00Z")) {
            assertEquals(Instant.parse(text), recorded(Instant.parse(text)))
        }
        assertEquals(Instant.EPOCH.minusNanos(2000), recorded(Instant.EPOCH.minusNanos(1001)))
        for (far in listOf(Instant.MIN, Instant.MAX, Instant.parse("+10000-01-01T00:00:00Z"), Instant.parse("0000-12-31T23:59:59Z"))) {
            refused(ErrorKind.OUT_OF_RANGE, null) { recorded(far) }
        }
    }

    @Test
    fun `values that are none name their attribute`() {
        refused(ErrorKind.INVALID_VALUE, "given_name") { contacts.create("given_name" to "\ud800") }
        refused(ErrorKind.INVALID_VALUE, "given_name") { contacts.create("given_name" to listOf("\udc00x")) }
        val error = assertThrows(IllegalArgumentException::class.java) { contacts.create("city" to Thread.currentThread()) }
        assertEquals("city: no value can be made of java.lang.Thread", error.message)
        assertEquals(0, contacts.count())
        assertEquals("🎈", contacts.create("given_name" to "\ud83c\udf88").string("given_name"))
    }

    @Test
    fun `activities and associations need what they are about`() {
        crm.defineActivityPreset(DefineActivityPreset(ActivityPreset.PURCHASE))
        val future = Instant.parse("2999-01-01T00:00:00Z")
        refused(ErrorKind.OUT_OF_RANGE, "at") { crm.recordActivity(NewActivity(kind = "purchase", visitor = "v", at = future)) }
        refused(ErrorKind.UNKNOWN_TYPE, "kind") { crm.recordActivity(NewActivity(kind = "purchas", visitor = "v", at = Instant.EPOCH)) }
        val nobody = "0197f0c0-1c00-7000-8000-000000000001"
        refused(ErrorKind.UNKNOWN_TYPE, "type") {
            crm.associations.add("employd_by", RecordRef("contact", nobody), RecordRef("company", nobody))
        }
    }
}
