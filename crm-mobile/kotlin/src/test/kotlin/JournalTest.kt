package org.crmcore

import org.crmcore.model.CrmException
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class JournalTest {
    private val crm = Crm.open(":memory:")

    @AfterEach
    fun close() = crm.close()

    @Test
    fun `a head that was kept lies on the chain`() {
        val kept = crm.journal.head()
        crm.companies.create("name" to "Acme")
        val report = crm.journal.verify(kept)
        assertTrue(report.isOk)
        assertEquals(kept.seq + 1, report.head.seq)
        assertEquals(true, report.leadsThroughHead)
        assertNull(crm.journal.verify().leadsThroughHead)
        assertFalse(crm.journal.verify(kept.copy(hash = "0".repeat(64))).isOk)
        assertThrows(CrmException.Interrupted::class.java) { crm.journal.verify { false } }
    }

    @Test
    fun `a proof shows what it is about`() {
        crm.companies.create("name" to "Acme")
        val head = crm.journal.head()
        val proof = crm.journal.prove(listOf(head.seq))
        assertEquals(head, proof.head)
        assertEquals("""{"name":"Acme"}""", proof.links.single().content?.body)
    }
}
