package org.crmcore

import java.nio.file.Path
import kotlin.io.path.readText
import org.crmcore.model.CardMapping
import org.crmcore.model.CardVersion
import org.crmcore.model.CrmException
import org.crmcore.model.Kind
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

class VcardTest {
    @TempDir
    lateinit var folder: Path

    private val crm = Crm.open(":memory:")
    private val contacts = crm.records("contact")

    private fun card(vararg lines: String): String =
        lines.joinToString("\n", "BEGIN:VCARD\nVERSION:3.0\n", "\nEND:VCARD\n")

    @AfterEach
    fun close() = crm.close()

    @Test
    fun `a card becomes a record, and what does not fit is reported`() {
        crm.defineType("contact", attribute("vcard", Kind.LONG_TEXT))
        val text = card("N:Byron;Ada", "EMAIL:ada@example.org", "BDAY:soon", "ORG:Acme", "X-SHOE-SIZE:38")
        val report = contacts.importVcard(text = text, createMissing = true)
        assertEquals(listOf(1uL to "BDAY"), report.problems.map { it.row to it.column })
        val ada = contacts.getBy("email", "ada@example.org")
        assertEquals("Byron", ada.string("family_name"))
        assertTrue("X-SHOE-SIZE:38" in ada.string("vcard")!!.lines())
        val path = folder.resolve("out.vcf")
        contacts.exportVcard(path.toString(), CardVersion.V4)
        assertTrue("X-SHOE-SIZE:38" in path.readText().lines())
    }

    @Test
    fun `a mapping names the property and its type`() {
        crm.defineType("person", attribute("name", Kind.TEXT), attribute("mobile", Kind.PHONE))
        val people = crm.records("person")
        val mapping = listOf(CardMapping("fn", attribute = "name"), CardMapping("tel", label = "cell", attribute = "mobile"))
        people.importVcard(text = card("FN:Ann", "TEL;TYPE=WORK:+4930123456", "TEL;TYPE=CELL:+491511234567"), mapping = mapping)
        assertEquals("+491511234567", people.iterate().single().string("mobile"))
    }

    @Test
    fun `a listener cancels, and cards need a place to be read from`() {
        val cards = (1..1200).joinToString("") { card("N:N$it") }
        assertTrue(contacts.importVcard(text = cards) { false }.isCancelled)
        assertEquals(500L, contacts.count())
        assertEquals("path", assertThrows(CrmException.InvalidArgument::class.java) { contacts.importVcard() }.field)
    }
}
