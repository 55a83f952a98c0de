package org.crmcore

import java.math.BigInteger
import java.time.Instant
import java.time.LocalDate
import java.time.OffsetDateTime
import java.time.ZoneOffset
import java.time.format.DateTimeFormatter
import java.time.format.DateTimeFormatterBuilder
import java.time.temporal.ChronoField
import java.util.Base64
import kotlin.reflect.KClass
import kotlin.reflect.KParameter
import kotlin.reflect.KType
import kotlin.reflect.full.memberProperties
import kotlin.reflect.full.primaryConstructor
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.contentOrNull
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import org.crmcore.model.Address
import org.crmcore.model.CardVersion
import org.crmcore.model.CheckedCondition
import org.crmcore.model.CloudEventPage
import org.crmcore.model.FileRef
import org.crmcore.model.Money
import org.crmcore.model.OnActivity
import org.crmcore.model.RecordChange
import org.crmcore.model.Retention
import org.crmcore.model.Rule
import org.crmcore.model.RuleAction
import org.crmcore.model.RuleTrigger
import org.crmcore.model.ScoreRule
import org.crmcore.model.Segment
import org.crmcore.model.Stage
import org.crmcore.model.StageTrigger
import org.crmcore.model.TimelineItem
import org.crmcore.model.Value
import org.crmcore.model.ViewAnswer
import org.crmcore.model.ViewQuery

/**
 * From the JSON of the shared cases to the records that the bindings generate, and back.
 *
 * Records are read and built by reflection, so that each default of the generated constructors is in
 * play, and a field that only one side knows fails.
 */
internal object ConformanceJson {
    /** The record of class [type] that [json] describes. */
    fun <T : Any> read(json: JsonElement, type: KClass<T>): T {
        val constructor = type.primaryConstructor ?: return type.constructors.single().call()
        val fields = json.jsonObject.toMutableMap()
        val arguments = mutableMapOf<KParameter, Any?>()
        for (parameter in constructor.parameters) {
            // Only conditions are text that may be handed over as an object.
            val isCondition = parameter.type.classifier == String::class
            val field = fields.remove(jsonName(parameter.name!!)) ?: OTHER_NAMES[parameter.name]?.let(fields::remove)
            when {
                // A condition is handed over as text, or as the text of its JSON.
                isCondition && field is JsonObject -> arguments[parameter] = field.toString()
                field != null -> arguments[parameter] = read(field, parameter.type)
                // A plan, which is answered and handed back, says nothing where there is nothing.
                !parameter.isOptional && parameter.type.isMarkedNullable -> arguments[parameter] = null
                // UniFFI knows no defaults of enumerations; the engine's are the first of each.
                !parameter.isOptional -> arguments[parameter] = firstOf(parameter)
            }
        }
        check(fields.isEmpty()) { "${type.simpleName} has no ${fields.keys}" }
        return constructor.callBy(arguments)
    }

    /** Enumerations of which each case holds a record. */
    private val VARIANTS = setOf(RecordChange::class, ViewQuery::class, RuleTrigger::class, RuleAction::class)

    private fun caseName(case: KClass<*>): String = jsonName(case.simpleName!!.replaceFirstChar(Char::lowercase))

    /** Names that are words of the languages. */
    private val OTHER_NAMES = mapOf("condition" to "where", "name" to "as")

    private fun firstOf(parameter: KParameter): Any? =
        (parameter.type.classifier as KClass<*>).java.enumConstants?.first() ?: error("${parameter.name} is missing")

    private fun read(json: JsonElement, type: KType): Any? {
        if (json is JsonNull && type.isMarkedNullable) return null
        val kind = type.classifier as KClass<*>
        return when {
            kind == Value::class -> value(json)
            kind in VARIANTS -> variant(json.jsonObject, kind)
            kind == List::class -> json.jsonArray.map { read(it, type.arguments.single().type!!) }
            kind == Map::class -> json.jsonObject.mapValues { read(it.value, type.arguments.last().type!!) }
            kind == String::class -> text(json)
            kind == Boolean::class -> json.jsonPrimitive.content.toBooleanStrict()
            kind == Int::class -> json.jsonPrimitive.content.toInt()
            kind == Long::class -> json.jsonPrimitive.content.toLong()
            kind == Double::class -> json.jsonPrimitive.content.toDouble()
            kind == UByte::class -> json.jsonPrimitive.content.toUByte()
            kind == UInt::class -> json.jsonPrimitive.content.toUInt()
            kind == ULong::class -> json.jsonPrimitive.content.toULong()
            kind == ByteArray::class -> Base64.getDecoder().decode(text(json))
            kind == LocalDate::class -> LocalDate.parse(text(json))
            kind == Instant::class -> OffsetDateTime.parse(text(json)).toInstant()
            kind.java.isEnum -> kind.java.enumConstants.single { jsonName(it) == text(json) }
            else -> read(json, kind)
        }
    }

    private fun variant(json: JsonObject, kind: KClass<*>): Any {
        val (name, request) = json.entries.single()
        val case = kind.sealedSubclasses.single { caseName(it) == name }
        val constructor = case.primaryConstructor!!
        return constructor.call(read(request, constructor.parameters.single().type))
    }

    /** The value that [json] stands for. */
    private fun value(json: JsonElement): Value = when {
        json is JsonNull -> Value.Null
        json is JsonArray -> Value.Texts(json.map(::text))
        json is JsonObject && "amount" in json -> Value.Money(read(json, Money::class))
        json is JsonObject && "hash" in json -> Value.File(read(json, FileRef::class))
        json is JsonObject -> Value.Address(read(json, Address::class))
        json.jsonPrimitive.isString -> Value.Text(json.jsonPrimitive.content)
        else -> scalar(json.jsonPrimitive.content)
    }

    private fun scalar(content: String): Value =
        content.toBooleanStrictOrNull()?.let(Value::Bool)
            ?: content.toLongOrNull()?.let(Value::Integer)
            ?: Value.Real(content.toDouble())

    private fun text(json: JsonElement): String {
        check(json is JsonPrimitive && json.isString) { "a text is expected" }
        return json.content
    }

    /** [result] as the engine's JSON has it. Fields without a value are left out, values are not. */
    fun write(result: Any?): JsonElement = when (result) {
        null, is Value.Null -> JsonNull
        is Value.Bool -> JsonPrimitive(result.v1)
        is Value.Integer -> JsonPrimitive(result.v1)
        is Value.Real -> JsonPrimitive(result.v1)
        is Value.Text -> JsonPrimitive(result.v1)
        is Value.Texts -> write(result.v1)
        is Value.Money -> write(result.v1)
        is Value.Address -> write(result.v1)
        is Value.File -> write(result.v1)
        is String -> JsonPrimitive(result)
        is Boolean -> JsonPrimitive(result)
        is Number -> JsonPrimitive(result)
        is UByte, is UInt, is ULong -> JsonPrimitive(BigInteger(result.toString()))
        is ByteArray -> JsonPrimitive(Base64.getEncoder().encodeToString(result))
        is LocalDate -> JsonPrimitive(result.toString())
        is Instant -> JsonPrimitive(MOMENT.format(result.atOffset(ZoneOffset.UTC)))
        is Enum<*> -> JsonPrimitive(jsonName(result))
        is TimelineItem.Activity -> JsonObject(mapOf("activity" to write(result.v1)))
        is TimelineItem.Change -> JsonObject(mapOf("change" to write(result.v1)))
        is ViewQuery.Select -> JsonObject(mapOf("select" to write(result.v1)))
        is ViewQuery.Group -> JsonObject(mapOf("group" to write(result.v1)))
        is ViewQuery.Pivot -> JsonObject(mapOf("pivot" to write(result.v1)))
        is ViewAnswer.Rows -> JsonObject(mapOf("rows" to write(result.v1)))
        is ViewAnswer.Pivot -> JsonObject(mapOf("pivot" to write(result.v1)))
        is TimelineItem.Association -> JsonObject(mapOf("association" to write(result.v1)))
        is TimelineItem.Stage -> JsonObject(mapOf("stage" to write(result.v1)))
        is RuleTrigger, is RuleAction -> {
            val content = result::class.memberProperties.single().getter.call(result)
            JsonObject(mapOf(caseName(result::class) to write(content)))
        }
        is OnActivity -> JsonObject(record(result) + conditions("filter" to result.filter))
        is Retention -> JsonObject(record(result) - "condition" + conditions("where" to result.condition))
        is Rule -> JsonObject(record(result) - "condition" + conditions("where" to result.condition))
        is Segment -> JsonObject(record(result) - "condition" + conditions("where" to result.condition))
        is Stage -> JsonObject(record(result) + conditions("guard" to result.guard))
        is StageTrigger ->
            JsonObject(record(result) - "condition" + conditions("filter" to result.filter, "where" to result.condition))
        is ScoreRule ->
            JsonObject(record(result) - "condition" + conditions("filter" to result.filter, "where" to result.condition))
        is CheckedCondition -> JsonObject(record(result) + ("condition" to Json.parseToJsonElement(result.condition)))
        is CloudEventPage -> JsonObject(record(result) + ("events" to JsonArray(result.events.map(Json::parseToJsonElement))))
        is List<*> -> JsonArray(result.map(::write))
        is Map<*, *> -> JsonObject(result.entries.associate { it.key as String to write(it.value) })
        else -> record(result)
    }

    /** Conditions, which are carried as the text of their JSON. */
    private fun conditions(vararg texts: Pair<String, String?>): Map<String, JsonElement> =
        texts.mapNotNull { (name, text) -> text?.let { name to Json.parseToJsonElement(it) } }.toMap()

    private fun record(record: Any): JsonObject {
        val fields = record::class.memberProperties.associate { jsonName(it.name) to it.getter.call(record) }
        return JsonObject(fields.filterValues { it != null }.mapValues { write(it.value) })
    }

    private val TYPES = setOf("entityType", "associationType")

    /** Names in JSON that are no names in Kotlin. */
    private val CARD_VERSIONS = mapOf(CardVersion.V2 to "2.1", CardVersion.V3 to "3.0", CardVersion.V4 to "4.0")

    private fun jsonName(case: Any): String = CARD_VERSIONS[case] ?: (case as Enum<*>).name.lowercase()

    private fun jsonName(property: String): String =
        if (property in TYPES) "type" else property.replace(Regex("[A-Z]")) { "_" + it.value.lowercase() }

    /** RFC 3339 with as many decimal places as there are. */
    private val MOMENT: DateTimeFormatter = DateTimeFormatterBuilder()
        .appendPattern("uuuu-MM-dd'T'HH:mm:ss")
        .appendFraction(ChronoField.NANO_OF_SECOND, 0, 9, true)
        .appendLiteral('Z')
        .toFormatter()
}

/** Where [actual] differs from [expected] by the rules of the cases, or null. */
internal fun difference(expected: JsonElement, actual: JsonElement?, path: String = "", exact: Boolean = false): String? = when {
    expected is JsonPrimitive && expected.isString && expected.content == "\$any" ->
        "$path: nothing there".takeIf { actual == null || actual is JsonNull }
    expected is JsonNull -> "$path: expected null".takeIf { if (exact) actual !is JsonNull else actual != null && actual !is JsonNull }
    expected is JsonObject && actual is JsonObject -> {
        val surplus = (actual.keys - expected.keys).firstOrNull { exact }
        surplus?.let { "$path/$it: not expected" } ?: expected.entries.firstNotNullOfOrNull { (key, value) ->
            difference(value, actual[key], "$path/$key", exact || key == "values" || key == "typed")
        }
    }
    expected is JsonArray && actual is JsonArray ->
        if (expected.size != actual.size) "$path: expected ${expected.size} items, found ${actual.size}"
        else expected.indices.firstNotNullOfOrNull { difference(expected[it], actual[it], "$path/$it", exact) }
    expected is JsonPrimitive && actual is JsonPrimitive && same(expected, actual) -> null
    else -> "$path: expected $expected, found $actual"
}

private fun same(expected: JsonPrimitive, actual: JsonPrimitive): Boolean {
    if (expected.isString || actual.isString) return expected == actual
    val wholes = listOf(expected, actual).map { it.contentOrNull?.toBigIntegerOrNull() }
    if (null !in wholes && "-0" !in listOf(expected.content, actual.content)) return wholes[0] == wholes[1]
    val numbers = listOf(expected, actual).map { it.content.toDoubleOrNull() }
    if (null in numbers) return expected.content == actual.content
    return numbers[0]!!.compareTo(numbers[1]!!) == 0
}
