package org.crmcore

import java.math.BigDecimal
import java.net.URI
import java.time.Instant
import java.time.LocalDate
import java.time.OffsetDateTime
import java.time.ZoneId
import java.util.Locale
import java.util.UUID
import org.crmcore.model.Address
import org.crmcore.model.Kind
import org.crmcore.model.Money
import org.crmcore.model.Record
import org.crmcore.model.Value
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Test

class ValuesTest {
    private val crm = Crm.open(":memory:")

    @AfterEach
    fun close() = crm.close()

    /** A record that holds [value] in an attribute `it`, read again. */
    private fun stored(kind: Kind, value: Any?, options: List<String> = emptyList(), target: String? = null): Record {
        val type = kind.name.lowercase() + "_probe"
        crm.defineType(type, attribute("it", kind, options = options, target = target))
        return crm.records(type).let { it[it.create("it" to value).id] }
    }

    @Test
    fun `values of Kotlin come back as they went`() {
        assertEquals("Ännchen 🎈", stored(Kind.TEXT, "Ännchen 🎈").string("it"))
        assertEquals(Long.MAX_VALUE, stored(Kind.INTEGER, Long.MAX_VALUE).long("it"))
        assertEquals(-7L, stored(Kind.INTEGER, (-7).toShort()).long("it"))
        assertEquals(0.1, stored(Kind.REAL, 0.1).double("it"))
        assertEquals(true, stored(Kind.CHECKBOX, true).boolean("it"))
        assertEquals(BigDecimal("12.30"), stored(Kind.DECIMAL, BigDecimal("12.3")).decimal("it"))
        val day = LocalDate.of(2024, 2, 29)
        assertEquals(day, stored(Kind.DATE, day).localDate("it"))
        assertEquals(Locale.GERMANY.toLanguageTag(), stored(Kind.LOCALE, Locale.GERMANY).string("it"))
        assertEquals("Europe/Berlin", stored(Kind.TIME_ZONE, ZoneId.of("Europe/Berlin")).string("it"))
        assertEquals("https://example.org/a", stored(Kind.URL, URI("https://example.org/a")).string("it"))
        assertEquals(listOf("a", "b"), stored(Kind.CHOICES, listOf("a", "b"), options = listOf("a", "b", "c")).strings("it"))
        assertEquals(Money("19.90", "EUR"), stored(Kind.MONEY, Money("19.90", "EUR")).money("it"))
        val address = Address(street = "Weg 1\nHinterhaus", city = "Ulm", country = "DE")
        assertEquals(address, stored(Kind.ADDRESS, address).address("it"))
    }

    @Test
    fun `moments keep their microseconds, whatever their offset`() {
        val moment = Instant.parse("2026-01-31T12:00:00.123456789Z")
        val kept = Instant.parse("2026-01-31T12:00:00.123456Z")
        assertEquals(kept, stored(Kind.TIMESTAMP, moment).instant("it"))
        assertEquals(kept, stored(Kind.TIMESTAMP, OffsetDateTime.parse("2026-01-31T13:00:00.123456+01:00")).instant("it"))
        assertEquals(Instant.EPOCH.minusNanos(1000), stored(Kind.TIMESTAMP, Instant.EPOCH.minusNanos(1000)).instant("it"))
    }

    @Test
    fun `a record refers to another`() {
        val acme = crm.companies.create("name" to "Acme")
        val record = stored(Kind.REFERENCE, acme, target = "company")
        assertEquals(UUID.fromString(acme.id), record.uuid("it"))
        assertEquals(acme.id, stored(Kind.REFERENCE, UUID.fromString(acme.id), target = "company").string("it"))
    }

    @Test
    fun `what has no value reads as null`() {
        val record = stored(Kind.TEXT, null)
        assertEquals(Value.Null, record["it"])
        assertNull(record.string("it"))
        assertNull(record.long("it"))
        assertNull(record.localDate("it"))
        assertEquals(emptyList<String>(), record.strings("it"))
    }

    @Test
    fun `a reader of another kind is refused, without the value`() {
        val record = stored(Kind.TEXT, "secret")
        for (read in listOf<() -> Any?>({ record.long("it") }, { record.instant("it") }, { record.decimal("it") }, { record.money("it") })) {
            val error = assertThrows(IllegalStateException::class.java) { read() }
            assertFalse("secret" in error.message!!)
        }
        assertEquals(7.0, stored(Kind.INTEGER, 7).double("it"))
    }

    @Test
    fun `what is no value is refused, without its content`() {
        for (value in listOf(Thread.currentThread(), mapOf("a" to "b"), listOf("a", null), listOf(1))) {
            assertThrows(IllegalArgumentException::class.java) { valueOf(value) }
        }
    }
}
