package org.crmcore

import java.time.LocalDate
import org.crmcore.model.Archived
import org.crmcore.model.AssociationDirection
import org.crmcore.model.AssociationPreset
import org.crmcore.model.CrmException
import org.crmcore.model.DefineAssociationPreset
import org.crmcore.model.Kind
import org.crmcore.model.ListTimeline
import org.crmcore.model.TimelineItem
import org.crmcore.model.TimelineKind
import org.crmcore.model.Value
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class AssociationsTest {
    private val crm = Crm.open(":memory:")

    @AfterEach
    fun close() = crm.close()

    @Test
    fun `a job is known at both ends and of any day`() {
        crm.defineAssociationPreset(DefineAssociationPreset(AssociationPreset.EMPLOYED_BY))
        val ann = crm.contacts.create("given_name" to "Ann")
        val (acme, zenith) = listOf("Acme", "Zenith").map { crm.companies.create("name" to it) }
        val july = LocalDate.of(2024, 7, 1)
        crm.associations.add("employed_by", ann.ref, acme.ref, role = "buyer", validTo = july.minusDays(1))
        val job = crm.associations.add("employed_by", ann.ref, zenith.ref, role = "CFO", validFrom = july, isPrimary = true)
        assertEquals(july, job.validFrom)
        assertEquals(job, crm.associations[job.id])

        assertEquals(listOf(zenith.ref), crm.associations.related(ann.ref).map { it.other }.toList())
        val before = crm.associations.related(ann.ref, on = july.minusDays(1))
        assertEquals(listOf(acme.ref), before.map { it.other }.toList())
        val ever = crm.associations.related(ann.ref, atAnyTime = true, pageSize = 1)
        assertEquals(listOf(acme.ref, zenith.ref), ever.map { it.other }.toList())
        val staff = crm.associations.related(zenith.ref, withRecords = true).single()
        assertEquals(AssociationDirection.INCOMING, staff.direction)
        assertEquals("Ann", staff.record!!.string("given_name"))

        crm.associations.patch(job.id, "role" to null, "valid_to" to july)
        crm.associations.archive(job.id, expectedVersion = 2)
        assertTrue(crm.associations.related(zenith.ref, on = july).none())
        assertEquals(1, crm.associations.related(zenith.ref, on = july, archived = Archived.ONLY).count())
        assertEquals(july, crm.associations.restore(job.id).validTo)
        val timeline = crm.listTimeline(ListTimeline("company", zenith.id, items = listOf(TimelineKind.ASSOCIATION)))
        val told = timeline.entries.map { (it.item as TimelineItem.Association).v1 }
        assertEquals(listOf(4L, 3L, 2L, 1L), told.map { it.version })
        assertEquals(Value.Text("CFO"), told.last().values["role"])
    }

    @Test
    fun `a hierarchy is walked and has no cycle`() {
        crm.defineAssociationType(
            "part_of", listOf("company"), listOf("company"),
            attribute("share", Kind.DECIMAL), maxOutgoing = 1, isHierarchy = true,
        )
        assertEquals(listOf("part_of"), crm.listAssociationTypes().map { it.name })
        val (top, middle, leaf) = listOf("A", "B", "C").map { crm.companies.create("name" to it).ref }
        val link = crm.associations.add("part_of", middle, top, values = mapOf("share" to "0.5"))
        assertEquals(Value.Text("0.50"), link.values["share"])
        crm.associations.add("part_of", leaf, middle)
        assertThrows(CrmException.InvalidValue::class.java) { crm.associations.add("part_of", top, leaf) }
        assertThrows(CrmException.LimitExceeded::class.java) { crm.associations.add("part_of", leaf, top) }
        val below = crm.associations.walk("part_of", top, AssociationDirection.INCOMING)
        assertEquals(listOf(middle to 1u, leaf to 2u), below.nodes.map { it.record to it.depth })
        assertTrue(crm.associations.walk("part_of", top, maxDepth = 1).isTruncated)
    }
}
