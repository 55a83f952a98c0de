package org.crmcore

import java.nio.file.Path
import java.time.LocalDate
import kotlin.io.path.readText
import kotlin.io.path.writeText
import org.crmcore.model.ColumnMapping
import org.crmcore.model.CrmException
import org.crmcore.model.CsvDialect
import org.crmcore.model.ImportMode
import org.crmcore.model.Kind
import org.crmcore.model.Progress
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.BeforeEach
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

class CsvTest {
    @TempDir
    lateinit var folder: Path

    private val crm = Crm.open(":memory:")
    private val books = crm.records("book")
    private val columns = listOf(ColumnMapping("ISBN", "isbn"), ColumnMapping("Title", "title"))

    @BeforeEach
    fun define() {
        crm.defineType(
            "book",
            attribute("isbn", Kind.TEXT, unique = true),
            attribute("title", Kind.TEXT, required = true),
            attribute("published", Kind.DATE),
        )
    }

    @AfterEach
    fun close() = crm.close()

    @Test
    fun `a table becomes records, and what does not fit is reported`() {
        val report = books.importCsv(
            columns + ColumnMapping("Published", "published", format = "%d.%m.%Y"),
            text = "ISBN;Title;Published\n1;Emma;23.12.1815\n2;Sanditon;soon\n",
            dialect = CsvDialect(delimiter = ";"),
        )
        assertEquals(listOf(2uL, 1uL, 1uL), listOf(report.rows, report.created, report.rejected))
        assertEquals(listOf(2uL to "Published"), report.problems.map { it.row to it.column })
        assertEquals(LocalDate.of(1815, 12, 23), books.getBy("isbn", "1").localDate("published"))
    }

    @Test
    fun `an import may change what is there`() {
        books.create("isbn" to "1", "title" to "Ema")
        val report = books.importCsv(columns, text = "ISBN,Title\n1,Emma\n2,Sanditon\n", mode = ImportMode.UPSERT, key = "isbn")
        assertEquals(listOf(1uL, 1uL), listOf(report.created, report.updated))
        assertEquals("Emma", books.getBy("isbn", "1").string("title"))
    }

    @Test
    fun `what is exported can be imported`() {
        books.create("isbn" to "1", "title" to "\"Emma\", a novel\nin three volumes", "published" to LocalDate.of(1815, 12, 23))
        val path = folder.resolve("books.csv")
        assertEquals(1uL, books.exportCsv(path.toString(), attributes = listOf("isbn", "title", "published")).rows)
        assertEquals(path.readText(), books.exportCsv(attributes = listOf("isbn", "title", "published")).text)
        crm.defineType("copy", *crm.listTypes().single { it.name == "book" }.attributes.toTypedArray())
        val proposal = crm.records("copy").proposeMapping(path.toString())
        assertEquals(emptyList<String>(), proposal.unmapped)
        crm.records("copy").importCsv(proposal.columns, path.toString())
        assertEquals(books.iterate().map { it.values }.toList(), crm.records("copy").iterate().map { it.values }.toList())
    }

    @Test
    fun `a long import tells its progress and can be cancelled`() {
        val path = table(60_000)
        val told = mutableListOf<Progress>()
        val report = books.importCsv(columns, path) { told += it; false }
        assertTrue(report.isCancelled)
        assertEquals(1, told.size)
        assertTrue(told.single().done <= told.single().total!!)
        assertEquals(report.created.toLong(), books.count())
        assertTrue(books.count() < 60_000)
    }

    @Test
    fun `what a listener throws cancels the import and comes out of it`() {
        val path = table(60_000)
        val error = assertThrows(IllegalStateException::class.java) {
            books.importCsv(columns, path, allOrNothing = true) { error("from the listener") }
        }
        assertEquals("from the listener", error.message)
        assertEquals(0L, books.count())
    }

    @Test
    fun `a table needs a place to be read from`() {
        assertThrows(CrmException.InvalidArgument::class.java) { books.importCsv(columns) }
        assertThrows(CrmException.Io::class.java) { books.importCsv(columns, folder.resolve("none.csv").toString()) }
        assertFalse(books.iterate().any())
    }

    private fun table(rows: Int): String {
        val path = folder.resolve("large.csv")
        path.writeText((1..rows).joinToString("\n", "ISBN,Title\n", "\n") { "$it,Book number $it" })
        return path.toString()
    }
}
