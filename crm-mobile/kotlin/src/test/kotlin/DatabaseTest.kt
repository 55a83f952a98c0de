package org.crmcore

import java.nio.file.Path
import java.time.Duration
import java.time.Instant
import org.crmcore.model.CrmException
import org.crmcore.model.RecordRef
import org.crmcore.model.Replay
import org.crmcore.model.Value
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

class DatabaseTest {
    @TempDir
    lateinit var folder: Path

    @Test
    fun `a question in SQL gets its rows`() = Crm.open(":memory:") { crm ->
        for (city in listOf("Ulm", "Ulm", "Jena")) crm.companies.create("name" to city, "description" to city)
        val result = crm.sql("select description, count(*) as n from company where description <> ?1 group by 1", "Jena")
        assertEquals(listOf("description", "n"), result.columns)
        assertEquals(listOf(listOf(Value.Text("Ulm"), Value.Integer(2))), result.rows)
        assertTrue(crm.sql("select name from company", limit = 1).isTruncated)
        assertThrows(CrmException.NotAuthorized::class.java) { crm.sql("delete from company") }
        assertEquals(3L, crm.companies.count())
    }

    @Test
    fun `a copy holds what the file holds`() {
        val copy = folder.resolve("copy.crm").toString()
        Crm.open(folder.resolve("acme.crm").toString()) { crm ->
            crm.companies.create("name" to "Acme")
            crm.compact()
            crm.backupTo(copy)
            assertTrue(crm.stats().fileBytes > 0uL)
        }
        Crm.open(copy) { crm ->
            assertEquals("Acme", crm.companies.list().records.single().string("name"))
            assertEquals(emptyList<String>(), crm.verify { true }.problems)
        }
    }

    @Test
    fun `a key needs a library that encrypts`() {
        val path = folder.resolve("acme.crm").toString()
        val asked: () -> ByteArray = { error("nobody asks") }
        val refused = assertThrows(CrmException.InvalidArgument::class.java) { Crm.openEncrypted(path, key = asked) }
        assertEquals("key", refused.field)
        assertTrue("sqlcipher" in refused.hint!!)
        assertThrows(CrmException.InvalidArgument::class.java) { Crm.rekey(path, null, asked) }
        assertFalse(folder.resolve("acme.crm").toFile().exists())
    }

    @Test
    fun `a backup comes back without those who were erased`() {
        val (backup, restored) = listOf("monday.crm", "new.crm").map { folder.resolve(it).toString() }
        Crm.open(folder.resolve("acme.crm").toString()) { crm ->
            val ann = crm.contacts.create("given_name" to "Ann")
            crm.backupTo(backup)
            crm.privacy.erase(RecordRef("contact", ann.id))
            assertEquals(1uL, crm.restoreTo(backup, restored).erased)
            assertThrows(CrmException.InvalidArgument::class.java) { crm.restoreTo(backup, restored) { true } }
        }
        Crm.open(restored) { crm -> assertEquals(0L, crm.contacts.count()) }
    }

    @Test
    fun `the journal is read in pages and without a gap`() = Crm.open(":memory:") { crm ->
        repeat(10) { crm.companies.create("name" to "Company $it") }
        val changes = crm.changes(pageSize = 3).map { it.seq }.toList()
        assertEquals((1L..changes.size).toList(), changes)
        assertEquals(10, crm.changes(after = changes.size - 10L).count())
    }

    @Test
    fun `a replayed run repeats`() {
        val replay = Replay(Instant.parse("2026-01-01T00:00:00Z"), stepMicros = 1000)
        val (one, other) = List(2) {
            Crm.open(":memory:", replay = replay).use { it.companies.create("name" to "Acme") }
        }
        assertEquals(one, other)
        assertTrue(Duration.between(replay.start, one.createdAt).abs() < Duration.ofSeconds(1))
    }

    @Test
    fun `a replay is told what time it is`() {
        val start = Instant.parse("2025-01-01T00:00:00Z")
        Crm.open(":memory:", replay = Replay(start, stepMicros = 0)).use { crm ->
            val may = Instant.parse("2025-05-03T00:00:00Z")
            assertEquals(may, crm.setClock(may))
            assertEquals(may, crm.contacts.create("given_name" to "Ann").createdAt)
            assertEquals(may, crm.tick().at)
            assertThrows(CrmException.OutOfRange::class.java) { crm.setClock(start) }
        }
    }

    @Test
    fun `the engine says which one it is`() = Crm.open(":memory:") { crm ->
        assertTrue(crm.info().schemaVersion >= 1)
        assertFalse(crm.info().version.isEmpty())
    }
}
