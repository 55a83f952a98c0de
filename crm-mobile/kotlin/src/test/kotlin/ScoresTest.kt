package org.crmcore

import org.crmcore.model.CrmException
import org.crmcore.model.ScoreAxis
import org.crmcore.model.ScoreGroup
import org.crmcore.model.ScoreLevel
import org.crmcore.model.ScoreRule
import org.crmcore.model.ScoreState
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class ScoresTest {
    private val crm = Crm.open(":memory:")

    @AfterEach
    fun close() = crm.close()

    @Test
    fun `what a record scores is explained to the last point`() {
        val german = ScoreRule(name = "german", condition = "country = \"DE\"", points = 20)
        val named = ScoreRule(name = "named", condition = "given_name is set", points = 7)
        val levels = listOf(ScoreLevel("B", 0), ScoreLevel("A", 20))
        val groups = listOf(ScoreGroup(name = "fit", rules = listOf(german, named)))
        crm.scores.define("fit", "contact", groups, listOf(ScoreLevel("warm", 10)), listOf(ScoreAxis("fit", levels)))
        assertEquals(ScoreState.PUBLISHED, crm.scores.publish("fit").state)
        val ann = crm.contacts.create("given_name" to "Ann", "country" to "DE").id
        val explained = crm.scores.explain("fit", ann)
        assertEquals(27_000, explained.record.score)
        assertEquals("A", explained.record.grade)
        assertEquals(27_000, explained.contributions.sumOf { it.afterTotal })
        assertEquals("warm", crm.scores.history("fit", ann).crossings.single().threshold)
        assertTrue(crm.scores.rescore("fit").isComplete)
        assertEquals(ann, crm.scores.ranking("fit").records.first().id)
        assertThrows(CrmException.NotFound::class.java) { crm.scores.read("fat", ann) }
    }

    @Test
    fun `a draft is tried out and records are scored with progress`() {
        fun named(points: Long): ScoreGroup {
            val rule = ScoreRule(name = "named", condition = "given_name is set", points = points)
            return ScoreGroup(name = "fit", rules = listOf(rule))
        }
        crm.scores.define("fit", "contact", listOf(named(7)))
        crm.scores.publish("fit")
        val ann = crm.contacts.create("given_name" to "Ann").id
        crm.scores.define("fit", "contact", listOf(named(9)))
        assertEquals(7_000, crm.scores.read("fit", ann).record.score)
        assertEquals(9_000, crm.scores.read("fit", ann, version = 2).record.score)
        crm.scores.publish("fit")
        assertEquals(ScoreState.RETIRED, crm.scores.get("fit", 1).state)
        val told = mutableListOf<ULong>()
        assertEquals(1uL, crm.scores.rescore("fit") { told.add(it.done) }.records)
        assertEquals(1uL, told.last())
        val thrown = assertThrows(IllegalStateException::class.java) { crm.scores.rescore("fit") { error("enough") } }
        assertEquals("enough", thrown.message)
        crm.scores.retire("fit")
        assertThrows(CrmException.NotFound::class.java) { crm.scores.ranking("fit") }
    }
}
