package org.crmcore

import java.math.BigDecimal
import java.math.BigInteger
import java.net.URI
import java.time.Instant
import java.time.LocalDate
import java.time.OffsetDateTime
import java.time.ZoneId
import java.time.ZonedDateTime
import java.time.temporal.ChronoUnit
import java.util.Locale
import java.util.UUID
import org.crmcore.model.Address
import org.crmcore.model.CrmException
import org.crmcore.model.FileRef
import org.crmcore.model.Money
import org.crmcore.model.Record
import org.crmcore.model.Value

/**
 * [value] as the engine takes it: null, a [Value], text, truth values, numbers ([BigDecimal] for money and
 * decimals), [LocalDate], [Instant] and moments with a zone (to the microsecond), [UUID], [Locale],
 * [ZoneId], [URI], [Money], [Address], [FileRef], a [Record] to refer to, and lists of these as texts.
 *
 * Throws [IllegalArgumentException] for anything else, and [CrmException.InvalidValue] for text with half of a
 * surrogate pair, which is no Unicode.
 */
fun valueOf(value: Any?): Value = when (value) {
    null -> Value.Null
    is Value -> value
    is Boolean -> Value.Bool(value)
    is Byte, is Short, is Int, is Long -> Value.Integer((value as Number).toLong())
    is Float, is Double -> Value.Real((value as Number).toDouble())
    is Money -> Value.Money(value)
    is Address -> Value.Address(value)
    is FileRef -> Value.File(value)
    is Iterable<*> -> Value.Texts(value.map(::textOf))
    is Array<*> -> Value.Texts(value.map(::textOf))
    else -> Value.Text(textOf(value))
}

/** [values] as the engine takes them, each as [valueOf] has it; what is thrown names the attribute. */
fun valuesOf(values: Map<String, Any?>): Map<String, Value> = values.mapValues { (attribute, value) ->
    try {
        valueOf(value)
    } catch (error: IllegalArgumentException) {
        throw IllegalArgumentException("$attribute: ${error.message}", error)
    } catch (error: CrmException.InvalidValue) {
        throw CrmException.InvalidValue(error.detail, attribute, error.hint)
    }
}

/** [text], unless it has half of a surrogate pair: it cannot be handed to the engine. */
private fun wellFormed(text: String): String {
    if (Charsets.UTF_8.newEncoder().canEncode(text)) return text
    throw CrmException.InvalidValue("the text is not Unicode", null, "it has half of a surrogate pair; was it cut in two?")
}

private fun textOf(value: Any?): String = when (value) {
    is CharSequence, is Char -> wellFormed(value.toString())
    is BigInteger, is LocalDate, is UUID, is URI -> value.toString()
    is BigDecimal -> value.toPlainString()
    is Instant -> value.truncatedTo(ChronoUnit.MICROS).toString()
    is OffsetDateTime -> textOf(value.toInstant())
    is ZonedDateTime -> textOf(value.toInstant())
    is Locale -> value.toLanguageTag()
    is ZoneId -> value.id
    is Record -> value.id
    else -> throw IllegalArgumentException("no value can be made of ${value?.javaClass?.name ?: "null in a list"}")
}

/** The value of [attribute]; [Value.Null] if it has none. */
operator fun Record.get(attribute: String): Value = values[attribute] ?: Value.Null

/** The text of [attribute], or null if it has no value. Throws [IllegalStateException] if the value is no text. */
fun Record.string(attribute: String): String? = read<Value.Text, String>(attribute, "text") { it.v1 }

/** The whole number of [attribute], or null if it has no value. Throws [IllegalStateException] if the value is none. */
fun Record.long(attribute: String): Long? = read<Value.Integer, Long>(attribute, "a whole number") { it.v1 }

/** The number of [attribute], whole or not, or null if it has no value. Throws [IllegalStateException] if the value is none. */
fun Record.double(attribute: String): Double? = when (val value = this[attribute]) {
    is Value.Integer -> value.v1.toDouble()
    else -> read<Value.Real, Double>(attribute, "a number") { it.v1 }
}

/** The truth value of [attribute], or null if it has no value. Throws [IllegalStateException] if the value is none. */
fun Record.boolean(attribute: String): Boolean? = read<Value.Bool, Boolean>(attribute, "a truth value") { it.v1 }

/** The decimal number of [attribute], or null if it has no value. Throws [IllegalStateException] if the value is none. */
fun Record.decimal(attribute: String): BigDecimal? = parse(attribute, "a decimal number", ::BigDecimal)

/** The day of [attribute], or null if it has no value. Throws [IllegalStateException] if the value is none. */
fun Record.localDate(attribute: String): LocalDate? = parse(attribute, "a date", LocalDate::parse)

/** The moment of [attribute], or null if it has no value. Throws [IllegalStateException] if the value is none. */
fun Record.instant(attribute: String): Instant? = parse(attribute, "a timestamp", Instant::parse)

/** The id that [attribute] refers to, or null if it has no value. Throws [IllegalStateException] if the value is none. */
fun Record.uuid(attribute: String): UUID? = parse(attribute, "an id", UUID::fromString)

/** The texts of [attribute]; none if it has no value. Throws [IllegalStateException] if the value is no list. */
fun Record.strings(attribute: String): List<String> =
    read<Value.Texts, List<String>>(attribute, "a list") { it.v1 }.orEmpty()

/** The amount of [attribute], or null if it has no value. Throws [IllegalStateException] if the value is none. */
fun Record.money(attribute: String): Money? = read<Value.Money, Money>(attribute, "an amount of money") { it.v1 }

/** The postal address of [attribute], or null if it has no value. Throws [IllegalStateException] if the value is none. */
fun Record.address(attribute: String): Address? = read<Value.Address, Address>(attribute, "an address") { it.v1 }

/** The file of [attribute], or null if it has no value. Throws [IllegalStateException] if the value is none. */
fun Record.file(attribute: String): FileRef? = read<Value.File, FileRef>(attribute, "a file") { it.v1 }

private inline fun <reified V : Value, T> Record.read(attribute: String, wanted: String, take: (V) -> T): T? =
    when (val value = this[attribute]) {
        is Value.Null -> null
        is V -> take(value)
        else -> throw mismatch(attribute, wanted)
    }

private inline fun <T> Record.parse(attribute: String, wanted: String, parse: (String) -> T): T? {
    val text = read<Value.Text, String>(attribute, wanted) { it.v1 } ?: return null
    // Neither the text nor the parser's message is passed on: they may be personal.
    return runCatching { parse(text) }.getOrElse { throw mismatch(attribute, wanted) }
}

private fun Record.mismatch(attribute: String, wanted: String) =
    IllegalStateException("attribute $attribute of $entityType does not hold $wanted")
