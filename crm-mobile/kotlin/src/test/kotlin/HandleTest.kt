package org.crmcore

import java.nio.file.Path
import kotlin.io.path.writeText
import kotlin.io.path.readText
import org.crmcore.model.CrmException
import org.crmcore.model.Durability
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

class HandleTest {
    @TempDir
    lateinit var folder: Path

    private val path get() = folder.resolve("acme.crm").toString()

    @Test
    fun `a file is there again after closing`() {
        val id = Crm.open(path) { it.contacts.create("email" to "ann@example.org").id }
        Crm.open(path, durability = Durability.RELAXED).use { crm ->
            assertEquals("ann@example.org", crm.contacts[id].string("email"))
        }
    }

    @Test
    fun `a closed handle says so, however often it is closed`() {
        val crm = Crm.open(path)
        val ann = crm.actingAs("user:ann")
        crm.close()
        crm.close()
        assertThrows(CrmException.Closed::class.java) { crm.contacts.count() }
        assertThrows(CrmException.Closed::class.java) { ann.contacts.count() }
        crm.interrupt()
    }

    @Test
    fun `a released handle is an exception and not a crash`() {
        val crm = Crm.open(path)
        crm.destroy()
        crm.destroy()
        assertThrows(IllegalStateException::class.java) { crm.contacts.count() }
        Crm.open(path) { assertEquals(0L, it.contacts.count()) }
    }

    @Test
    fun `closing the handle of an actor leaves the file open`() = Crm.open(path) { crm ->
        crm.actingAs("user:ann", "import").use { it.contacts.create("email" to "ann@example.org") }
        assertEquals(1L, crm.contacts.count())
        assertEquals("user:ann", crm.changes().last().actor)
    }

    @Test
    fun `a file has one engine at a time`() = Crm.open(path) {
        assertThrows(CrmException.InUse::class.java) { Crm.open(path) }
        Unit
    }

    @Test
    fun `a file of somebody else is refused and left as it is`() {
        val other = folder.resolve("letter.txt").apply { writeText("Dear Ann, ".repeat(100)) }
        assertThrows(CrmException.NotOurFile::class.java) { Crm.open(other.toString()) }
        assertEquals("Dear Ann, ".repeat(100), other.readText())
    }

    @Test
    fun `a file that is opened for reading is not written`() {
        Crm.open(path) { it.contacts.create("email" to "ann@example.org") }
        Crm.open(path, readOnly = true).use { crm ->
            assertEquals(1L, crm.contacts.count())
            assertThrows(CrmException.ReadOnly::class.java) { crm.contacts.create("email" to "bob@example.org") }
        }
    }

    @Test
    fun `options that make no sense are refused`() {
        assertEquals("actor", assertThrows(CrmException.InvalidArgument::class.java) { Crm.open(path, actor = "") }.field)
        assertThrows(IllegalArgumentException::class.java) { Crm.open(path, maxBytes = -1) }
        Crm.open(path) { crm ->
            assertEquals("cause", assertThrows(CrmException.InvalidArgument::class.java) { crm.actingAs("a", "") }.field)
        }
    }
}
