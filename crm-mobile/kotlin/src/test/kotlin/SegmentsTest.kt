package org.crmcore

import org.crmcore.model.CrmException
import org.crmcore.model.MemberCause
import org.crmcore.model.SegmentKind
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class SegmentsTest {
    private val crm = Crm.open(":memory:")

    @AfterEach
    fun close() = crm.close()

    @Test
    fun `a live segment follows each write and says why`() {
        val ann = crm.contacts.create("given_name" to "Ann", "country" to "DE").id
        val bea = crm.contacts.create("given_name" to "Bea").id
        assertEquals(1uL, crm.segments.estimate("contact", "country = \"DE\"").members)
        assertEquals(1uL, crm.segments.define("german", "contact", "country = \"DE\"").members)
        crm.contacts.patch(bea, "country" to "DE")
        crm.contacts.patch(ann, "country" to "FR")
        assertEquals(listOf(bea), crm.segments.members("german").map { it.id }.toList())
        val why = crm.segments.explain("german", ann)
        assertFalse(why.isMember)
        assertEquals(listOf(MemberCause.RECORD, MemberCause.DEFINED), why.changes.map { it.cause })
        assertEquals(1uL, crm.segments.sizes("german").single().size)
    }

    @Test
    fun `members of a static segment come by hand`() {
        val ids = List(3) { crm.contacts.create("given_name" to "P$it").id }
        crm.segments.define("guests", "contact", kind = SegmentKind.STATIC)
        crm.segments.define("named", "contact", "given_name is set")
        assertEquals(2uL, crm.segments.addMembers("guests", ids.take(2), "party").entered)
        assertEquals(1uL, crm.segments.removeMembers("guests", ids.take(1)).left)
        assertEquals(1uL, crm.segments.overlap("guests", "named").both)
        assertTrue(crm.segments.archive("guests").archivedAt != null)
        assertThrows(CrmException.Archived::class.java) { crm.segments.addMembers("guests", ids) }
    }
}
