package org.crmcore

import org.crmcore.model.ActionOutcome
import org.crmcore.model.CrmException
import org.crmcore.model.DefineRule
import org.crmcore.model.LifecyclePreset
import org.crmcore.model.Preset
import org.crmcore.model.DefinePreset
import org.crmcore.model.RuleEventKind
import org.crmcore.model.ScoreGroup
import org.crmcore.model.ScoreRule
import org.crmcore.model.SegmentKind
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class RulesTest {
    private val crm = Crm.open(":memory:")

    @AfterEach
    fun close() = crm.close()

    @Test
    fun `a rule does what it says and its runs are read`() {
        crm.lifecycles.definePreset(LifecyclePreset.CONTACT)
        crm.definePreset(DefinePreset(Preset.TASK))
        val actions = listOf(
            Do.set("locale", "de"),
            Do.calculate("source", "concat(given_name, \"!\")"),
            Do.move("contact", "lead"),
            Do.task("Call", dueIn = "2d"),
            Do.emit("welcome", "given_name"),
        )
        val on = On.changed("country", to = "DE")
        assertTrue(crm.rules.define("german", "contact", on, actions, where = "locale is missing").isSaved)
        assertEquals(actions, crm.rules["german"].actions)
        val ann = crm.contacts.create("given_name" to "Ann", "country" to "DE")
        assertEquals("Ann!", ann.string("source"))
        val run = crm.rules.runs("german", ann.id).runs.single()
        assertEquals(RuleEventKind.ATTRIBUTE_CHANGED, run.event.kind)
        assertEquals(List(5) { ActionOutcome.DONE }, run.actions.map { it.outcome })
        assertTrue(crm.rules.archive("german").archivedAt != null)
        crm.rules.restore("german")
        assertEquals(1, crm.rules.list().size)
    }

    @Test
    fun `a rule waits for a segment and adds to a list and to a score`() {
        crm.segments.define("german", "contact", "country = \"DE\"")
        crm.segments.define("calls", "contact", kind = SegmentKind.STATIC)
        val german = ScoreRule(name = "german", condition = "country = \"DE\"", points = 20)
        crm.scores.define("fit", "contact", listOf(ScoreGroup(name = "fit", rules = listOf(german))))
        crm.scores.publish("fit")
        val actions = listOf(Do.addTo("calls", "speaks German"), Do.addPoints("fit", 5, reason = "asked"))
        crm.rules.define("call", "contact", On.segmentEntered("german"), actions)
        crm.rules.define("rest", "contact", On.segmentLeft("german"), listOf(Do.removeFrom("calls")))
        assertEquals(actions, crm.rules["call"].actions)
        val ann = crm.contacts.create("given_name" to "Ann", "country" to "DE").id
        assertEquals("german", crm.rules.runs("call").runs.single().event.segment)
        assertEquals("asked", crm.scores.explain("fit", ann).contributions.last().added?.reason)
        assertEquals(20_000, crm.scores.addPoints("fit", ann, -5, reason = "too much").record.score)
        assertThrows(CrmException.NotFound::class.java) {
            crm.rules.define("late", "contact", On.overdue("leads"), listOf(Do.emit("late")))
        }
    }

    @Test
    fun `a rule is simulated and a loop refused`() {
        val ann = crm.contacts.create("given_name" to "Ann").id
        val bea = crm.contacts.create("given_name" to "Bea").id
        val rule = DefineRule(
            "named", "contact", on = On.date("birthday", before = "P7D"),
            condition = "given_name = \"Ann\"", actions = listOf(Do.emit("soon")),
        )
        val simulated = crm.rules.simulate(rule, listOf(ann, bea))
        assertEquals(1uL, simulated.wouldRun)
        assertFalse(simulated.records[1].wouldRun)
        assertTrue(crm.rules.list().isEmpty())
        val loop = assertThrows(CrmException.InvalidArgument::class.java) {
            crm.rules.define("loop", "contact", On.changed("source"), listOf(Do.set("source", "x")))
        }
        assertTrue(loop.toString().contains("loop (actions[0]) → loop"), loop.toString())
    }
}
