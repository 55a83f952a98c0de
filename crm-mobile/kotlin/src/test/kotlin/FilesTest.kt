package org.crmcore

import kotlin.random.Random
import org.crmcore.model.CrmException
import org.crmcore.model.Kind
import org.crmcore.model.ReadFile
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Test

class FilesTest {
    private val crm = Crm.open(":memory:")

    @AfterEach
    fun close() = crm.close()

    @Test
    fun `bytes come back as they went, in pieces or whole`() {
        val content = Random(1).nextBytes(2_500_000)
        val file = crm.addFile("scan.bin", "application/octet-stream", content)
        assertEquals(content.size.toULong(), file.size)
        assertArrayEquals(content, crm.readFile(file.hash))
        val piece = crm.readFile(ReadFile(file.hash, offset = 2_499_990u, length = 100u))
        assertArrayEquals(content.takeLast(10).toByteArray(), piece.content)
    }

    @Test
    fun `nothing is a file too`() {
        val file = crm.addFile("empty.txt", "text/plain", ByteArray(0))
        assertArrayEquals(ByteArray(0), crm.readFile(file.hash))
    }

    @Test
    fun `the same bytes are stored once`() {
        val hashes = listOf("a.txt", "b.txt").map { crm.addFile(it, "text/plain", "same".toByteArray()).hash }
        assertEquals(1, hashes.toSet().size)
        assertEquals(1uL, crm.stats().files)
    }

    @Test
    fun `a record holds a file`() {
        crm.defineType("letter", attribute("scan", Kind.FILE))
        val file = crm.addFile("scan.pdf", "application/pdf", "%PDF".toByteArray())
        val letter = crm.records("letter").create("scan" to file)
        assertEquals(file, letter.file("scan"))
    }

    @Test
    fun `bytes that were never stored are not found`() {
        assertThrows(CrmException.NotFound::class.java) { crm.readFile("0".repeat(64)) }
    }
}
