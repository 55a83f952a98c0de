package org.crmcore

import java.time.Instant
import java.time.temporal.ChronoUnit
import org.crmcore.conditions.field
import org.crmcore.model.CrmException
import org.crmcore.model.DrawingFormat
import org.crmcore.model.LifecyclePreset
import org.crmcore.model.NewActivity
import org.crmcore.model.RecordRef
import org.crmcore.model.StageCause
import org.crmcore.model.StageKind
import org.crmcore.model.StageTrigger
import org.crmcore.model.SuppressedBy
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.crmcore.conditions.stage as standsOn

class LifecyclesTest {
    private val crm = Crm.open(":memory:")

    @AfterEach
    fun close() = crm.close()

    private fun day(number: Long): Instant = Instant.parse("2024-01-01T00:00:00Z").plus(number, ChronoUnit.DAYS)

    @Test
    fun `a record goes through its stages`() {
        crm.lifecycles.definePreset(LifecyclePreset.DEAL)
        val deal = crm.deals.create("name" to "Ten chairs").id
        assertTrue(crm.lifecycles.move("deal", deal, "proposal").isMoved)
        assertThrows(CrmException.Refused::class.java) { crm.lifecycles.move("deal", deal, "prospecting") }
        assertThrows(CrmException.Required::class.java) { crm.lifecycles.move("deal", deal, "lost") }
        crm.lifecycles.move("deal", deal, "lost", reason = "price")
        assertEquals(2u, crm.lifecycles.move("deal", deal, "negotiation").standing.cycle)
        val put = crm.lifecycles.reset("deal", deal, "qualification", "too early").standing
        assertEquals("negotiation", put.reached)
        val causes = crm.lifecycles.history("deal", deal).visits.map { it.cause }
        assertEquals(listOf(StageCause.INITIAL, StageCause.IMPLIED, StageCause.MANUAL), causes.take(3))
    }

    @Test
    fun `what happens moves a record and is told`() {
        crm.defineActivityKind(org.crmcore.model.DefineActivityKind("signup"))
        val stages = listOf(stage("guest"), stage("member", guard = field("given_name").isSet().json), stage("fan", StageKind.WON))
        crm.lifecycles.define("club", "contact", stages, listOf(StageTrigger("member", activity = "signup")))
        val ann = crm.contacts.create("given_name" to "Ann").id
        val signup = NewActivity("signup", day(0), subject = RecordRef("contact", ann))
        val recorded = crm.recordActivity(signup).activity.id
        assertEquals(recorded, crm.lifecycles.history("club", ann).visits.last().activityId)
        crm.lifecycles.move("club", ann, "fan")
        crm.recordActivity(signup)
        val kept = crm.lifecycles.history("club", ann).suppressed.single()
        assertEquals("member" to SuppressedBy.EARLIER, kept.to to kept.by)
        assertEquals(1, crm.contacts.count(standsOn("club") atLeast "member"))
    }

    @Test
    fun `reads tell of many`() {
        crm.lifecycles.define("way", "contact", listOf("lead", "mql", "sql").map { stage(it) })
        val (ann, bob) = listOf("Ann", "Bob").map { crm.contacts.create("given_name" to it).id }
        for ((id, days) in listOf(ann to listOf(0L, 2L, 3L), bob to listOf(0L, 6L))) {
            listOf("lead", "mql", "sql").zip(days).forEach { (to, number) -> crm.lifecycles.move("way", id, to, at = day(number)) }
        }
        val funnel = crm.lifecycles.funnel("way", from = day(0), until = day(1))
        assertEquals(listOf(2uL, 2uL, 1uL), funnel.stages.map { it.reached })
        assertNull(crm.lifecycles.times("way", bob, day(8)).stages[1].latestMicros)
        assertEquals(bob, crm.lifecycles.stuck("way", "1d", listOf("mql"), day(8)).records.single().id)
        assertEquals(1uL, crm.lifecycles.acceptance("way", "mql", "PT36H", at = day(8)).overdue)
        assertTrue(crm.lifecycles.explain("way", bob).text.startsWith("It stands on mql since 2024-01-07"))
        assertTrue(crm.lifecycles.draw("way", DrawingFormat.DOT).startsWith("digraph"))
        val shorter = listOf(stage("lead"), stage("sql"))
        assertThrows(CrmException.DefinitionConflict::class.java) { crm.lifecycles.define("way", "contact", shorter) }
        val tried = crm.lifecycles.define("way", "contact", shorter, map = mapOf("mql" to "lead"), dryRun = true)
        assertEquals(2uL, tried.remapped.single().records)
        assertEquals(3, crm.lifecycles["way"].stages.size)
    }
}
