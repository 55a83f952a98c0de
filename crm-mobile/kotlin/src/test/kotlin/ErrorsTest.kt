package org.crmcore

import org.crmcore.model.CrmException
import org.crmcore.model.ErrorKind
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** Text, field and hint of an error, by the properties that each of its classes has. */
internal fun parts(error: CrmException): List<String?> = listOf("detail", "field", "hint").map { name ->
    error.javaClass.getMethod("get" + name.replaceFirstChar(Char::uppercase)).invoke(error) as String?
}

class ErrorsTest {
    /** One exception of each class that there is. */
    private val exceptions = CrmException::class.sealedSubclasses.map { type ->
        type.constructors.single().call("no such thing", "email", "try another")
    }

    @Test
    fun `there is one class for each kind, and it knows its kind`() {
        assertEquals(ErrorKind.entries.toSet(), exceptions.map { it.kind() }.toSet())
        assertEquals(ErrorKind.entries.size, exceptions.size)
        for (exception in exceptions) {
            assertEquals(exception.kind().name.lowercase(), exception.name())
            assertEquals(exception.kind().value, exception.code())
            assertEquals(exception.kind().name.replace("_", ""), exception.javaClass.simpleName.uppercase())
            assertEquals("email: no such thing (try another)", exception.text())
        }
    }

    @Test
    fun `what may succeed later says so`() {
        val retryable = exceptions.filter { it.isRetryable() }.map { it.kind() }.toSet()
        assertTrue(ErrorKind.BUSY in retryable)
        assertFalse(ErrorKind.DUPLICATE in retryable)
    }

    @Test
    fun `an error names the field and what to do`() = Crm.open(":memory:") { crm ->
        val error = assertThrows(CrmException.UnknownAttribute::class.java) {
            crm.contacts.create("emial" to "ann@example.org")
        }
        assertEquals("emial", error.field)
        assertEquals("did you mean \"email\"?", error.hint)
        assertEquals(0, crm.contacts.count())
    }

    @Test
    fun `an id that is none is an error of ours, wherever it stands`() = Crm.open(":memory:") { crm ->
        val calls = listOf<() -> Any>(
            { crm.contacts["secret"] },
            { crm.contacts.patch("secret", "city" to "Ulm") },
            { crm.contacts.archive("secret") },
            { crm.contacts.history("secret").toList() },
        )
        for (call in calls) {
            val error = assertThrows(CrmException.InvalidArgument::class.java) { call() }
            assertEquals("id", error.field)
            assertTrue("36 characters" in error.hint!!)
            assertFalse("secret" in error.text())
            assertFalse("secret" in error.message)
        }
    }

    @Test
    fun `numbers that are none are refused where they are stored`() = Crm.open(":memory:") { crm ->
        crm.defineType("probe", attribute("level", org.crmcore.model.Kind.REAL))
        for (number in listOf(Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY)) {
            val error = assertThrows(CrmException.InvalidValue::class.java) { crm.records("probe").create("level" to number) }
            assertEquals("level", error.field)
        }
    }

    @Test
    fun `an error without a field has none`() = Crm.open(":memory:") { crm ->
        val error = assertThrows(CrmException.InvalidSql::class.java) { crm.sql("select from") }
        assertNull(error.field)
    }
}
