package org.crmcore

import java.nio.file.Path
import java.time.Duration
import java.time.Instant
import java.time.LocalDate
import java.time.Period
import kotlin.io.path.readText
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import org.crmcore.conditions.BuiltCondition
import org.crmcore.conditions.Stage
import org.crmcore.conditions.stage
import org.crmcore.conditions.allOf
import org.crmcore.conditions.anyOf
import org.crmcore.conditions.changed
import org.crmcore.conditions.consent
import org.crmcore.conditions.event
import org.crmcore.conditions.field
import org.crmcore.conditions.inSegment
import org.crmcore.conditions.related
import org.crmcore.conditions.score
import org.crmcore.model.ActivityPreset
import org.crmcore.model.CrmException
import org.crmcore.model.DefineActivityPreset
import org.crmcore.model.Kind
import org.crmcore.model.Money
import org.crmcore.model.NewActivity
import org.crmcore.model.RecordRef
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.BeforeEach
import org.junit.jupiter.api.Test

class ConditionsTest {
    private val crm = Crm.open(":memory:")
    private val books = crm.records("book")

    @BeforeEach
    fun define() {
        crm.defineType(
            "book",
            attribute("title", Kind.TEXT),
            attribute("pages", Kind.INTEGER),
            attribute("price", Kind.MONEY),
            attribute("out", Kind.DATE),
        )
        books.create("title" to "Emma", "pages" to 400, "price" to Money("19.90", "EUR"), "out" to LocalDate.of(1815, 12, 23))
        books.create("title" to "Leaves \"of\" Grass", "pages" to 90)
    }

    @AfterEach
    fun close() = crm.close()

    @Test
    fun `text and built conditions ask the same`() {
        val built = (field("pages") gte 100) and (field("title") startsWith "em")
        assertEquals(listOf("Emma"), books.list(built).records.map { it.string("title") })
        assertEquals(listOf("Emma"), books.iterate(built).map { it.string("title") }.toList())
        assertEquals(listOf("Emma"), books.list(where = built.json).records.map { it.string("title") })
        assertEquals(1, books.count(built))
        assertEquals(1, books.count(where = "pages >= 100 and title starts with \"em\""))
        assertEquals("pages >= 100 and title starts with \"em\"", books.check(built).text)
    }

    @Test
    fun `values are what records take`() {
        assertEquals(1, books.count(field("price") eq Money("19.90", "EUR")))
        assertEquals(1, books.count(field("out") eq LocalDate.of(1815, 12, 23)))
        assertEquals(1, books.count(field("title") contains "\"OF\""))
        assertEquals(1, books.count(field("created_at").between(Instant.EPOCH, Instant.now()) and (field("pages") lt 100)))
        assertEquals(1, books.count(!(field("pages") oneOf listOf(90, 91))))
        assertThrows(IllegalArgumentException::class.java) { field("title") eq Any() }
        assertThrows(CrmException.InvalidArgument::class.java) { books.count(field("pages") gt Double.NaN) }
    }

    @Test
    fun `an answer says why`() {
        val emma = books.list(field("title") eq "Emma").records.single()
        val answer = books.evaluate(emma.id, (field("pages") gt 100) and field("title").isMissing())
        assertFalse(answer.isTrue)
        assertEquals(listOf(true, false), answer.leaves.map { it.isTrue })
        val plan = books.explain(field("pages") gt 100, id = emma.id)
        assertTrue(plan.answer!!.isTrue)
        assertTrue("\"pages\" > ?" in plan.sql)
        val misspelt = assertThrows(CrmException.UnknownAttribute::class.java) { books.check(field("titel").isSet()) }
        assertEquals("condition.field", misspelt.`field`)
    }

    @Test
    fun `activities and changes are asked for`() {
        crm.defineActivityPreset(DefineActivityPreset(ActivityPreset.CALL))
        val ann = crm.contacts.create("given_name" to "Ann")
        crm.contacts.patch(ann, "job_title" to "CFO")
        val now = Instant.now()
        for (days in listOf(1L, 20, 400)) {
            val at = now.minus(Duration.ofDays(days))
            crm.recordActivity(NewActivity(kind = "call", subject = RecordRef("contact", ann.id), at = at))
        }
        val recent = event("call").within(Period.ofDays(30))
        for (condition in listOf(
            recent,
            recent.count eq 2,
            event("call").first olderThan Period.ofYears(1),
            event("call").last withinLast Duration.ofHours(25),
            event("call").from(now.minus(Duration.ofDays(21))).until(now).count gte 2,
            changed("job_title").from(null).to("CFO").within("1d"),
        )) {
            assertEquals(1, crm.contacts.count(condition), condition.json)
            assertEquals(0, crm.contacts.count(!condition), condition.json)
        }
    }

    @Test
    fun `built conditions are those of every language`() {
        val folder = Path.of(System.getenv("CRM_CONFORMANCE_DIR") ?: "../../tests/conformance")
        val pairs = Json.parseToJsonElement(folder.resolve("builders.json").readText()).jsonArray.map { it.jsonObject }
        assertEquals(pairs.map { it.getValue("name").jsonPrimitive.content }, BUILT.keys.toList())
        for (pair in pairs) {
            val name = pair.getValue("name").jsonPrimitive.content
            assertEquals(pair.getValue("condition"), Json.parseToJsonElement(BUILT.getValue(name).json), name)
        }
    }
}

private val NOON = Instant.parse("2026-01-02T12:00:00Z")

private val BUILT: Map<String, BuiltCondition> = mapOf(
    "field_eq" to (field("city") eq "Ulm"),
    "field_neq" to (field("active") neq true),
    "field_lt" to (field("employees") lt -5),
    "field_lte" to (field("share") lte 0.5),
    "field_gt" to (field("price") gt Money("19.90", "EUR")),
    "field_gte" to (field("or") gte 9007199254740993),
    "field_between" to field("born").between(LocalDate.of(1990, 1, 1), LocalDate.of(1999, 12, 31)),
    "field_one_of" to (field("home.city") oneOf listOf("Ulm", "Bonn")),
    "field_none_of" to (field("rating") noneOf listOf(1, 2)),
    "field_contains" to (field("title") contains "say \"hi\" \\ to\nAnn"),
    "field_starts_with" to (field("title") startsWith "Grüße 🙂"),
    "field_ends_with" to (field("title") endsWith "x"),
    "field_matches" to (field("title") matches "[a-z]+\\d"),
    "field_is_set" to field("title").isSet(),
    "field_is_missing" to field("title").isMissing(),
    "field_has_any" to (field("tags") hasAny listOf("red", "blue")),
    "field_has_all" to (field("tags") hasAll listOf("red")),
    "field_has_none" to (field("tags") hasNone listOf("red")),
    "field_within_last" to (field("seen") withinLast Period.ofDays(30)),
    "field_within_next" to (field("seen") withinNext "P1Y2M3W4DT5H6M7S"),
    "field_anniversary_within_last" to (field("born") anniversaryWithinLast "P2W"),
    "field_anniversary_within_next" to (field("born") anniversaryWithinNext Period.ofDays(7)),
    "field_or_missing" to (field("city").orMissing() neq "Ulm"),
    "and" to ((field("a") eq 1) and (field("b") eq 2) and ((field("c") eq 3) or (field("d") eq 4) or !field("e").isSet())),
    "all_of" to allOf(field("a") eq 1),
    "any_of" to anyOf(),
    "event" to event("call"),
    "event_never" to event("any").never(),
    "event_count" to (event("email_opened").within(Period.ofDays(30)).count gte 3),
    "event_span" to (
        event("purchase").from(NOON).until(NOON.plus(Duration.ofDays(1)))
            .where((field("amount") gt Money("5", "EUR")) and (field("channel") eq "web"))
            .count lt 2
        ),
    "event_sum" to (event("purchase").within(Period.ofMonths(12)).sum("amount") gte Money("100.00", "EUR")),
    "event_min" to (event("call").min("minutes") neq 5),
    "event_max" to (event("call").max("minutes") lte 5),
    "event_first_before" to (event("call").first before NOON),
    "event_first_after" to (event("call").first after NOON),
    "event_last_within_last" to (event("call").last withinLast Duration.ofMinutes(10)),
    "event_last_older_than" to (event("call").last olderThan Period.ofDays(90)),
    "related" to related("employed_by", field("employees") gte 50),
    "related_count" to (related("employed_by").inverse().ofType("contact").role("CFO").count gt 2),
    "changed" to changed("stage"),
    "changed_span" to changed("stage").from(null).to("won").within(Period.ofDays(30)),
    "segment" to inSegment("churned"),
    "stage_eq" to (Stage eq "mql"),
    "stage_neq" to (Stage neq "mql"),
    "stage_at_least" to (Stage atLeast "mql"),
    "stage_at_most" to (Stage atMost "mql"),
    "stage_named" to (stage("contact") atLeast "mql"),
    "score" to (score() gte 50),
    "score_named" to (score("fit") lt 1.5),
    "consent" to consent("email", "newsletter"),
)
