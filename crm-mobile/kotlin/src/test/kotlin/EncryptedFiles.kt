package org.crmcore

import java.nio.file.Files
import java.nio.file.Path
import org.crmcore.model.CrmException
import org.crmcore.model.Durability
import org.crmcore.model.OpenOptions
import org.crmcore.model.Progress
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertSame
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/**
 * Encrypted files, of a library with the feature `sqlcipher`. The name is none that is looked for: the step for it
 * asks for this class.
 */
class EncryptedFiles {
    @TempDir
    lateinit var folder: Path

    private val path get() = folder.resolve("acme.crm").toString()

    private fun key(number: Byte): () -> ByteArray = { ByteArray(32) { number } }

    private fun bytes() = Files.readAllBytes(folder.resolve("acme.crm"))

    private fun tells() = String(bytes(), Charsets.ISO_8859_1).let { "q7zneedle" in it || it.startsWith("SQLite") }

    private fun fill() = Crm.openEncrypted(path, key = key(1)).use { crm ->
        crm.contacts.create("given_name" to "q7zneedle", "email" to "ann@example.org")
        Unit
    }

    @Test
    fun `a file opens with its key and with no other`() {
        fill()
        assertFalse(tells())
        val before = bytes()
        assertThrows(CrmException.WrongKey::class.java) { Crm.openEncrypted(path, key = key(2)) }
        assertThrows(CrmException.NotOurFile::class.java) { Crm.open(path) }
        assertArrayEquals(before, bytes())
        Crm.openEncrypted(path, OpenOptions(Durability.FULL, readOnly = true), key(1)).use { crm ->
            assertEquals("q7zneedle", crm.contacts.list().records.single().string("given_name"))
            assertTrue(crm.verify().isOk)
        }
    }

    @Test
    fun `a backup has the key of the file`() {
        fill()
        val copy = folder.resolve("copy.crm").toString()
        Crm.openEncrypted(path, key = key(1)).use { crm -> crm.backupTo(copy) }
        assertThrows(CrmException.WrongKey::class.java) { Crm.openEncrypted(copy, key = key(2)) }
        Crm.openEncrypted(copy, key = key(1)).use { crm -> assertEquals(1L, crm.contacts.count()) }
    }

    @Test
    fun `a key has 32 bytes`() {
        fill()
        for (length in listOf(0, 16, 31, 33)) {
            val short = { ByteArray(length) { 1 } }
            val refused = assertThrows(CrmException.InvalidArgument::class.java) { Crm.openEncrypted(path, key = short) }
            assertEquals("key", refused.field)
            val other = assertThrows(CrmException.InvalidArgument::class.java) { Crm.rekey(path, key(1), short) }
            assertEquals("new_key", other.field)
        }
    }

    @Test
    fun `what a source throws is thrown`() {
        fill()
        val before = bytes()
        val locked = IllegalStateException("the key store is locked")
        val source: () -> ByteArray = { throw locked }
        assertSame(locked, assertThrows(IllegalStateException::class.java) { Crm.openEncrypted(path, key = source) })
        assertSame(locked, assertThrows(IllegalStateException::class.java) { Crm.rekey(path, source, null) })
        assertSame(locked, assertThrows(IllegalStateException::class.java) { Crm.rekey(path, key(1), source) })
        assertArrayEquals(before, bytes())
    }

    @Test
    fun `the key is asked for later too`() {
        fill()
        var isLocked = false
        val source = { if (isLocked) error("locked") else ByteArray(32) { 1 } }
        Crm.openEncrypted(path, key = source).use { crm ->
            isLocked = true
            val refused = assertThrows(CrmException.InvalidArgument::class.java) { crm.sql("select 1") }
            assertEquals("key", refused.field)
            isLocked = false
            assertEquals(1, crm.sql("select 1").rows.size)
        }
    }

    @Test
    fun `another key, a first one, and none`() {
        fill()
        val told = mutableListOf<Progress>()
        Crm.rekey(path, key(1), key(2)) { told += it; true }
        assertEquals(told.last().total, told.last().done)
        assertThrows(CrmException.WrongKey::class.java) { Crm.openEncrypted(path, key = key(1)) }
        Crm.rekey(path, key(2), null)
        assertTrue(tells())
        val refused = assertThrows(CrmException.InvalidArgument::class.java) { Crm.openEncrypted(path, key = key(2)) }
        assertEquals("key", refused.field)
        Crm.open(path) { crm -> assertEquals(1L, crm.contacts.count()) }
        Crm.rekey(path, null, key(3))
        assertFalse(tells())
        Crm.openEncrypted(path, key = key(3)).use { crm ->
            assertEquals(1L, crm.contacts.count())
            assertThrows(CrmException.InUse::class.java) { Crm.rekey(path, key(3), null) }
        }
    }

    @Test
    fun `who cancels keeps the file`() {
        fill()
        val before = bytes()
        assertThrows(CrmException.Interrupted::class.java) { Crm.rekey(path, key(1), key(2)) { false } }
        val thrown = ArithmeticException()
        assertSame(thrown, assertThrows(ArithmeticException::class.java) { Crm.rekey(path, key(1), null) { throw thrown } })
        assertThrows(CrmException.WrongKey::class.java) { Crm.rekey(path, key(2), key(1)) }
        assertThrows(CrmException.InvalidArgument::class.java) { Crm.rekey(path, null, null) }
        assertArrayEquals(before, bytes())
        assertEquals(listOf("acme.crm"), folder.toFile().list()!!.toList())
    }
}
