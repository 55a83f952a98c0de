package org.crmcore

import java.time.Instant
import org.crmcore.model.LearnedAlgorithm
import org.crmcore.model.CrmException
import org.crmcore.model.Replay
import org.crmcore.model.ScoreGroup
import org.crmcore.model.ScoreRule
import org.crmcore.model.TrainLearnedScore
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.BeforeEach
import org.junit.jupiter.api.Test

class LearnedScoresTest {
    private val crm = Crm.open(":memory:", replay = Replay(Instant.parse("2026-01-01T00:00:00Z"), 1000))
    private lateinit var ids: List<String>
    private lateinit var asOf: Instant

    private val recipe =
        TrainLearnedScore("has_phone", "company", Outcome.of("phone is set"), LearnedAlgorithm.LOGISTIC, fields = listOf("employees"))

    /** Of 200 companies half are large, and half of those get a telephone number later. */
    @BeforeEach
    fun fill() {
        ids = List(200) { crm.companies.create("name" to "C$it", "employees" to if (it % 2 == 1) 500 else 5).id }
        asOf = crm.contacts.create("given_name" to "Clock").createdAt
        ids.filterIndexed { place, _ -> place % 4 == 1 }.forEach { crm.companies.patch(it, "phone" to "+4930901820") }
    }

    @AfterEach
    fun close() = crm.close()

    @Test
    fun `a score is learned and explained to the last bit`() {
        assertEquals(emptyList<String>(), crm.learnedScores.findLeaks(recipe).leaks)
        val score = crm.learnedScores.train(recipe)
        assertEquals(1u, score.version)
        assertTrue(score.quality!!.auc!! > 0.6)
        assertEquals(score, crm.learnedScores["has_phone", 1])
        val told = crm.learnedScores.explain("has_phone", ids[1])
        assertEquals(told.logOdds, told.intercept + told.contributions.sumOf { it.logOdds })
        val top = crm.learnedScores.rank("has_phone", where = "employees = 500", limit = 3)
        assertEquals(100uL, top.records)
        assertEquals(List(3) { told.probability }, top.top.map { it.probability })
    }

    @Test
    fun `a training that is cancelled saves nothing`() {
        assertThrows(CrmException.Interrupted::class.java) { crm.learnedScores.train(recipe) { false } }
        val thrown = assertThrows(IllegalStateException::class.java) {
            crm.learnedScores.findLeaks(recipe) { error("enough") }
        }
        assertEquals("enough", thrown.message)
        assertTrue(crm.learnedScores.list().isEmpty())
    }

    @Test
    fun `an archived score scores nobody`() {
        crm.learnedScores.train(recipe)
        crm.learnedScores.archive("has_phone")
        assertThrows(CrmException.Archived::class.java) { crm.learnedScores.explain("has_phone", ids[0]) }
        crm.learnedScores.restore("has_phone")
        assertEquals(1, crm.learnedScores.list().size)
    }

    @Test
    fun `a score of rules is tested as of a moment`() {
        val large = ScoreRule(name = "large", condition = "employees >= 100", points = 20)
        crm.scores.define("size", "company", listOf(ScoreGroup(name = "all", rules = listOf(large))))
        crm.scores.publish("size")
        val outcome = Outcome.of("phone is set")
        val other = Candidate.attribute("employees")
        val told = crm.learnedScores.backtest("company", outcome, Candidate.model("size"), asOf, other)
        // Of 150 without a number 100 are smaller and 50 as large: (100 + 25) / 150.
        assertEquals(125.0 / 150.0, told.quality.auc!!, 1e-12)
        assertEquals(0.0, told.comparison!!.difference)
        assertThrows(CrmException.NotFound::class.java) {
            crm.learnedScores.backtest("company", outcome, Candidate.model("size", 9), asOf)
        }
        crm.learnedScores.train(recipe)
        assertThrows(CrmException.Refused::class.java) {
            crm.learnedScores.backtest("company", outcome, Candidate.learned("has_phone"), asOf)
        }
    }
}
