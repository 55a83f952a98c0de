package org.crmcore

import org.crmcore.model.ActionOutcome
import org.crmcore.model.CrmException
import org.crmcore.model.DefineRule
import org.crmcore.model.LifecyclePreset
import org.crmcore.model.Preset
import org.crmcore.model.DefinePreset
import org.crmcore.model.RuleEventKind
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
