/**
 * Conditions built in Kotlin: `(field("country") eq "DE") and (event("email_opened").within("30d").count gte 3)`.
 *
 * What is built is the JSON form of a condition, which the engine judges where it is used.
 */
package org.crmcore.conditions

import java.time.Instant
import java.time.temporal.TemporalAmount
import org.crmcore.model.Value
import org.crmcore.valueOf

/** A condition that was built. [and], [or] and `!` join conditions. */
open class BuiltCondition internal constructor(private val parts: Map<String, Any?>) {
    /** The condition in its JSON form, as the requests take it. */
    val json: String get() = StringBuilder().also { write(it, parts) }.toString()

    /** Both are true; a chain of them makes one list. */
    infix fun and(other: BuiltCondition): BuiltCondition = join("all", other)

    /** At least one is true; a chain of them makes one list. */
    infix fun or(other: BuiltCondition): BuiltCondition = join("any", other)

    /** It is not true. */
    operator fun not(): BuiltCondition = BuiltCondition(mapOf("not" to parts))

    private fun join(key: String, other: BuiltCondition): BuiltCondition {
        val first = parts[key] as? List<*> ?: listOf(parts)
        return BuiltCondition(mapOf(key to first + listOf(other.parts)))
    }

    internal fun with(key: String, part: Any?): Map<String, Any?> = parts + (key to part)

    internal companion object {
        fun partsOf(condition: BuiltCondition): Map<String, Any?> = condition.parts
    }
}

/** Something that is compared with a value, which is whatever [valueOf] takes. */
open class Measure internal constructor(private val compare: (String, Any?) -> BuiltCondition) {
    /** It equals the value. */
    infix fun eq(value: Any?): BuiltCondition = compare("eq", value)

    /** It has another value. */
    infix fun neq(value: Any?): BuiltCondition = compare("neq", value)

    /** It is less. */
    infix fun lt(value: Any?): BuiltCondition = compare("lt", value)

    /** It is less or equal. */
    infix fun lte(value: Any?): BuiltCondition = compare("lte", value)

    /** It is greater. */
    infix fun gt(value: Any?): BuiltCondition = compare("gt", value)

    /** It is greater or equal. */
    infix fun gte(value: Any?): BuiltCondition = compare("gte", value)
}

/** A field of the record: see [field]. */
class Field internal constructor(private val name: String, private val missing: Boolean = false) :
    Measure({ op, value -> comparison(name, missing, op, mapOf("value" to valueOf(value))) }) {

    /** True also where there is no value. */
    fun orMissing(): Field = Field(name, missing = true)

    /** It equals one of the values. */
    infix fun oneOf(values: Iterable<Any?>): BuiltCondition = many("in", values)

    /** It has a value that is none of these. */
    infix fun noneOf(values: Iterable<Any?>): BuiltCondition = many("not_in", values)

    /** It lies between the two, both included. */
    fun between(least: Any?, most: Any?): BuiltCondition = many("between", listOf(least, most))

    /** The text contains this one, whatever the case of the letters. */
    infix fun contains(text: String): BuiltCondition = build("contains", text)

    /** The text begins so, whatever the case of the letters. */
    infix fun startsWith(text: String): BuiltCondition = build("starts_with", text)

    /** The text ends so, whatever the case of the letters. */
    infix fun endsWith(text: String): BuiltCondition = build("ends_with", text)

    /** The whole text matches a regular expression. */
    infix fun matches(pattern: String): BuiltCondition = build("matches", pattern)

    /** There is a value. */
    fun isSet(): BuiltCondition = comparison(name, missing, "is_set", emptyMap())

    /** There is no value. */
    fun isMissing(): BuiltCondition = comparison(name, missing, "is_missing", emptyMap())

    /** The choices hold one of these. */
    infix fun hasAny(options: Iterable<String>): BuiltCondition = many("has_any", options)

    /** The choices hold all of these. */
    infix fun hasAll(options: Iterable<String>): BuiltCondition = many("has_all", options)

    /** The choices hold none of these. */
    infix fun hasNone(options: Iterable<String>): BuiltCondition = many("has_none", options)

    /** The day or moment lies in the span that ends now, such as `30d`. */
    infix fun withinLast(span: String): BuiltCondition = build("within_last", span)

    /** The day or moment lies in the span that ends now: a `Period` by the calendar, or a `Duration`. */
    infix fun withinLast(span: TemporalAmount): BuiltCondition = withinLast(span.toString())

    /** The day or moment lies in the span that begins now. */
    infix fun withinNext(span: String): BuiltCondition = build("within_next", span)

    /** The day or moment lies in the span that begins now. */
    infix fun withinNext(span: TemporalAmount): BuiltCondition = withinNext(span.toString())

    /** An anniversary lies in the span that ends today. */
    infix fun anniversaryWithinLast(span: String): BuiltCondition = build("anniversary_within_last", span)

    /** An anniversary lies in the span that ends today. */
    infix fun anniversaryWithinLast(span: TemporalAmount): BuiltCondition = anniversaryWithinLast(span.toString())

    /** An anniversary lies in the span that begins today. */
    infix fun anniversaryWithinNext(span: String): BuiltCondition = build("anniversary_within_next", span)

    /** An anniversary lies in the span that begins today. */
    infix fun anniversaryWithinNext(span: TemporalAmount): BuiltCondition = anniversaryWithinNext(span.toString())

    private fun build(op: String, value: Any): BuiltCondition = comparison(name, missing, op, mapOf("value" to value))

    private fun many(op: String, values: Iterable<Any?>): BuiltCondition = build(op, values.map(::valueOf))
}

private fun comparison(name: String, missing: Boolean, op: String, value: Map<String, Any>): BuiltCondition {
    val parts = mapOf("field" to name, "op" to op) + value
    return BuiltCondition(if (missing) parts + ("missing" to true) else parts)
}

/** There was an activity of a kind: narrow it down, and count or measure if once is not enough. */
class EventCondition internal constructor(parts: Map<String, Any?>) : BuiltCondition(parts) {
    /** Only those of the span that ends now, such as `30d`. */
    fun within(span: String): EventCondition = EventCondition(with("within", span))

    /** Only those of the span that ends now: a `Period` by the calendar, or a `Duration`. */
    fun within(span: TemporalAmount): EventCondition = within(span.toString())

    /** Only those at or after this moment. */
    fun from(moment: Instant): EventCondition = EventCondition(with("from", valueOf(moment)))

    /** Only those before this moment. */
    fun until(moment: Instant): EventCondition = EventCondition(with("until", valueOf(moment)))

    /** Only those for which this is true, over the kind's properties and `at`, `channel`, `direction`, `amount`. */
    fun where(condition: BuiltCondition): EventCondition = EventCondition(with("where", condition))

    /** How many there are. */
    val count: Measure get() = Measure { op, value -> measured("count", op, valueOf(value)) }

    /** There is none. */
    fun never(): BuiltCondition = count eq 0

    /** The sum of a property, or of `amount`. */
    fun sum(property: String): Measure = figure("sum", property)

    /** The least of a property, or of `amount`. */
    fun min(property: String): Measure = figure("min", property)

    /** The greatest of a property, or of `amount`. */
    fun max(property: String): Measure = figure("max", property)

    /** When the first was. */
    val first: Moment get() = Moment { op, value -> measured("first", op, value) }

    /** When the last was. */
    val last: Moment get() = Moment { op, value -> measured("last", op, value) }

    private fun figure(figure: String, property: String): Measure =
        Measure { op, value -> measured(figure, op, valueOf(value), mapOf("property" to property)) }

    private fun measured(measure: String, op: String, value: Any, of: Map<String, Any> = emptyMap()): BuiltCondition =
        BuiltCondition(with(measure, of + mapOf("op" to op, "value" to value)))
}

/** When the first or last activity was. */
class Moment internal constructor(private val build: (String, Any) -> BuiltCondition) {
    /** It was before this moment. */
    infix fun before(moment: Instant): BuiltCondition = build("before", valueOf(moment))

    /** It was after this moment. */
    infix fun after(moment: Instant): BuiltCondition = build("after", valueOf(moment))

    /** It was in the span that ends now, such as `30d`. */
    infix fun withinLast(span: String): BuiltCondition = build("within_last", span)

    /** It was in the span that ends now. */
    infix fun withinLast(span: TemporalAmount): BuiltCondition = withinLast(span.toString())

    /** It was before the span that ends now. */
    infix fun olderThan(span: String): BuiltCondition = build("older_than", span)

    /** It was before the span that ends now. */
    infix fun olderThan(span: TemporalAmount): BuiltCondition = olderThan(span.toString())
}

/** There is a related record: narrow it down, and count if one is not enough. */
class RelatedCondition internal constructor(parts: Map<String, Any?>) : BuiltCondition(parts) {
    /** Those that point to this record. */
    fun inverse(): RelatedCondition = RelatedCondition(with("inverse", true))

    /** Only those of this entity type. */
    fun ofType(entityType: String): RelatedCondition = RelatedCondition(with("type", entityType))

    /** Only those in this role. */
    fun role(role: String): RelatedCondition = RelatedCondition(with("role", role))

    /** Only those for which this is true. */
    fun where(condition: BuiltCondition): RelatedCondition = RelatedCondition(with("where", condition))

    /** How many there are. */
    val count: Measure get() = Measure { op, value -> BuiltCondition(with("count", mapOf("op" to op, "value" to valueOf(value)))) }
}

/** An attribute was changed, as the journal has it: narrow it down. */
class ChangedCondition internal constructor(parts: Map<String, Any?>) : BuiltCondition(parts) {
    /** Only changes from this value; null is no value. */
    fun from(value: Any?): ChangedCondition = ChangedCondition(with("from", valueOf(value)))

    /** Only changes to this value; null is no value. */
    fun to(value: Any?): ChangedCondition = ChangedCondition(with("to", valueOf(value)))

    /** Only changes of the span that ends now, such as `30d`. */
    fun within(span: String): ChangedCondition = ChangedCondition(with("within", span))

    /** Only changes of the span that ends now. */
    fun within(span: TemporalAmount): ChangedCondition = within(span.toString())
}

/** The stage of a lifecycle that the record stands on: see [stage]. */
open class StageOf internal constructor(private val lifecycle: String?) {
    /** It stands on this stage. */
    infix fun eq(stage: String): BuiltCondition = build("eq", stage)

    /** It stands on another. */
    infix fun neq(stage: String): BuiltCondition = build("neq", stage)

    /** It stands on this stage or a later one. */
    infix fun atLeast(stage: String): BuiltCondition = build("at_least", stage)

    /** It stands on this stage or an earlier one. */
    infix fun atMost(stage: String): BuiltCondition = build("at_most", stage)

    private fun build(op: String, stage: String): BuiltCondition {
        val named = if (lifecycle == null) emptyMap() else mapOf("lifecycle" to lifecycle)
        return BuiltCondition(mapOf("stage" to mapOf("op" to op, "value" to stage) + named))
    }
}

/** The stage that the record stands on, in the only lifecycle of its type. */
object Stage : StageOf(null)

/** The stage that the record stands on in [lifecycle]. */
fun stage(lifecycle: String): StageOf = StageOf(lifecycle)

/** A field of the record: an attribute, a part of one such as `home.city`, or `created_at`. */
fun field(name: String): Field = Field(name)

/** Activities of a kind; `any` is every kind. */
fun event(kind: String): EventCondition = EventCondition(mapOf("event" to kind))

/** Records that are related by an association type, or by an attribute of kind reference. */
fun related(name: String): RelatedCondition = RelatedCondition(mapOf("related" to name))

/** Related records for which [where] is true. */
fun related(name: String, where: BuiltCondition): RelatedCondition = related(name).where(where)

/** A change of an attribute. */
fun changed(attribute: String): ChangedCondition = ChangedCondition(mapOf("changed" to attribute))

/** Every one is true; true if there are none. */
fun allOf(vararg conditions: BuiltCondition): BuiltCondition = BuiltCondition(mapOf("all" to conditions.asList()))

/** At least one is true; false if there are none. */
fun anyOf(vararg conditions: BuiltCondition): BuiltCondition = BuiltCondition(mapOf("any" to conditions.asList()))

/** The record is a member of a segment. */
fun inSegment(name: String): BuiltCondition = BuiltCondition(mapOf("segment" to name))

/** A score of the record, the only one by default; `score.group` is that of one group. */
fun score(name: String? = null): Measure = Measure { op, value ->
    val named = if (name == null) emptyMap() else mapOf("name" to name)
    BuiltCondition(mapOf("score" to named + mapOf("op" to op, "value" to valueOf(value))))
}

/**
 * The person allowed it, by the ledger and by what is suppressed. Caps, pressure, quiet hours and how often the person
 * wants to be contacted are aside: ask `consents.decide` before each contact.
 */
fun consent(channel: String, purpose: String): BuiltCondition =
    BuiltCondition(mapOf("consent" to mapOf("channel" to channel, "purpose" to purpose)))

private fun write(out: StringBuilder, part: Any?) {
    when (part) {
        is BuiltCondition -> write(out, BuiltCondition.partsOf(part))
        is Map<*, *> -> {
            part.entries.joinTo(out, ",", "{", "}") { (key, value) ->
                buildString {
                    write(this, key)
                    append(':')
                    write(this, value)
                }
            }
        }
        is Iterable<*> -> part.joinTo(out, ",", "[", "]") { item -> buildString { write(this, item) } }
        is Value -> write(out, plain(part))
        is CharSequence -> quote(out, part)
        // Null, truth values and numbers are written as Kotlin writes them; NaN is refused by the engine.
        else -> out.append(part)
    }
}

private fun plain(value: Value): Any? = when (value) {
    is Value.Null -> null
    is Value.Bool -> value.v1
    is Value.Integer -> value.v1
    is Value.Real -> value.v1
    is Value.Text -> value.v1
    is Value.Texts -> value.v1
    is Value.Money -> mapOf("amount" to value.v1.amount, "currency" to value.v1.currency)
    is Value.Address -> with(value.v1) {
        mapOf("street" to street, "city" to city, "region" to region, "postal_code" to postalCode, "country" to country)
    }
    is Value.File -> with(value.v1) {
        mapOf("hash" to hash, "name" to name, "media_type" to mediaType, "size" to size)
    }
}

private fun quote(out: StringBuilder, text: CharSequence) {
    out.append('"')
    for (char in text) {
        when {
            char == '"' || char == '\\' -> out.append('\\').append(char)
            char < ' ' -> out.append("\\u%04x".format(char.code))
            else -> out.append(char)
        }
    }
    out.append('"')
}
