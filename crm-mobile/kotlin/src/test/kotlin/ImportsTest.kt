package org.crmcore

import org.crmcore.model.ActivityColumns
import org.crmcore.model.ActivityPreset
import org.crmcore.model.AssociationColumns
import org.crmcore.model.AssociationPreset
import org.crmcore.model.BadCells
import org.crmcore.model.ColumnMapping
import org.crmcore.model.ColumnRule
import org.crmcore.model.CrmException
import org.crmcore.model.CsvDialect
import org.crmcore.model.DefineActivityPreset
import org.crmcore.model.DefineAssociationPreset
import org.crmcore.model.ImportMode
import org.crmcore.model.ImportSource
import org.crmcore.model.ImportState
import org.crmcore.model.LeftItem
import org.crmcore.model.PlanImport
import org.crmcore.model.RowDecision
import org.crmcore.model.SourceFormat
import org.crmcore.model.Value
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class ImportsTest {
    private val crm = Crm.open(":memory:")
    private val columns = columnsOf("E-mail" to "email", "Name" to "family_name")

    @AfterEach
    fun close() = crm.close()

    private fun plan(text: String) = crm.imports.planCsv("contact", columns, text = text, key = listOf("email"))

    @Test
    fun `a plan says what would become of each row and writes nothing`() {
        val ann = crm.contacts.create("email" to "ann@example.org", "family_name" to "Ann")
        val plan = plan("E-mail,Name\nann@example.org,Anna\nben@example.org,Ben\nno mail,Cid\n")
        assertEquals(listOf(1uL, 1uL, 1uL), listOf(plan.update, plan.create, plan.error))
        val (update, create, error) = crm.imports.rows(plan).toList()
        assertEquals(RowDecision.UPDATE to ann.id, update.decision to update.id)
        assertEquals(Value.Text("Ann") to Value.Text("Anna"), update.changes.single().let { it.old to it.new })
        assertEquals(RowDecision.CREATE to null, create.decision to create.id)
        assertEquals("E-mail", error.problems.single().column)
        assertEquals(listOf(3uL), crm.imports.rows(plan, RowDecision.ERROR, pageSize = 1).map { it.row }.toList())
        assertEquals(1L, crm.contacts.count())
    }

    @Test
    fun `columns make associations and activities, once`() {
        crm.defineAssociationPreset(DefineAssociationPreset(AssociationPreset.EMPLOYED_BY))
        crm.defineActivityPreset(DefineActivityPreset(ActivityPreset.CALL))
        val works = AssociationColumns("employed_by", "Company", "company", by = "name", createMissing = true)
        val called = ActivityColumns("call", listOf(ColumnMapping("Called", "at"), ColumnMapping("Minutes", "minutes")))
        val text = "E-mail,Name,Company,Called,Minutes\nann@example.org,Ann,Acme,2025-01-31T12:00:00Z,3\n"
        fun plan() = crm.imports.planCsv(
            "contact", columns, text = text, key = listOf("email"), associations = listOf(works), activities = listOf(called),
        )
        val plan = plan()
        assertEquals(listOf(1uL, 1uL, 1uL), listOf(plan.associations, plan.activities, plan.others))
        val row = crm.imports.rows(plan).single()
        assertEquals(1uL, row.associations.single().newRow)
        assertEquals(Value.Integer(3), row.activities.single().properties["minutes"])
        val run = crm.imports.apply(plan)
        assertEquals(listOf(0uL, 0uL), plan().let { listOf(it.associations, it.activities) })
        val report = crm.imports.revert(run.import.id)
        assertEquals(listOf(2uL, 1uL), listOf(report.archived, report.associations))
        assertEquals(LeftItem.ACTIVITY, report.left.single().item)
    }

    @Test
    fun `an import is applied, remembered and taken back`() {
        val run = crm.imports.apply(plan("E-mail,Name\nann@example.org,Ann\nben@example.org,Ben\n"))
        assertEquals(ImportState.FINISHED to 2uL, run.import.state to run.import.created)
        val ben = crm.contacts.getBy("email", "ben@example.org")
        crm.actingAs("user:eve", null).use { it.contacts.patch(ben.id, "given_name" to "Benjamin") }
        val report = crm.imports.revert(run.import.id)
        assertEquals(listOf(1uL, 1uL), listOf(report.archived, report.leftCount))
        assertEquals(listOf(ben.id, "given_name", "user:eve"), report.left.single().let { listOf(it.id, it.attribute, it.actor) })
        assertEquals(ImportState.REVERTED, crm.imports[run.import.id].state)
        assertEquals(listOf(run.import.id), crm.imports.iterate(pageSize = 1).map { it.id }.toList())
    }

    @Test
    fun `a plan that is not true any more is refused`() {
        val plan = plan("E-mail,Name\nann@example.org,Ann\n")
        crm.contacts.create("family_name" to "Eve")
        assertEquals("plan", assertThrows(CrmException.StaleVersion::class.java) { crm.imports.apply(plan) }.field)
        assertEquals(1L, crm.contacts.count())
    }

    @Test
    fun `an import that was cancelled goes on where it stopped`() {
        val text = (1..12_000).joinToString("\n", "name\n", "\n") { "Company $it" }
        val names = listOf(ColumnMapping("name", "name"))
        val cut = crm.imports.apply(crm.imports.planCsv("company", names, text = text)) { false }
        assertEquals(ImportState.UNFINISHED, cut.import.state)
        assertTrue(crm.companies.count() < 12_000)
        val run = crm.imports.resume(cut.import.id, crm.imports.planCsv("company", names, text = text))
        assertEquals(12_000uL to 12_000L, run.import.created to crm.companies.count())
    }

    @Test
    fun `a column has a rule, and JSON lines are rows`() {
        crm.contacts.create("email" to "ann@example.org", "family_name" to "Ann")
        val kept = listOf(columns[0], ColumnMapping("home.city", "address.city"), columns[1].copy(rule = ColumnRule.KEEP))
        val text = """{"E-mail": "ann@example.org", "Name": "X", "home": {"city": "Ulm"}}"""
        crm.imports.apply(crm.imports.planJsonLines("contact", kept, text = text, key = listOf("email")))
        val ann = crm.contacts.getBy("email", "ann@example.org")
        assertEquals("Ann", ann.string("family_name"))
        assertEquals("Ulm", (ann.values["address"] as Value.Address).v1.city)
    }

    @Test
    fun `a table is a file too, and Arrow is for other languages`() {
        val file = kotlin.io.path.createTempFile("people", ".csv").toFile()
        try {
            file.writeText("E-mail;Name\nann@example.org;Ann\n")
            val plan = crm.imports.planCsv("contact", columns, path = file.path, dialect = CsvDialect(delimiter = ";"))
            assertEquals(1uL, plan.create)
            file.writeText("""{"E-mail": "ann@example.org", "Name": "Ann"}""")
            assertEquals(1uL, crm.imports.planJsonLines("contact", columns, path = file.path).create)
            val source = ImportSource(SourceFormat.ARROW, file.path, null, CsvDialect())
            val arrow = PlanImport("contact", source, columns, ImportMode.CREATE, badCells = BadCells.REJECT_ROW)
            val refused = assertThrows(CrmException.InvalidArgument::class.java) { crm.planImport(arrow, null) }
            assertEquals("format", refused.field)
        } finally {
            file.delete()
        }
    }

    @Test
    fun `a wrong table is refused by what is wrong with it`() {
        for ((field, plan) in listOf<Pair<String, () -> Any>>(
            "path" to { crm.imports.planCsv("contact", columns) },
            "path" to { crm.imports.planCsv("contact", columns, path = "no such file.csv") },
            "Nam" to { crm.imports.planCsv("contact", columnsOf("Nam" to "family_name"), text = "Name\n") },
            "columns" to { crm.imports.planCsv("contact", columnsOf("" to "family_name"), text = "Name\n") },
        )) {
            val message = assertThrows(CrmException::class.java) { plan() }.message.orEmpty()
            assertTrue("field=$field," in message, message)
        }
    }
}
