package org.crmcore

import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.Executors
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import org.crmcore.model.Commit
import org.crmcore.model.CrmException
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Test

class ObserversTest {
    private val crm = Crm.open(":memory:")
    private val seen = CopyOnWriteArrayList<Commit>()

    @AfterEach
    fun close() = crm.close()

    @Test
    fun `an observer is told of each commit, until it is stopped`() {
        val before = crm.changes().last().seq
        val subscription = crm.observe { seen += it }
        crm.companies.create("name" to "Acme")
        crm.actingAs("user:ann").companies.create("name" to "Bolt")
        subscription.close()
        subscription.close()
        crm.companies.create("name" to "Core")
        assertEquals(listOf(before + 1, before + 2), seen.map { it.lastSeq })
    }

    @Test
    fun `an observer is told after the commit, on the thread that wrote`() {
        val names = CopyOnWriteArrayList<String?>()
        crm.observe { commit ->
            names += Thread.currentThread().name
            names += crm.changes(commit.firstSeq - 1).first().actor
        }
        crm.actingAs("user:ann").companies.create("name" to "Acme")
        assertEquals(listOf(Thread.currentThread().name, "user:ann"), names)
    }

    @Test
    fun `a refused write is no commit`() {
        crm.observe { seen += it }
        assertThrows(CrmException.Required::class.java) { crm.companies.create() }
        assertEquals(emptyList<Commit>(), seen)
    }

    @Test
    fun `an observer cannot write`() {
        val errors = CopyOnWriteArrayList<Throwable?>()
        crm.observe { errors += runCatching { crm.companies.create("name" to "Echo") }.exceptionOrNull() }
        crm.companies.create("name" to "Acme")
        assertEquals(listOf(CrmException.Reentrant::class.java), errors.map { it?.javaClass })
        assertEquals(1L, crm.companies.count())
    }

    @Test
    fun `what an observer throws reaches the thread's handler, and the commit stands`() {
        val failures = CopyOnWriteArrayList<String?>()
        crm.observe { error("from the observer") }
        crm.observe { seen += it }
        val thread = Thread { crm.companies.create("name" to "Acme") }
        thread.setUncaughtExceptionHandler { _, failure -> failures += failure.message }
        thread.start()
        thread.join()
        assertEquals(listOf<String?>("from the observer"), failures)
        assertEquals(1, seen.size)
        assertEquals(1L, crm.companies.count())
    }

    @Test
    fun `a flow has every commit`() = runBlocking {
        val commits = async(Dispatchers.Unconfined, CoroutineStart.UNDISPATCHED) { crm.commits.take(3).toList() }
        val writer = Executors.newSingleThreadExecutor()
        repeat(3) { number -> writer.submit { crm.companies.create("name" to "Company $number") }.get() }
        writer.shutdown()
        assertEquals(3, commits.await().map { it.lastSeq }.toSet().size)
    }
}
